//! A provider that hangs while an apply waits for it: noted in a file for whoever looks after the command.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use captd_process::write_json;
use serde::{Deserialize, Serialize};

/// A provider that does not answer. Since when, the file says in which this stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    /// `registry.terraform.io/hashicorp/aws`
    pub provider: String,
}

/// The note of one command.
#[derive(Debug)]
pub(super) struct Silence {
    note: PathBuf,
    waiting: Mutex<u32>,
}

impl Silence {
    pub(super) fn new(note: &Path) -> Self {
        Self { note: note.to_owned(), waiting: Mutex::new(0) }
    }

    /// Notes that the command waits for `provider`, for as long as what it gives is kept.
    pub(super) fn of(&self, provider: &str) -> Waiting<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting += 1;
        let silent = Silent { provider: provider.to_owned() };
        if *waiting == 1
            && let Err(error) = write_json(&self.note, &silent)
        {
            tracing::warn!(%error, "cannot note that a provider hangs");
        }
        Waiting { silence: self }
    }
}

/// One who waits.
pub(super) struct Waiting<'a> {
    silence: &'a Silence,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.silence.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting -= 1;
        if *waiting == 0 {
            // What is not there was not written.
            std::fs::remove_file(&self.silence.note).ok();
        }
    }
}
