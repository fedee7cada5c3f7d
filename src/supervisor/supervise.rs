//! What `captd supervise <folder>` does: run one command to its end, whatever becomes of others.
//!
//! **Invariant:** needs no daemon, holds no pipe, and starts its command at most once.

use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use super::process::Process;
use super::record::{self, Exit, Invocation};
use super::{Result, failed};
use crate::domain::time::Clock;

/// Runs the command of `folder`. Gives back without starting it when another supervisor has the
/// folder, when it has been run, or when the daemon has abandoned it.
///
/// # Errors
/// When the folder cannot be read or written, or the program cannot be started; the daemon then
/// finds no `exit.json`, and the reason in `supervisor.log`.
pub fn supervise(folder: &Path, clock: &dyn Clock) -> Result<()> {
    // A session of its own: no terminal, no signal to the daemon's group reaches it. Fails only
    // where it leads a group already, and then it has been detached by whoever started it.
    rustix::process::setsid().ok();
    let path = folder.join(record::LOCK);
    let lock = open(&path)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    if folder.join(record::ABANDONED).exists() || folder.join(record::TERRAFORM).exists() {
        return Ok(());
    }
    let path = folder.join(record::COMMAND);
    let command: Invocation =
        record::read_json(&path)?.ok_or_else(|| failed("read", &path)(std::io::ErrorKind::NotFound.into()))?;
    record::write_json(&folder.join(record::SUPERVISOR), &Process::with_pid(std::process::id()))?;

    let begun = clock.now();
    let mut child = std::process::Command::new(&command.program)
        .args(&command.args)
        .current_dir(&command.working_dir)
        .stdin(Stdio::null())
        .stdout(open(&folder.join(record::STDOUT))?)
        .stderr(open(&folder.join(record::STDERR))?)
        .spawn()
        .map_err(failed("start", Path::new(&command.program)))?;
    let noted = record::write_json(&folder.join(record::TERRAFORM), &Process::with_pid(child.id()));
    let status = child.wait().map_err(failed("wait for", Path::new(&command.program)))?;
    let took = clock.now().duration_since(begun).as_millis();
    record::write_json(
        &folder.join(record::EXIT),
        &Exit { code: status.code(), signal: status.signal(), duration_ms: u64::try_from(took).unwrap_or_default() },
    )?;
    noted
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(failed("open", path))
}
