//! What a run keeps on the disk, and what of it goes early.

use std::fs;
use std::path::{Path, PathBuf};

use crate::supervisor;

/// The plan that was saved and is applied.
pub(super) fn saved_plan(run_dir: &Path) -> PathBuf {
    run_dir.join("plan.tfplan")
}

/// The folder of a run's command.
pub(super) fn step_dir(run_dir: &Path, number: u8, name: &str) -> PathBuf {
    run_dir.join(format!("{number}-{name}"))
}

/// Removes what Terraform answered in full, sensitive values included, once it has been read.
pub fn forget_answers(run_dir: &Path) {
    for folder in [step_dir(run_dir, 3, "show"), step_dir(run_dir, 5, "output")] {
        // What is not there needs no removing; what stays is removed with the run.
        fs::remove_dir_all(folder).ok();
    }
}

/// Kills the commands of a run that change nothing.
pub(super) fn kill_all(run_dir: &Path) {
    for (number, name) in [(1, "init"), (2, "plan"), (3, "show")] {
        let folder = step_dir(run_dir, number, name);
        if let Err(error) = supervisor::kill(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "cannot end a command");
        }
    }
}
