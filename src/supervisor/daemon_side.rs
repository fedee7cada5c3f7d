//! The daemon's side: starts a supervisor, finds one again, waits for it.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use captd_process::{Process, Result, failed, proof, proven, read_json, write_json, write_whole};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Environment;
use super::record::{self, Exit, Invocation};
use super::shim::OWN_PROGRAM;

/// How long a supervisor needs from taking its lock to leaving its first file.
const BEGINNING: Duration = Duration::from_millis(2);

/// A command that was started, now or by an earlier daemon.
#[derive(Debug)]
pub struct Attached {
    folder: PathBuf,
}

/// Starts `command` under a supervisor of its own. The environment is passed on and written
/// nowhere.
///
/// # Errors
/// When the folder cannot be made or the supervisor not be started.
pub fn spawn(folder: &Path, command: &Invocation, environment: &Environment) -> Result<Attached> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make", folder))?;
    write_json(&folder.join(record::COMMAND), command)?;
    let path = folder.join(record::SUPERVISOR_LOG);
    let log = fs::File::create(&path).map_err(failed("write", &path))?;
    let mut child = tokio::process::Command::new(OWN_PROGRAM)
        .arg("supervise")
        .arg(folder)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(failed("start a supervisor for", folder))?;
    // Written here as well as by the supervisor itself, so that from now on it can be waited for.
    // Where that fails it is begun all the same, and its own file or its lock tells of it.
    if let Some(pid) = child.id()
        && let Err(error) = write_json(&folder.join(record::SUPERVISOR), &Process::with_pid(pid))
    {
        tracing::warn!(%error, "cannot note a supervisor that was started");
    }
    // The daemon is its parent for as long as it lives: somebody must take its exit status. The
    // run itself is judged by what the supervisor leaves.
    let folder = folder.to_owned();
    let name = folder.clone();
    tokio::spawn(async move {
        if let Err(error) = child.wait().await {
            tracing::warn!(folder = %name.display(), %error, "cannot wait for a supervisor");
        }
    });
    Ok(Attached { folder })
}

/// Finds the command of `folder` again; `None` when there is nothing to be found.
#[must_use]
pub fn attach(folder: &Path) -> Option<Attached> {
    folder.join(record::COMMAND).exists().then(|| Attached { folder: folder.to_owned() })
}

