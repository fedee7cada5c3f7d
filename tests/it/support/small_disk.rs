//! A disk that can run full, and a folder that can only be read, where the tests may mount them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk; it goes with the test.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where the tests may not mount one.
    pub fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m,mode=700");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        done.is_ok_and(|done| done.status.success()).then(|| Self(at.to_owned()))
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("fill")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        while file.write_all(&[0; 1]).is_ok() {}
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.0.join("fill")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

/// A folder that can only be read, whoever one is; it can be written again when this goes.
pub struct ReadOnly(PathBuf);

impl ReadOnly {
    /// `None` where the tests may not mount.
    pub fn mount(at: &Path) -> Option<Self> {
        let bound = Command::new("mount").arg("--bind").arg(at).arg(at).output();
        if !bound.is_ok_and(|done| done.status.success()) {
            return None;
        }
        let mounted = Self(at.to_owned());
        let again = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(at).output();
        again.is_ok_and(|done| done.status.success()).then_some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}
