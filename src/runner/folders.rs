//! What a run keeps on the disk, and what of it goes early.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::render::VALUES_FILE;
use crate::supervisor;
use crate::supervisor::confine::{sockets_dir, tmp_dir};

/// The file that says that a run's work folder is whole.
pub const WORK_MADE: &str = "work.json";

/// How the names of saved plans end.
const PLAN: &str = "tfplan";

/// The plan that the command at `place` saves.
pub(super) fn saved_plan(run_dir: &Path, place: &str) -> PathBuf {
    run_dir.join(format!("{place}.{PLAN}"))
}

/// The plan that is applied, as it came back from where it was kept.
pub(super) fn applied_plan(run_dir: &Path) -> PathBuf {
    run_dir.join(format!("apply.{PLAN}"))
}

/// Marks a run whose commands have the whole schema of their providers.
pub(super) fn whole_schema(run_dir: &Path) -> PathBuf {
    run_dir.join("whole-schema")
}

/// What a run is given to read, and what may change while it is at work: its values, and what is looked for.
pub(super) fn given(run_dir: &Path) -> PathBuf {
    run_dir.join("given")
}

/// Says that the work folder of a run is whole, and by which init it works.
pub(super) fn work_made(run_dir: &Path) -> PathBuf {
    run_dir.join(WORK_MADE)
}

/// Where captd keeps everything: runs and trials each have a folder there, which holds theirs.
pub(super) fn data_dir(run_dir: &Path) -> PathBuf {
    run_dir.ancestors().nth(2).unwrap_or(run_dir).to_owned()
}

/// Where folders lie that cannot be removed: beside those of all runs.
pub(super) fn aside(run_dir: &Path) -> PathBuf {
    data_dir(run_dir).join(supervisor::ASIDE)
}

/// Names a folder that a run has left and that cannot be removed.
pub(super) fn tell_left(path: &Path, why: &str) {
    tracing::warn!(path = %path.display(), why, "what a run has left cannot be removed, and was set aside");
}

/// Marks a run that plans with providers of its own, since one that it shared was lost.
pub(super) fn plain_way(run_dir: &Path) -> PathBuf {
    run_dir.join("plain-way")
}

/// The folder of a run's command. Their names sort in the order of the commands.
pub(super) fn step_dir(run_dir: &Path, place: &str, name: &str) -> PathBuf {
    run_dir.join(format!("{place}-{name}"))
}

/// What lies in a run's folder, by name.
fn entries(run_dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(run_dir).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

/// Removes the values that Terraform was given, when a stage of a run is over. The next one puts them back.
pub fn forget_values(run_dir: &Path) {
    forget(&[given(run_dir).join(VALUES_FILE)]);
}

/// Removes the temporary files of planning.
pub async fn forget_temporary(run_dir: &Path) {
    for (path, why) in supervisor::remove_left(&[tmp_dir(run_dir), sockets_dir(run_dir)], &aside(run_dir)).await {
        tell_left(&path, &why);
    }
}

/// Removes what planning left that holds values in the clear, once it was taken in. The apply may
/// have begun meanwhile.
pub fn forget_planning(run_dir: &Path) {
    let left = entries(run_dir).into_iter().filter(|(name, _)| {
        name.ends_with("-show") || (name.ends_with(PLAN) && *run_dir.join(name) != applied_plan(run_dir))
    });
    forget(&left.map(|(_, path)| path).collect::<Vec<_>>());
}

/// Removes all that the commands of a run have left in its own folder, none of which may be alive.
///
/// # Errors
/// When a folder cannot be removed.
pub(super) fn forget_commands(run_dir: &Path) -> io::Result<()> {
    for (name, path) in entries(run_dir) {
        if name.ends_with(PLAN) {
            fs::remove_file(&path)?;
        } else if path.is_dir() {
            // What it looked for (`given`), too.
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Removes what applying left that holds values in the clear, once it was taken in.
pub fn forget_applying(run_dir: &Path) {
    forget(&[step_dir(run_dir, "5", "output"), applied_plan(run_dir)]);
}

fn forget(paths: &[PathBuf]) {
    for path in paths {
        // What is not there needs no removing; what stays is removed with the run.
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.ok();
    }
}

/// Kills the commands of a run that change nothing.
pub fn kill_all(run_dir: &Path) {
    for (name, folder) in entries(run_dir) {
        if !folder.is_dir() || name.ends_with("-apply") {
            continue;
        }
        if let Err(error) = supervisor::kill(&folder) {
            tracing::warn!(%error, "a command cannot be ended");
        }
    }
}
