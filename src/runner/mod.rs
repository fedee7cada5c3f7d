//! One run from end to end: Terraform's commands in their order, each under a supervisor.
//!
//! Whatever was begun by an earlier daemon is found again and waited for: going on and beginning
//! are the same code.
//!
//! **Invariant:** knows no database and no HTTP. What it says, it says through its result and its
//! reports.

mod folders;
mod planning;
mod refused;
mod revision;
mod step;
mod trial;
mod warm;
mod work;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

pub use folders::{WORK_MADE, forget_applying, forget_planning, forget_temporary, forget_values, kill_all};
pub use trial::{look, sweep_trials, validate};

use crate::config::Limits;
use crate::domain::adoption::Adoption;
use crate::domain::failure::{Class, Failure};
use crate::domain::redaction::Secrets;
use crate::domain::run::{Kind, Step};
use crate::domain::state::Contents;
use crate::domain::template::Manifest;
use crate::domain::time::SharedClock;
use crate::domain::warmth::{Silent, Warmth};
use crate::render::Rendered;
use crate::supervisor;
use crate::terraform::argv::Command;
use crate::terraform::environment::Environment;
use crate::terraform::outputs;
use crate::terraform::plan::Shown;
use planning::Planner;
use step::{OnStop, Stepper};
use work::{For, Work};

/// Bytes of a saved plan that are kept.
const PLAN_BYTES_MAX: u64 = 256 << 20;

/// All that a run needs. It has no `Debug`: its environment holds secrets.
pub struct Job {
    /// What it does.
    pub kind: Kind,
    /// Holds the plan and a folder for each command.
    pub run_dir: PathBuf,
    /// What all workspaces of its revision have in common.
    pub revision_dir: PathBuf,
    /// The same for a state that needs providers which its configuration does not name.
    pub state_revision_dir: PathBuf,
    /// What is in the workspace's state, where it has one.
    pub state: Option<Contents>,
    /// Terraform's program.
    pub program: String,
    /// All of the environment of Terraform's processes.
    pub environment: Environment,
    /// The same without what a declaration has set: that of `terraform init`.
    pub own_environment: Environment,
    /// What must not be shown of what Terraform says.
    pub secrets: Secrets,
    /// What Terraform's processes may touch; everything, where this is absent.
    pub confinement: Option<supervisor::Confinement>,
    /// What each of its commands may take of the machine.
    pub limits: Limits,
    /// What makes its commands warm; absent, they go the plain way.
    pub warmth: Option<Warmth>,
    /// What the template says of itself.
    pub manifest: Manifest,
    /// What it looks for before it creates, where an earlier run has left doubt.
    pub adoption: Option<Adoption>,
    /// Seconds for preparing and planning together, from the run's beginning on.
    pub plan_seconds_max: u32,
    /// Whether the run is to end early.
    pub requests: Requests,
    /// Source of time.
    pub clock: SharedClock,
    /// Where it says how far it is.
    pub reports: UnboundedSender<Report>,
}

/// What a run is asked to do while it is at work.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// Cancelled when it is to end early.
    stop: CancellationToken,
    /// Cancelled when it is to end at once.
    force: CancellationToken,
}