/// Whether this captd can follow the commands of a run that an earlier one may have begun. Files
/// that are empty or damaged are named in the log; what they would have said is then told by locks
/// and processes alone.
///
/// # Errors
/// A sentence, when a command was begun in a format that this captd does not know: nothing may be
/// done about it then.
pub fn look_at(run_dir: &Path) -> std::result::Result<(), String> {
    for step in fs::read_dir(run_dir).into_iter().flatten().flatten() {
        let folder = step.path();
        if !step.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        for file in [record::COMMAND, record::SUPERVISOR, record::TERRAFORM, record::EXIT] {
            let read = read_json::<serde_json::Value>(&folder.join(file));
            match read {
                Err(error) => tracing::warn!(%error, "damaged: the run is judged by its processes and locks"),
                Ok(Some(value)) if file == record::COMMAND => known(&folder, &value)?,
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

fn known(folder: &Path, command: &serde_json::Value) -> std::result::Result<(), String> {
    let known = u64::from(record::FORMAT_OLDEST)..=u64::from(record::FORMAT);
    let format = command["format"].as_u64().unwrap_or_default();
    if known.contains(&format) {
        return Ok(());
    }
    let by = command["captd"].as_str().map(|version| format!(", of captd {version}")).unwrap_or_default();
    Err(format!(
        "{} was begun in format {format}{by}, and captd {} reads {} to {} only; its processes are left alone. Start the captd that began it until its runs are over (`captd drain`), then this one",
        folder.display(),
        env!("CARGO_PKG_VERSION"),
        record::FORMAT_OLDEST,
        record::FORMAT
    ))
}

impl Attached {
    /// Waits until the command is over. `None` means lost: supervisor and terraform are gone
    /// without a word, and from now on nothing can be started in the folder.
    ///
    /// # Errors
    /// When the folder cannot be read. That proves nothing: it is to be asked again.
    pub async fn wait(&self) -> Result<Option<Exit>> {
        loop {
            if let Some(exit) = proven(&self.folder.join(record::EXIT))? {
                return Ok(Some(exit));
            }
            if !self.wait_for_an_end().await? {
                return proven(&self.folder.join(record::EXIT));
            }
        }
    }

    /// Waits for the end of the supervisor or, where it is gone, of terraform. False when there
    /// is nothing left to wait for.
    async fn wait_for_an_end(&self) -> Result<bool> {
        for file in [record::SUPERVISOR, record::TERRAFORM] {
            let process: Option<Option<Process>> = proven(&self.folder.join(file))?;
            if let Some(process) = process.flatten().filter(Process::is_alive) {
                self.wait_for(&process).await?;
                return Ok(true);
            }
        }
        // The supervisor may be about to begin: whoever has the lock decides.
        let path = self.folder.join(record::LOCK);
        let lock = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        if lock.try_lock().is_err() {
            tokio::time::sleep(BEGINNING).await;
            return Ok(true);
        }
        write_whole(&self.folder.join(record::ABANDONED), b"")?;
        // Both are gone: what they have left behind.
        self.kill_all()?;
        Ok(false)
    }

    /// Where it stands.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Terraform, once it has begun; `None` when it will not.
    ///
    /// # Errors
    /// When the folder cannot be read. That proves nothing: it is to be asked again.
    pub(super) async fn begun(&self) -> Result<Option<Process>> {
        loop {
            let supervisor: Option<Option<Process>> = proven(&self.folder.join(record::SUPERVISOR))?;
            let alive = supervisor.flatten().is_some_and(|process| process.is_alive());
            let terraform: Option<Option<Process>> = proven(&self.folder.join(record::TERRAFORM))?;
            if terraform.is_some() || !alive {
                return Ok(terraform.flatten());
            }
            tokio::time::sleep(BEGINNING).await;
        }
    }

    /// Waits until `process` has ended, child or not.
    async fn wait_for(&self, process: &Process) -> Result<()> {
        let Some(pid) = process.pid() else { return Ok(()) };
        let fd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => fd,
            Err(Errno::SRCH) => return Ok(()),
            Err(error) => return Err(failed("wait for the process of", &self.folder)(error.into())),
        };
        // Between the check and the opening the pid may have changed hands.
        if process.is_alive() {
            #[expect(
                deprecated,
                reason = "its successor is unsafe to call; an OwnedFd keeps the promise that it asks for"
            )]
            let fd = AsyncFd::<OwnedFd>::with_interest(fd, Interest::READABLE)
                .map_err(failed("wait for the process of", &self.folder))?;
            let ended = fd.readable().await.map_err(failed("wait for the process of", &self.folder))?;
            drop(ended);
        }
        Ok(())
    }
}

/// How the providers of a command were reached; nothing, while that is not known.
#[must_use]
pub fn said(folder: &Path) -> captd_gateway::Said {
    proof(&folder.join(record::SAID)).unwrap_or_default()
}

/// With which arguments a command was begun, by whichever captd; none, while that is not known.
#[must_use]
pub fn arguments(folder: &Path) -> Vec<String> {
    proof::<Invocation>(&folder.join(record::COMMAND)).map(|command| command.args).unwrap_or_default()
}

/// What a command has taken more of than it may; nothing, while that is not known.
///
/// # Errors
/// When it cannot be read at the moment.
pub fn exceeded(folder: &Path) -> Result<Option<super::Exceeded>> {
    proven(&folder.join(record::EXCEEDED))
}

/// Whether a process of a run is alive, or nothing proves that all of them are gone.
#[must_use]
pub fn lives(run_dir: &Path) -> bool {
    commands(run_dir).map_or(true, |commands| commands.iter().any(|folder| may_live(folder).unwrap_or(true)))
}

/// The folders in which those of a run's commands work that may be alive; `None` where that cannot be told, so that it may
/// be any.
#[must_use]
pub fn worked_in(run_dir: &Path) -> Option<Vec<PathBuf>> {
    let commands = commands(run_dir).ok()?.into_iter().filter(|command| may_live(command).unwrap_or(true));
    let folder = |command: PathBuf| -> Option<PathBuf> {
        let invocation: Option<Invocation> = proven(&command.join(record::COMMAND)).ok()?;
        Some(invocation?.working_dir)
    };
    commands.map(folder).collect()
}

fn may_live(command: &Path) -> Result<bool> {
    for file in [record::SUPERVISOR, record::TERRAFORM] {
        let process: Option<Option<Process>> = proven(&command.join(file))?;
        if process.flatten().is_some_and(|process| process.is_alive()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders of a run's commands.
fn commands(run_dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(run_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
