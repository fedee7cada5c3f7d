//! A data folder on which no daemon works.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// As long as it is held no daemon begins to work there; where the folder was never used, there is
/// nothing to hold.
#[derive(Debug)]
pub(super) struct AtRest(#[expect(dead_code, reason = "it is the lock that counts")] Option<File>);

impl AtRest {
    /// `None` while a daemon works there, or where that cannot be known.
    pub(super) fn take(data_dir: &Path) -> Option<Self> {
        match File::open(data_dir.join("captd.lock")) {
            Ok(lock) => lock.try_lock_shared().is_ok().then_some(Self(Some(lock))),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self(None)),
            Err(_) => None,
        }
    }
}

/// The database of a data folder.
pub(super) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("captd.db")
}
