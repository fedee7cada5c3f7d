//! What a run keeps on the disk, and what of it goes early.

use std::fs;
use std::path::{Path, PathBuf};

use crate::supervisor::{self, confine::tmp_dir};

/// The plan that was saved and is applied.
pub(super) fn saved_plan(run_dir: &Path) -> PathBuf {
    run_dir.join("plan.tfplan")
}

/// The plan that is applied, as it came back from where it was kept.
pub(super) fn applied_plan(run_dir: &Path) -> PathBuf {
    run_dir.join("apply.tfplan")
}

/// The folder of a run's command.
pub(super) fn step_dir(run_dir: &Path, number: u8, name: &str) -> PathBuf {
    run_dir.join(format!("{number}-{name}"))
}

/// Removes what planning left that holds values in the clear, once it was taken in.
pub fn forget_planning(run_dir: &Path) {
    forget(&[step_dir(run_dir, 3, "show"), saved_plan(run_dir), tmp_dir(run_dir)]);
}

/// Removes what applying left that holds values in the clear, once it was taken in.
pub fn forget_applying(run_dir: &Path) {
    forget(&[step_dir(run_dir, 5, "output"), applied_plan(run_dir), tmp_dir(run_dir)]);
}

fn forget(paths: &[PathBuf]) {
    for path in paths {
        // What is not there needs no removing; what stays is removed with the run.
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.ok();
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
