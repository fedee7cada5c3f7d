//! `captd supervise <run dir>` owns one terraform, `captd exec` becomes one: started by captd, never
//! by a person.
//!
//! **Invariant:** no runtime, no client, no thread that stays: it is small, since many live at once.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use super::output::note;
use crate::domain::time::SystemClock;
use crate::supervisor;

/// Runs the command of a folder to its end.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let [folder] = arguments else {
        note("error: `captd supervise` takes the folder of a command; the daemon starts it, no person needs to");
        return ExitCode::from(2);
    };
    match supervisor::supervise(Path::new(folder), &SystemClock) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Becomes another program.
pub(super) fn exec(arguments: &[OsString]) -> ExitCode {
    note(format_args!("error: `captd exec`: {}", supervisor::exec(arguments)));
    ExitCode::FAILURE
}
