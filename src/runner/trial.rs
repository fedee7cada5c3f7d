//! What leaves nothing behind: a template on trial (`terraform init` and `terraform validate`), and a look at the
//! cloud (a plan that is read and never applied), in folders of its own, which go with it however it ends.
//!
//! **Invariant:** a trial that nobody waits for any more leaves no process and no folder behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Map;

use super::planning::Planner;
use super::step::{OnStop, Stepper};
use super::{Halt, Job, folders, internal};
use crate::domain::failure::{Class, Failure};
use crate::render::{Rendered, materialise};
use crate::supervisor;
use crate::supervisor::confine::{sockets_dir, tmp_dir};
use crate::terraform::argv::Command;
use crate::terraform::diagnostics::{self, Diagnostic};
use crate::terraform::plan::Shown;

/// Validates what was rendered, in the folders of `job`, which are made and removed; the time is
/// `plan_seconds_max`. What comes back is all that Terraform finds wrong with it, and nothing when it is valid.
///
/// # Errors
/// [`Halt`], when that cannot be told.
pub async fn validate(job: &Job, rendered: &Rendered) -> Result<Vec<Diagnostic>, Halt> {
    let _folders = Folders { run: job.run_dir.clone(), workspace: job.workspace_dir.clone() };
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
    let _folders = Folders { run: job.run_dir.clone(), workspace: job.workspace_dir.clone() };
    let limit = Duration::from_secs(u64::from(job.plan_seconds_max));
    tokio::time::timeout(limit, look_in_time(job, rendered, ids)).await.unwrap_or_else(|_| {
        let message = format!("looking took longer than {} s and was ended", job.plan_seconds_max);
        Err(Halt::Failed(Failure::new(Class::Timeout, message)))
    })
}

async fn look_in_time(job: &Job, rendered: &Rendered, ids: BTreeMap<String, String>) -> Result<Shown, Halt> {
    materialise(&job.workspace_dir, rendered).map_err(|error| internal("cannot write what looks", &error))?;
    Stepper::new(job, OnStop::InterruptThenKill).run("1", &Command::Init).await?;
    let mut planner = Planner::new(job);
    if ids.is_empty() {
        return Ok(planner.once(job.kind).await?.shown);
    }
    let made = planner.import(ids).await?;
    Ok(made.map_or_else(|| Shown::nothing(Map::new()), |made| made.shown))
}

async fn in_time(job: &Job, rendered: &Rendered) -> Result<Vec<Diagnostic>, Halt> {
    materialise(&job.workspace_dir, rendered)
        .map_err(|error| internal("cannot write the template on trial", &error))?;
    let stepper = Stepper::new(job, OnStop::InterruptThenKill);
    if let Err(halt) = stepper.run("1", &Command::Init).await {
        let folder = folders::step_dir(&job.run_dir, "1", Command::Init.name());
        return match halt {
            Halt::Failed(failure) if is_refused(&folder, &failure).await => {
                Ok(vec![diagnostics::of_text(&failure.message)])
            }
            halt => Err(halt),
        };
    }
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
    workspace: PathBuf,
}

impl Drop for Folders {
    /// One way for every end: nobody may wait any more.
    fn drop(&mut self) {
        folders::kill_all(&self.run);
        let (run, workspace) = (self.run.clone(), self.workspace.clone());
        // Where the daemon itself ends, its next start does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                wait_for_all(&run).await;
                for folder in [&run, &workspace, &tmp_dir(&run), &sockets_dir(&run)] {
                    remove(folder);
                }
            });
        }
    }
}

/// Ends and removes what trials of an earlier daemon have left in `folder`.
pub async fn sweep_trials(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        folders::kill_all(&entry.path());
        wait_for_all(&entry.path()).await;
    }
    remove(folder);
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

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "cannot remove what a trial has left");
        }
        _ => {}
    }
}
