//! How a command is ended before its time: two interrupts, which terraform tells apart, and the kill.
//!
//! **Invariant:** each interrupt is sent once, whichever daemon sends it.
//! **Invariant:** what changes something is killed only when a person has forced it to end, and not before it
//! had time to save what it knows.

use std::path::Path;

use captd_process::{Process, Result, end_descendants, end_session, end_working_in, proof, proven, write_whole};
use jiff::Timestamp;
use rustix::process::{Signal, kill_process_group};

use super::daemon_side::Attached;
use super::record::{self, Invocation};

impl Attached {
    /// Sends terraform the first SIGINT: what is under way ends, nothing new begins. A first one that is sent
    /// again would be a second. Waits until terraform has begun, where it is about to; does nothing when it
    /// is gone.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub async fn interrupt(&self) -> Result<()> {
        self.send(record::INTERRUPTED).await
    }

    /// Sends it the second SIGINT: it ends at once, saves the state that it has, and what is under way is
    /// recorded nowhere.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub async fn interrupt_again(&self) -> Result<()> {
        self.send(record::INTERRUPTED_AGAIN).await
    }

    async fn send(&self, note: &str) -> Result<()> {
        let Some(terraform) = self.begun().await? else { return Ok(()) };
        let path = self.folder().join(note);
        // Noted before it is sent: a signal that is sent twice does harm, one that is missing does not.
        if !path.exists() {
            write_whole(&path, b"")?;
            terraform.signal(Signal::INT);
        }
        Ok(())
    }

    /// Notes that a person has forced it to end, and lets it go on where it was stopped, so that it can hear.
    /// Gives back when it was forced first, also before an earlier daemon.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn force(&self, now: Timestamp) -> Result<Timestamp> {
        let path = self.folder().join(record::FORCED);
        let processes = [self.process(record::SUPERVISOR)?, self.process(record::TERRAFORM)?];
        processes.iter().flatten().for_each(|process| process.signal(Signal::CONT));
        let noted = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        if let Some(since) = noted {
            return Ok(since);
        }
        write_whole(&path, now.to_string().as_bytes())?;
        Ok(now)
    }

    /// Kills terraform. Its supervisor takes note of that.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn kill_terraform(&self) -> Result<()> {
        self.process(record::TERRAFORM)?.inspect(|terraform| terraform.signal(Signal::KILL));
        Ok(())
    }

    /// Kills supervisor, terraform and all that both have started.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn kill_all(&self) -> Result<()> {
        kill(self.folder())?;
        let command: Option<Invocation> = proven(&self.folder().join(record::COMMAND))?;
        // Providers that it started itself have sessions of their own.
        command.and_then(|command| command.warm).inspect(|wish| end_working_in(&wish.sockets));
        Ok(())
    }

    fn process(&self, file: &str) -> Result<Option<Process>> {
        Ok(proven::<Option<Process>>(&self.folder().join(file))?.flatten())
    }
}

/// Kills supervisor, terraform and what they have begun, whichever of them is gone already.
///
/// # Errors
/// When the folder cannot be read: then nothing is proven to have been killed.
pub fn kill(folder: &Path) -> Result<()> {
    let found = |file: &str| Ok(proven::<Option<Process>>(&folder.join(file))?.flatten());
    let (supervisor, terraform) = (found(record::SUPERVISOR)?, found(record::TERRAFORM)?);
    if let Some(supervisor) = supervisor.as_ref().filter(|process| process.is_alive())
        && let Some(pid) = supervisor.pid()
    {
        // What it has begun is below it only as long as it is there.
        supervisor.signal(Signal::STOP);
        end_descendants(pid.as_raw_nonzero().get().unsigned_abs());
        // It leads the session and the group in which all of them are. They may be gone by now.
        kill_process_group(pid, Signal::KILL).ok();
    }
    // A supervisor that is gone ends nobody: terraform has a name of its own, and the rest is of their session.
    terraform.inspect(|terraform| terraform.signal(Signal::KILL));
    let command: Option<Invocation> = proven(&folder.join(record::COMMAND))?;
    if let (Some(supervisor), Some(command)) = (supervisor, command) {
        end_session(&supervisor, &command.working_dir);
    }
    Ok(())
}

/// The provider for which a command waits though it hangs, and since when.
#[must_use]
pub fn silent(folder: &Path) -> Option<(String, Timestamp)> {
    let path = folder.join(record::SILENT);
    let silent: captd_gateway::Silent = proof(&path)?;
    let since = path.metadata().and_then(|about| about.modified()).ok()?;
    Some((silent.provider, Timestamp::try_from(since).ok()?))
}
