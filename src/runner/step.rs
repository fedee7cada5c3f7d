//! One command of a run: begun or found again, waited for, judged.

use std::convert::Infallible;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::refused::{Confined, refused};
use super::work::Work;
use super::{Halt, Job, Report, folders, internal, warm};
use crate::domain::failure::{Class, Failure};
use crate::domain::run::{FORCED_SECONDS, Step};
use crate::domain::state::BYTES_MAX as STATE_BYTES_MAX;
use crate::domain::time::plus_seconds;
use crate::domain::warmth::Silent;
use crate::supervisor::{self, Attached, Confinement, Exit, Limits};
use crate::terraform::argv::Command;
use crate::terraform::{diagnostics, events};

/// What to do about a command that takes more of the machine than it may.
const MORE_THAN_IT_MAY: &str = "Look in the log at what the template does; where it needs that much, raise the setting that the message names. captd tries again by itself.";
/// How long a command that changes nothing has to end after an interrupt.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait before a command is looked at again that could not be followed.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether one that was forced to end has had its time.
const FORCED_LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether a command waits for a provider that hangs.
const SILENCE_LOOK: Duration = Duration::from_secs(1);
/// Why a plan has not shared its providers.
const SHARED_ONE_LOST: &str = "a provider that it shared hung or ended: it began again with its own";
/// How often a command that was lost is begun again before its run fails.
const LOSSES_MAX: u32 = 5;
/// What the gateway says of a provider that is not the one of the lock file.
const OTHER_PROVIDER: &str = "the lock file of this template revision allows only";
/// Bytes of a log that are searched for errors.
const SEARCHED_BYTES_MAX: u64 = 4 << 20;
/// Bytes of an answer of Terraform's that are read: a plan as JSON, its log, outputs.
const ANSWER_BYTES_MAX: u64 = 512 << 20;
/// How often it is looked whether an apply takes more of the machine than it may.
const LOOK: Duration = Duration::from_secs(2);

/// What a request to stop does to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnStop {
    /// It changes nothing: interrupt it, and kill it when it does not end.
    InterruptThenKill,
    /// It changes the cloud: one interrupt and patience. A second one would end terraform with
    /// nothing recorded, while the provider goes on.
    InterruptOnce,
}

