//! What a command and all that it starts may take of the machine: what the kernel holds for each process, and what is
//! counted for all of them together.
//!
//! **Invariant:** `RLIMIT_NPROC` and `RLIMIT_AS` are not used: one counts what else its user does, the other what Go only
//! reserves.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Names in a folder that are measured; what is beyond is not counted.
const NAMES_MAX: u32 = 200_000;
/// Bytes of a block, as the kernel counts what a file takes.
const BLOCK_BYTES: u64 = 512;

/// What a command may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of one process's data segment.
    pub data_bytes: u64,
    /// Files that one process has open.
    pub open_files: u64,
    /// Processes that live at the same time.
    pub processes: u64,
    /// Bytes in the folder that it works in.
    pub folder_bytes: u64,
    /// Whether a command that takes more is ended. An apply goes on: its end would lose what it has made.
    pub ends: bool,
}

impl Limits {
    /// Lets this process, and all that it starts from now on, take no more of what the kernel counts.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn impose(&self) -> io::Result<()> {
        let limits = [
            (Resource::Fsize, self.file_bytes),
            (Resource::Data, self.data_bytes),
            (Resource::Nofile, self.open_files),
            // What a process had in its memory lies in no file.
            (Resource::Core, 0),
        ];
        for (resource, limit) in limits {
            let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let limit = Some(limit.min(allowed));
            setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
        }
        Ok(())
    }
}

/// The processes that `pid` has begun, and those that these have begun, at most about `most` of them.
#[must_use]
pub fn descendants(pid: u32, most: u64) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut left = VecDeque::from([pid]);
    while let Some(pid) = left.pop_front() {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            left.extend(
                text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).filter(|it| found.insert(*it)),
            );
        }
        if found.len() as u64 > most {
            break;
        }
    }
    found
}

/// Bytes that what lies in a folder takes on the disk. Somebody else may write there: no link is followed, nothing is
/// opened but folders, and no more is looked at than a bounded number of names.
#[must_use]
pub fn bytes_in(folder: &Path) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(root) = openat(CWD, folder, flags, Mode::empty()) else { return 0 };
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let (mut bytes, mut names) = (0_u64, 0_u32);
    let mut left = VecDeque::from([PathBuf::from(".")]);
    while let Some(below) = left.pop_front() {
        // One whose path is too long for a call is not counted.
        let Ok(open) = openat2(&root, &below, flags, Mode::empty(), inside) else { continue };
        names += measure(&open, &below, &mut bytes, &mut left);
        if names > NAMES_MAX {
            break;
        }
    }
    bytes
}

/// Adds what lies directly in a folder; gives back how many names it has.
fn measure(open: &OwnedFd, below: &Path, bytes: &mut u64, left: &mut VecDeque<PathBuf>) -> u32 {
    let mut names = 0;
    for entry in Dir::read_from(open).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        names += 1;
        let Ok(about) = statat(open, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        *bytes += u64::try_from(about.st_blocks).unwrap_or_default() * BLOCK_BYTES;
        if FileType::from_raw_mode(about.st_mode) == FileType::Directory && left.len() < NAMES_MAX as usize {
            left.push_back(below.join(std::ffi::OsStr::new(&*name.to_string_lossy())));
        }
        if names > NAMES_MAX {
            break;
        }
    }
    names
}
