//! What `captd supervise <folder>` does: run one command to its end, whatever becomes of others.
//!
//! **Invariant:** needs no daemon, holds no pipe, and starts its command at most once.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::record::{self, Exit, Invocation};
use crate::domain::time::Clock;
use captd_process::{Process, Result, end_session, failed, read_json, write_json};

/// Runs the command of `folder`. Gives back without starting it when another supervisor has the
/// folder, when it has been run, or when the daemon has abandoned it.
///
/// # Errors
/// When the folder cannot be read or written: the daemon then finds no `exit.json`. When the
/// program cannot be started: then `exit.json` has code 126 or 127, as a shell gives it, and
/// `stderr.log` the reason.
pub fn supervise(folder: &Path, clock: &dyn Clock) -> Result<()> {
    // A session of its own: no terminal, no signal to the daemon's group reaches it. Fails only
    // where it leads a group already, and then it has been detached by whoever started it.
    rustix::process::setsid().ok();
    let path = folder.join(record::LOCK);
    let lock = open(&path)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    if [record::ABANDONED, record::TERRAFORM, record::EXIT].iter().any(|file| folder.join(file).exists()) {
        return Ok(());
    }
    let path = folder.join(record::COMMAND);
    let command: Invocation =
        read_json(&path)?.ok_or_else(|| failed("read", &path)(std::io::ErrorKind::NotFound.into()))?;
    write_json(&folder.join(record::SUPERVISOR), &Process::with_pid(std::process::id()))?;

    let begun = clock.now();
    let mut child = match start(folder, &command)? {
        Ok(child) => child,
        Err(error) => return not_started(folder, &command, error),
    };
    let noted = write_json(&folder.join(record::TERRAFORM), &Process::with_pid(child.id()));
    let status = child.wait().map_err(failed("wait for", Path::new(&command.program)))?;
    if status.signal().is_some() {
        // It could not end its providers.
        Process::with_pid(std::process::id()).inspect(|own| end_session(own, &command.working_dir));
    }
    let took = clock.now().duration_since(begun).as_millis();
    write_json(
        &folder.join(record::EXIT),
        &Exit { code: status.code(), signal: status.signal(), duration_ms: u64::try_from(took).unwrap_or_default() },
    )?;
    noted
}

/// Starts the program, confined where it is to be.
fn start(folder: &Path, command: &Invocation) -> Result<std::io::Result<Child>> {
    let mut process = Command::new(&command.program);
    process
        .args(&command.args)
        .current_dir(&command.working_dir)
        .stdin(Stdio::null())
        .stdout(open(&folder.join(record::STDOUT))?)
        .stderr(open(&folder.join(record::STDERR))?);
    Ok(match &command.confinement {
        Some(rights) => captd_process::start(&mut process, rights),
        None => process.spawn(),
    })
}

/// Leaves an exit status all the same, so that nobody takes it for a command that was lost.
fn not_started(folder: &Path, command: &Invocation, error: std::io::Error) -> Result<()> {
    let path = folder.join(record::STDERR);
    writeln!(open(&path)?, "captd cannot start `{}`: {error}", command.program).map_err(failed("write", &path))?;
    let code = if error.kind() == std::io::ErrorKind::NotFound { record::NOT_FOUND } else { record::NOT_STARTED };
    write_json(&folder.join(record::EXIT), &Exit { code: Some(code), signal: None, duration_ms: 0 })?;
    Err(failed("start", Path::new(&command.program))(error))
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(failed("open", path))
}
