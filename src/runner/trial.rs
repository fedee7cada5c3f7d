//! What leaves nothing behind: a template on trial (`terraform init` and `terraform validate`), and a look at the
//! cloud (a plan that is read and never applied), in folders of its own, which go with it however it ends.
//!
//! **Invariant:** a trial that nobody waits for any more leaves no process and no folder behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Map;
use uuid::Uuid;

use super::planning::Planner;
use super::step::{OnStop, Stepper};
use super::work::For;
use super::{Halt, Job, folders, work};
use crate::domain::failure::{Class, Failure};
use crate::render::Rendered;
use crate::supervisor;
use crate::supervisor::confine::{sockets_dir, tmp_dir, work_dir};
use crate::terraform::argv::Command;
use crate::terraform::diagnostics::{self, Diagnostic};
use crate::terraform::plan::Shown;

/// Validates what was rendered, in the folders of `job`, which are made and removed; the time is
/// `plan_seconds_max`. What comes back is all that Terraform finds wrong with it, and nothing when it is valid.
///
/// # Errors
/// [`Halt`], when that cannot be told.
pub async fn validate(job: &Job, rendered: &Rendered) -> Result<Vec<Diagnostic>, Halt> {
    let _folders = Folders::of(job);
    let limit = Duration::from_secs(u64::from(job.plan_seconds_max));
    tokio::time::timeout(limit, in_time(job, rendered)).await.unwrap_or_else(|_| {
        let message = format!("terraform init and validate took longer than {} s and were ended", job.plan_seconds_max);
        Err(Halt::Failed(Failure::new(Class::Timeout, message)))
    })
}

/// Plans what was rendered, in the folders of `job`, which are made and removed: what `ids` name and exists is imported
/// by that plan. It is never applied.
///
/// # Errors
/// [`Halt`].
pub async fn look(job: &Job, rendered: &Rendered, ids: BTreeMap<String, String>) -> Result<Shown, Halt> {
    let _folders = Folders::of(job);
    let limit = Duration::from_secs(u64::from(job.plan_seconds_max));
    tokio::time::timeout(limit, look_in_time(job, rendered, ids)).await.unwrap_or_else(|_| {
        let message = format!("looking took longer than {} s and was ended", job.plan_seconds_max);
        Err(Halt::Failed(Failure::new(Class::Timeout, message)))
    })
}

async fn look_in_time(job: &Job, rendered: &Rendered, ids: BTreeMap<String, String>) -> Result<Shown, Halt> {
    let mut planner = Planner::new(job, work::enter(job, For::Planning, "1", rendered).await?);
    if ids.is_empty() {
        return Ok(planner.once(job.kind).await?.shown);
    }
    let made = planner.import(ids).await?;
    Ok(made.map_or_else(|| Shown::nothing(Map::new()), |made| made.shown))
}

async fn in_time(job: &Job, rendered: &Rendered) -> Result<Vec<Diagnostic>, Halt> {
    let work = match work::enter(job, For::Planning, "1", rendered).await {
        Ok(work) => work,
        Err(Halt::Failed(failure)) => {
            let folder = folders::step_dir(&job.run_dir, "1", Command::Init.name());
            let refused = is_refused(&folder, &failure).await;
            return if refused { Ok(vec![diagnostics::of_text(&failure.message)]) } else { Err(Halt::Failed(failure)) };
        }
        Err(halt) => return Err(halt),
    };
    let stepper = Stepper::new(job, OnStop::InterruptThenKill, work);
    let (halt, folder) = match validated(&stepper, "2").await {
        Err((_, folder)) if stepper.takes_whole_schema(&folder).await => match validated(&stepper, "3").await {
            Ok(()) => return Ok(Vec::new()),
            Err(failed) => failed,
        },
        Ok(()) => return Ok(Vec::new()),
        Err(failed) => failed,
    };
    let stdout = stepper.stdout(&folder).await.unwrap_or_default();
    diagnostics::errors(&job.secrets.redact(&stdout)).ok_or(halt)
}

async fn validated(stepper: &Stepper<'_>, place: &str) -> Result<(), (Halt, PathBuf)> {
    let folder = folders::step_dir(&stepper.job.run_dir, place, Command::Validate.name());
    stepper.run(place, &Command::Validate).await.map(drop).map_err(|halt| (halt, folder))
}

/// Whether an init has failed because of the template: Terraform itself says no, and it is neither the
/// way to a registry nor this machine.
async fn is_refused(folder: &Path, failure: &Failure) -> bool {
    let Some(attached) = supervisor::attach(folder) else { return false };
    let exit = attached.wait().await.ok().flatten();
    let is_of_the_machine = matches!(failure.class, Class::Network | Class::Timeout | Class::Disk | Class::Limit);
    exit.is_some_and(|exit| exit.code == Some(1)) && !is_of_the_machine
}

/// The folders of a trial.
struct Folders {
    run: PathBuf,
    initialised: PathBuf,
}

impl Folders {
    fn of(job: &Job) -> Self {
        Self { run: job.run_dir.clone(), initialised: job.revision_dir.clone() }
    }
}

impl Drop for Folders {
    /// One way for every end: nobody may wait any more.
    fn drop(&mut self) {
        folders::kill_all(&self.run);
        let (run, initialised) = (self.run.clone(), self.initialised.clone());
        // Where the daemon itself ends, its next start does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                wait_for_all(&run).await;
                let left = [work_dir(&run), tmp_dir(&run), sockets_dir(&run), initialised, run.clone()];
                remove(&left, &run).await;
            });
        }
    }
}

/// Ends and removes what trials of an earlier daemon have left in `folder`. Only a trial's own folder says which processes
/// are its: what lies beside it was written by whoever uploads, or by programs that were on trial.
pub async fn sweep_trials(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| Uuid::try_parse(name).is_ok()) {
            folders::kill_all(&entry.path());
            wait_for_all(&entry.path()).await;
        }
    }
    remove(&[folder.to_owned()], &folder.join("any")).await;
}

/// Waits until no command of a run is alive, nor what it has started.
async fn wait_for_all(run_dir: &Path) {
    for entry in fs::read_dir(run_dir).into_iter().flatten().flatten() {
        let Some(attached) = supervisor::attach(&entry.path()) else { continue };
        if let Err(error) = attached.wait().await {
            tracing::warn!(folder = %entry.path().display(), %error, "cannot wait for the end of a trial");
        }
    }
}

async fn remove(left: &[PathBuf], run_dir: &Path) {
    let stay = supervisor::remove_left(left, &folders::aside(run_dir)).await;
    for (path, why) in stay {
        folders::tell_left(&path, &why);
    }
}
