//! What `captd supervise <folder>` does: run one command to its end, whatever becomes of others.
//!
//! **Invariant:** needs no daemon, holds no pipe, and starts its command at most once.
//! **Invariant:** when it tells of the command's end, nothing that the command has begun is at work any more.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::record::{self, Exit, Invocation};
use super::shim;
use super::warm::Warm;
use super::watch::{self, Watch};
use crate::domain::time::Clock;
use captd_process::{Process, Result, end_descendants, failed, read_json, write_json};

/// Runs the command of `folder`. Gives back without starting it when another supervisor has the
/// folder, when it has been run, or when the daemon has abandoned it.
///
/// # Errors
/// When the folder cannot be read or written: the daemon then finds no `exit.json`. When the
/// program cannot be started: then `exit.json` has code 126 or 127, as a shell gives it, and
/// `stderr.log` the reason.
pub fn supervise(folder: &Path, clock: &dyn Clock) -> Result<()> {
    // No terminal, no signal to the daemon's group reaches it.
    shim::own_session();
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

    if let Some(limits) = &command.limits
        && let Err(error) = limits.impose()
    {
        return not_started(folder, &command, error);
    }
    watch::keep_below();
    let begun = clock.now();
    let note = folder.join(record::SILENT);
    let warm = match command.warm.as_ref().map(|wish| Warm::begin(wish, command.confinement.as_ref(), &note)) {
        None => None,
        Some(Ok(warm)) => Some(warm),
        Some(Err(why)) => return not_started(folder, &command, std::io::Error::other(why)),
    };
    let mut child = match start(folder, &command, &warm.as_ref().map(Warm::variables).unwrap_or_default())? {
        Ok(child) => child,
        Err(error) => return not_started(folder, &command, error),
    };
    let noted = write_json(&folder.join(record::TERRAFORM), &Process::with_pid(child.id()));
    let watch = Watch::begin(folder, &command, child.id());
    let status = child.wait().map_err(failed("wait for", Path::new(&command.program)))?;
    watch.into_iter().for_each(Watch::end);
    watch::tell_of_cut_logs(folder, &command);
    if let Some(warm) = warm {
        // For the record only.
        write_json(&folder.join(record::SAID), &warm.end()).ok();
    }
    // Before its end is told: what it has left behind would go on with the run's credentials, and nobody counts it.
    end_descendants(std::process::id());
    let took = clock.now().duration_since(begun).as_millis();
    write_json(
        &folder.join(record::EXIT),
        &Exit { code: status.code(), signal: status.signal(), duration_ms: u64::try_from(took).unwrap_or_default() },
    )?;
    noted
}

/// Starts the program, confined where it is to be, its providers warm where they are.
fn start(folder: &Path, command: &Invocation, warm: &[(&str, String)]) -> Result<std::io::Result<Child>> {
    let mut rights = command.confinement.clone();
    let program = captd_process::find_program(command.program.as_ref()).filter(|_| !warm.is_empty());
    let mut process = match &program {
        // What it becomes must be readable, too.
        Some(program) => {
            rights.as_mut().into_iter().for_each(|rights| rights.read.push(program.clone()));
            shim::command(program, false)
        }
        None => Command::new(&command.program),
    };
    process
        .args(&command.args)
        .envs(warm.iter().map(|(name, value)| (name, value)))
        .current_dir(&command.working_dir)
        .stdin(Stdio::null())
        .stdout(open(&folder.join(record::STDOUT))?)
        .stderr(open(&folder.join(record::STDERR))?);
    Ok(match &rights {
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