/// Runs the commands of a job.
pub(super) struct Stepper<'a> {
    pub(super) job: &'a Job,
    pub(super) on_stop: OnStop,
    /// Where they run.
    work: Work,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(job: &'a Job, on_stop: OnStop, work: Work) -> Self {
        Self { job, on_stop, work }
    }

    /// Whether a plan that failed with a part of the schema is to be repeated with the whole of it;
    /// from then on all commands of the run have it.
    pub(super) async fn takes_whole_schema(&self, folder: &Path) -> bool {
        let marker = folders::whole_schema(&self.job.run_dir);
        if marker.exists() || supervisor::said(folder).warm.is_empty() {
            return false;
        }
        let said = tail(&folder.join(supervisor::STDOUT)).await + &tail(&folder.join(supervisor::STDERR)).await;
        events::may_lack_schema(&said) && supervisor::write_whole(&marker, b"").is_ok()
    }

    /// Whether a plan that failed because a provider was lost, which it shared, is to be repeated with one of
    /// its own; from then on all plans of the run are made so.
    pub(super) fn goes_the_plain_way(&self, folder: &Path) -> bool {
        let marker = folders::plain_way(&self.job.run_dir);
        !marker.exists() && supervisor::said(folder).lost && supervisor::write_whole(&marker, b"").is_ok()
    }

    /// Tells for which provider a command waits that hangs, as long as it does.
    async fn watch_for_silence(&self, folder: &Path) {
        let mut told = None;
        loop {
            tokio::time::sleep(SILENCE_LOOK).await;
            let silent = supervisor::silent(folder).map(|(provider, since)| Silent { provider, since });
            if silent != told {
                told.clone_from(&silent);
                self.job.reports.send(Report::Silent(silent)).ok();
            }
        }
    }

    /// Runs the command at `place` to its end and gives back its folder.
    pub(super) async fn run(&self, place: &str, command: &Command) -> Result<PathBuf, Halt> {
        Ok(self.run_to_exit(place, command).await?.0)
    }

    /// The same, with how it ended: a good end of a plan has two exit codes.
    pub(super) async fn run_to_exit(&self, place: &str, command: &Command) -> Result<(PathBuf, Exit), Halt> {
        let folder = folders::step_dir(&self.job.run_dir, place, command.name());
        let started_at = self.job.clock.now();
        let name = command.name().to_owned();
        let mut step = Step { name, place: place.to_owned(), started_at, ..Step::default() };
        self.job.reports.send(Report::Step(step.clone())).ok();
        let mut told = step.clone();
        let (exit, stopped) = tokio::select! {
            ended = self.to_its_end(&folder, command) => ended?,
            () = self.watch_for_silence(&folder) => unreachable!("invariant: it is watched until its end"),
            never = self.tell_of_excess(&folder, &mut told) => match never {},
        };
        step.duration_ms = Some(exit.duration_ms);
        step.exit_code = Some(exit.shell_code());
        let exceeded = until_done(|| supervisor::exceeded(&folder)).await;
        step.exceeded = exceeded.as_ref().map(|exceeded| exceeded.what.clone());
        let said = supervisor::said(&folder);
        (step.warm, step.plain_because) = (said.warm, said.plain);
        if step.warm.is_empty() && self.job.warmth.is_some() && folders::plain_way(&self.job.run_dir).exists() {
            step.plain_because.push(SHARED_ONE_LOST.to_owned());
        }
        self.job.reports.send(Report::Step(step)).ok();
        // One whose log is cut is not known to have done what it says.
        let is_cut = exceeded.is_some_and(|exceeded| exceeded.ended);
        if command.is_done(exit.code) && !is_cut && !(stopped && self.on_stop == OnStop::InterruptThenKill) {
            return Ok((folder, exit));
        }
        if stopped {
            return Err(Halt::Stopped);
        }
        Err(Halt::Failed(self.failure(&folder, command, exit).await))
    }

    /// What a command of this run wrote to its standard output.
    pub(super) async fn stdout(&self, folder: &Path) -> Result<String, Halt> {
        let bytes = read_whole(&folder.join(supervisor::STDOUT), ANSWER_BYTES_MAX).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reports once when an apply takes more than it may: it goes on, and a person hears of it.
    async fn tell_of_excess(&self, folder: &Path, step: &mut Step) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            // Where it cannot be read, the next look comes soon.
            let exceeded = supervisor::exceeded(folder).ok().flatten().filter(|exceeded| !exceeded.ended);
            if exceeded.is_some() && step.exceeded.is_none() {
                step.exceeded = exceeded.map(|exceeded| exceeded.what);
                self.job.reports.send(Report::Step(step.clone())).ok();
            }
        }
    }

    /// Waits for the command's end; also says whether it was asked to stop.
    async fn to_its_end(&self, folder: &Path, command: &Command) -> Result<(Exit, bool), Halt> {
        let mut attached = match supervisor::attach(folder) {
            Some(attached) => attached,
            None => self.spawn(folder, command)?,
        };
        let mut losses = 0;
        loop {
            let (exit, stopped) = self.wait(&attached, folder).await;
            match exit {
                Some(exit) => return Ok((exit, stopped)),
                None if stopped && self.on_stop == OnStop::InterruptThenKill => return Err(Halt::Stopped),
                None if self.on_stop == OnStop::InterruptOnce => return Err(Halt::Lost),
                None if losses == LOSSES_MAX => {
                    let said = tail(&folder.join(supervisor::SUPERVISOR_LOG)).await;
                    return Err(internal(
                        &format!("terraform {} was lost {LOSSES_MAX} times", command.name()),
                        &said.trim(),
                    ));
                }
                // It changes nothing, so it is simply begun again.
                None => {
                    losses += 1;
                    tokio::fs::remove_dir_all(folder)
                        .await
                        .map_err(|error| internal("cannot clear a lost command", &error))?;
                    attached = self.spawn(folder, command)?;
                }
            }
        }
    }

    /// Waits for an end that is proven; also says whether it was asked for.
    async fn wait(&self, attached: &Attached, folder: &Path) -> (Option<Exit>, bool) {
        tokio::select! {
            exit = proven_end(attached) => return (exit, false),
            () = self.job.requests.stop.cancelled() => {}
        }
        tokio::select! {
            exit = proven_end(attached) => (exit, true),
            never = self.end(attached, folder) => match never {},
        }
    }

    /// Ends the command, and never comes back: its end is proven elsewhere.
    async fn end(&self, attached: &Attached, folder: &Path) -> Infallible {
        if self.on_stop == OnStop::InterruptThenKill {
            // One that is stopped does not hear, and its supervisor may be stopped.
            tokio::time::timeout(GRACE, interrupt(attached)).await.ok();
            tokio::time::sleep(GRACE).await;
            until_done(|| attached.kill_all()).await;
            return std::future::pending().await;
        }
        tokio::select! {
            () = async { interrupt(attached).await; std::future::pending::<()>().await; } => {}
            () = self.job.requests.force.cancelled() => {}
        }
        let clock = &self.job.clock;
        let since = until_done(|| attached.force(clock.now())).await;
        let time_is_over = async {
            while clock.now() < plus_seconds(since, FORCED_SECONDS) {
                tokio::time::sleep(FORCED_LOOK).await;
            }
        };
        let interrupts = async {
            interrupt(attached).await;
            // Two that come together are one.
            tokio::time::sleep(FORCED_LOOK).await;
            while let Err(error) = attached.interrupt_again().await {
                not_now(&error);
                tokio::time::sleep(AGAIN).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = time_is_over => {}
            () = interrupts => {}
        }
        tracing::warn!(folder = %folder.display(), "terraform was forced to end and did not: it is killed");
        until_done(|| attached.kill_terraform()).await;
        tokio::time::sleep(GRACE).await;
        until_done(|| attached.kill_all()).await;
        std::future::pending().await
    }

    fn spawn(&self, folder: &Path, command: &Command) -> Result<Attached, Halt> {
        let Work { folder: at, initialised } = &self.work;
        let confinement = self.rights(command);
        let wish =
            |applies| warm::wish(self.job, initialised, folders::whole_schema(&self.job.run_dir).exists(), applies);
        let warm = match command {
            // To init, what is installed is its own business.
            Command::Init => None,
            // What a trial has installed for itself goes with it, and no process may be left of it.
            Command::Validate => wish(false).filter(|wish| !warm::is_installed_in(wish, initialised)),
            Command::Apply { .. } | Command::Import { .. } | Command::Untaint { .. } => wish(true),
            _ if folders::plain_way(&self.job.run_dir).exists() => None,
            _ => wish(false),
        };
        let record = supervisor::Invocation::new(self.job.program.clone(), command.argv(), at.clone())
            .confined(confinement)
            .limited(self.limits(command))
            .warmed(warm);
        // What an init fetches serves others too.
        let environment = if *command == Command::Init { &self.job.own_environment } else { &self.job.environment };
        supervisor::spawn(folder, &record, environment).map_err(|error| internal("cannot start terraform", &error))
    }

    /// What a command may touch; everything, where nothing is confined.
    fn rights(&self, command: &Command) -> Option<Confinement> {
        let mut rights = self.job.confinement.clone()?;
        rights.write.push(self.work.folder.clone());
        let mut rights = rights.reading(&self.work.initialised).reading(&folders::given(&self.job.run_dir));
        Some(match command {
            Command::Plan { out, .. } | Command::PlanDestroyOfState { out } => rights.writing(out),
            Command::Show { plan } | Command::Apply { plan } => rights.reading(plan),
            Command::Init => {
                rights.read.extend(supervisor::confine::registry_credentials(&self.job.own_environment));
                rights
            }
            _ => rights,
        })
    }

    /// What a command may take of the machine. One that changes the state is not ended for taking more.
    fn limits(&self, command: &Command) -> Limits {
        let it = &self.job.limits;
        let file_mib = if *command == Command::Init { it.init_file_mib_max } else { it.file_mib_max };
        let bytes = |mib: u32| u64::from(mib) << 20;
        let changes = matches!(command, Command::Apply { .. } | Command::Import { .. } | Command::Untaint { .. });
        // A state that finds no way to captd has room on the disk, whatever a template may write.
        let room = if changes { 2 * STATE_BYTES_MAX as u64 } else { 0 };
        Limits {
            file_bytes: bytes(file_mib).max(room),
            data_bytes: bytes(it.data_mib_max),
            open_files: u64::from(it.open_files_max),
            processes: u64::from(it.processes_max),
            folder_bytes: bytes(it.folder_mib_max),
            ends: !changes,
        }
    }

    async fn failure(&self, folder: &Path, command: &Command, exit: Exit) -> Failure {
        // Before anything is cut off: half a secret would not be known any more.
        let stdout = self.job.secrets.redact(&tail(&folder.join(supervisor::STDOUT)).await);
        let stderr = self.job.secrets.redact(&tail(&folder.join(supervisor::STDERR)).await);
        let message = events::failure_message(&stdout, &stderr);
        if let Some(exceeded) = until_done(|| supervisor::exceeded(folder)).await.filter(|exceeded| exceeded.ended) {
            let message = format!("terraform {} was ended: {}", command.name(), exceeded.what);
            return Failure::with_remedy(Class::Limit, message, MORE_THAN_IT_MAY);
        }
        if message.contains(OTHER_PROVIDER) {
            let remedy = "Nothing of it was started. Install the provider anew from where it should come from, or remove the folder `revisions` in the data folder while captd is stopped, so that it is initialised and locked anew; then call `captd retry`.";
            return Failure::with_remedy(Class::Configuration, message, remedy);
        }
        let is_init = *command == Command::Init;
        let data_dir = folders::data_dir(&self.job.run_dir);
        let confined = self.rights(command).map(|rights| Confined { rights, is_init, data_dir });
        if let Some(failure) = refused(&message, confined).await {
            return failure;
        }
        if exit.is_not_started() {
            let remedy = "Check engine.binary, and with `captd doctor` whether terraform can be confined; captd tries again by itself.";
            return Failure::with_remedy(Class::Provider, message, remedy);
        }
        if let Some(signal) = exit.signal {
            // None of captd's own: whoever asked for an end has left before.
            return Failure::ended_by_signal(&format!("terraform {}", command.name()), signal, &message);
        }
        Failure::diagnosed(format!("terraform {} failed: {message}", command.name()), &diagnostics::origins(&stdout))
    }
}

