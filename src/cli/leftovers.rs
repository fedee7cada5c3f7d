//! `captd leftovers` reads or removes what lies in a folder that a run may write: started by captd, never by a person.
//!
//! **Invariant:** no runtime, one thread: it gives up its rights before it opens anything.

use std::ffi::OsString;
use std::process::ExitCode;

use super::output::note;
use crate::supervisor;

/// Does it, and ends.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    match supervisor::leftovers(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            note(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}
