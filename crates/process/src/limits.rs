//! What a command and all that it starts may take of the machine: what the kernel holds for each process, and what is
//! counted for all of them together.
//!
//! **Invariant:** `RLIMIT_NPROC` and `RLIMIT_AS` are not used: one counts what else its user does, the other what Go only
//! reserves.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Names in a folder that are looked at; one with more is not measured.
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

/// Bytes that what lies in a folder takes on the disk; `None` where that cannot be told, since it has more names than are
/// looked at, a path that is too long for a call, or a folder that is shut. Somebody else may write there: no link is
/// followed, and nothing is opened but folders.
#[must_use]
pub fn bytes_in(folder: &Path) -> Option<u64> {
    let Ok(root) = openat(CWD, folder, FOLDER, Mode::empty()) else { return Some(0) };
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let mut measured = Measured::default();
    let mut left = VecDeque::from([PathBuf::from(".")]);
    while let Some(below) = left.pop_front() {
        match openat2(&root, &below, FOLDER, Mode::empty(), inside) {
            Ok(open) => measured.add(&open, &below, &mut left)?,
            Err(error) => hides_nothing(error)?,
        }
    }
    Some(measured.bytes)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is gone or is another by now is not counted; what cannot be looked into may hold anything.
fn hides_nothing(error: Errno) -> Option<()> {
    (!matches!(error, Errno::NAMETOOLONG | Errno::ACCESS | Errno::PERM)).then_some(())
}

#[derive(Default)]
struct Measured {
    bytes: u64,
    names: u32,
}

impl Measured {
    /// Adds what lies directly in a folder.
    fn add(&mut self, open: &OwnedFd, below: &Path, left: &mut VecDeque<PathBuf>) -> Option<()> {
        for entry in Dir::read_from(open).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.names += 1;
            if self.names > NAMES_MAX {
                return None;
            }
            let about = match statat(open, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(about) => about,
                Err(error) => {
                    hides_nothing(error)?;
                    continue;
                }
            };
            self.bytes += u64::try_from(about.st_blocks).unwrap_or_default() * BLOCK_BYTES;
            if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
                // Whatever its bytes are: a name need not be text.
                left.push_back(below.join(OsStr::from_bytes(name.to_bytes())));
            }
        }
        Some(())
    }
}