/// Waits for the end of a command. What cannot be read, as with no descriptor left, proves nothing, and is asked again.
pub(super) async fn proven_end(attached: &Attached) -> Option<Exit> {
    loop {
        match attached.wait().await {
            Ok(exit) => return exit,
            Err(error) => not_now(&error),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn interrupt(attached: &Attached) {
    while let Err(error) = attached.interrupt().await {
        not_now(&error);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Does what takes no time, again and again until it is done.
pub(super) async fn until_done<T>(mut it: impl FnMut() -> supervisor::Result<T>) -> T {
    loop {
        match it() {
            Ok(done) => return done,
            Err(error) => not_now(&error),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn not_now(error: &supervisor::Error) {
    tracing::warn!(%error, "terraform cannot be followed at the moment; trying again");
}

/// A file that a run writes through a descriptor of captd's, whole.
pub(super) async fn read_whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Halt> {
    let cannot = |error: std::io::Error| internal("cannot read terraform's answer", &error);
    let mut file = tokio::fs::File::open(path).await.map_err(cannot)?;
    let mut bytes = Vec::new();
    (&mut file).take(bytes_max + 1).read_to_end(&mut bytes).await.map_err(cannot)?;
    if bytes.len() as u64 > bytes_max {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let message = format!("{name} has more than {} MiB, which are read at most", bytes_max >> 20);
        let remedy = "Let the template make less of it: fewer resources in one workspace, or smaller values.";
        return Err(Halt::Failed(Failure::with_remedy(Class::Limit, message, remedy)));
    }
    Ok(bytes)
}

/// The end of a file, as text; whole lines, if it has any. What comes before is not read.
async fn tail(path: &Path) -> String {
    let read = async {
        let mut file = tokio::fs::File::open(path).await?;
        let cut = file.metadata().await?.len().saturating_sub(SEARCHED_BYTES_MAX);
        file.seek(SeekFrom::Start(cut)).await?;
        let mut bytes = Vec::new();
        file.take(SEARCHED_BYTES_MAX).read_to_end(&mut bytes).await?;
        std::io::Result::Ok((cut, bytes))
    };
    let (cut, bytes) = read.await.unwrap_or_default();
    let line = bytes.iter().position(|byte| *byte == b'\n').filter(|_| cut > 0);
    String::from_utf8_lossy(&bytes[line.map_or(0, |end| end + 1)..]).into_owned()
}