impl Requests {
    /// Asks it to end early; with `force`, at once, whatever is under way.
    pub fn ask(&self, force: bool) {
        self.stop.cancel();
        if force {
            self.force.cancel();
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Preparing is over.
    Planning,
    /// A command has begun or ended.
    Step(Step),
    /// It waits for a provider that hangs; or, without one, no more.
    Silent(Option<Silent>),
}

/// Why a run did not get where it was to get.
#[derive(Debug, Clone, PartialEq)]
pub enum Halt {
    /// It failed.
    Failed(Failure),
    /// It was asked to stop, and did.
    Stopped,
    /// Its processes are gone without a word.
    Lost,
}

/// Prepares the workspace and makes the plan within the time that is `left` of it; gives it back read, and as Terraform
/// has saved it. Changes nothing in the cloud.
///
/// # Errors
/// [`Halt`]; never `Lost`, since what is lost here is begun again.
pub async fn plan(job: &Job, rendered: &Rendered, left: Duration) -> Result<(Shown, Vec<u8>), Halt> {
    in_time(job, left, "planning", plan_in_time(job, rendered)).await
}

/// What comes of `work` within the time that is `left` of it; then what it has begun is killed, and the run fails.
async fn in_time<T>(
    job: &Job,
    left: Duration,
    doing: &str,
    work: impl Future<Output = Result<T, Halt>>,
) -> Result<T, Halt> {
    if let Ok(result) = tokio::time::timeout(left, work).await {
        return result;
    }
    folders::kill_all(&job.run_dir);
    let message = format!("{doing} took longer than {} s and was ended", job.plan_seconds_max);
    let remedy = "Look at the log for what it waited for; raise engine.plan_seconds_max if it needs longer. captd tries again by itself.";
    Err(Halt::Failed(Failure::with_remedy(Class::Timeout, message, remedy)))
}

async fn plan_in_time(job: &Job, rendered: &Rendered) -> Result<(Shown, Vec<u8>), Halt> {
    let work = work::enter(job, For::Planning, "1", rendered).await?;
    job.reports.send(Report::Planning).ok();
    let mut planner = Planner::new(job, work);
    let made = planner.plan().await?;
    let made = planner.leave_foreign_tags(made, &rendered.tags).await?;
    let saved = step::read_whole(&made.file, PLAN_BYTES_MAX).await?;
    Ok((made.shown, saved))
}

/// Whether the apply of a run was begun, by whichever daemon.
#[must_use]
pub fn has_begun_to_apply(run_dir: &std::path::Path) -> bool {
    supervisor::attach(&run_dir.join(supervisor::APPLY)).is_some()
}

/// Puts everything in place that the apply of `plan` needs: all of it may be gone since planning. It has as much time as
/// planning.
///
/// # Errors
/// [`Halt`].
pub async fn prepare_to_apply(job: &Job, rendered: &Rendered, plan: &[u8]) -> Result<(), Halt> {
    let limit = Duration::from_secs(u64::from(job.plan_seconds_max));
    in_time(job, limit, "preparing what was planned", put_in_place(job, rendered, plan)).await
}

async fn put_in_place(job: &Job, rendered: &Rendered, plan: &[u8]) -> Result<(), Halt> {
    let work = work::enter(job, For::Applying, "3.99", rendered).await?;
    if let Some(adoption) = job.adoption.as_ref().filter(|adoption| adoption.import.is_some()) {
        Planner::look_again(job, work, adoption).await?;
    }
    supervisor::write_whole(&folders::applied_plan(&job.run_dir), plan)
        .map_err(|error| internal("cannot write the saved plan", &error))
}

/// Applies the plan that was put in place, and nothing else. Gives back the outputs that are not
/// sensitive; `None` when they could not be read, which does not undo the apply.
///
/// # Errors
/// [`Halt`].
pub async fn apply(job: &Job) -> Result<Option<Map<String, Value>>, Halt> {
    let work = Work::found(job).await.ok_or_else(|| internal("cannot apply", &"the work folder of the run is gone"))?;
    let stepper = Stepper::new(job, OnStop::InterruptOnce, work.clone());
    let plan = folders::applied_plan(&job.run_dir);
    stepper.run("4", &Command::Apply { plan }).await?;
    if job.kind == Kind::Destroy {
        return Ok(None);
    }
    let stepper = Stepper::new(job, OnStop::InterruptThenKill, work);
    let limit = Duration::from_secs(u64::from(job.plan_seconds_max));
    let Ok(Ok(output)) = tokio::time::timeout(limit, stepper.run("5", &Command::Output)).await else {
        // They can be had from the state, too.
        folders::kill_all(&job.run_dir);
        return Ok(None);
    };
    Ok(stepper.stdout(&output).await.ok().as_deref().and_then(outputs::parse))
}

/// Follows an apply that was begun, by whichever daemon, to its end. Of `job` it needs the run's folder and what to say of
/// it: nothing that a command would be begun with, since all of that may have changed.
///
/// # Errors
/// [`Halt`], on proof alone.
pub async fn follow_apply(job: &Job) -> Result<(), Halt> {
    let plan = folders::applied_plan(&job.run_dir);
    // It has its folder, this one or that of an earlier captd, and is only waited for.
    let work = Work::of_init(&job.run_dir);
    Stepper::new(job, OnStop::InterruptOnce, work).run("4", &Command::Apply { plan }).await?;
    kill_all(&job.run_dir);
    Ok(())
}

fn internal(doing: &str, error: &dyn std::fmt::Display) -> Halt {
    Halt::Failed(Failure::own(format!("{doing}: {error}")))
}
