//! One run's worker: hands the run to the runner, and what the runner says to the service.
//!
//! **Invariant:** a run whose apply was begun ends on proof alone: what its supervisor left, or that nobody is left of it.
//! What became of its template, configuration, secrets or keys meanwhile does not matter.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use crate::domain::failure::{Class, Failure};
use crate::domain::run::Run;
use crate::domain::template::Manifest;
use crate::runner::{self, Halt, Job, Report, Requests};
use crate::service::{self, Prepared, Service, Stage};
use crate::terraform::environment::Environment;

/// How long to wait before a run gets another worker, when this one could not go on.
const AGAIN: Duration = Duration::from_secs(2);

/// Seconds that a run has at least, to take in what it planned while no daemon was up.
const TAKE_IN_SECONDS: u32 = 60;

/// Does one stage of a run. Where it cannot for now, the run stays at work, and the next round of the queue gives it
/// another worker.
pub(super) async fn work(service: &Arc<Service>, run: Run, stage: Stage, requests: Requests) {
    let (id, workspace) = (run.id, run.workspace);
    if let Err(error) = one_stage(service, &run, stage, requests).await {
        tracing::error!(run = %id, %error, "a worker cannot go on");
        if error.may_pass() || !fail(service, id, stage, &error.to_string()).await {
            tokio::time::sleep(AGAIN).await;
            return;
        }
    }
    service.retire_workspace_folder(workspace).await;
}

/// Ends a run by a defect of captd; false where that could not be kept.
pub(super) async fn fail(service: &Arc<Service>, run: Uuid, stage: Stage, why: &str) -> bool {
    if stage == Stage::Plan {
        runner::kill_all(&service.run_dir(run));
    }
    let kept = service.failed(run, Failure::own(why.to_owned())).await;
    if let Err(error) = &kept {
        tracing::error!(%run, %error, "cannot keep the failure of a run; trying again");
    }
    kept.is_ok()
}

/// How a stage is done.
enum Way {
    Plan(Box<Prepared>),
    Apply(Box<Prepared>),
    /// The apply was begun, by this daemon or an earlier one.
    Follow,
}

async fn one_stage(service: &Arc<Service>, run: &Run, stage: Stage, requests: Requests) -> service::Result<()> {
    let run_dir = service.run_dir(run.id);
    let way = if stage == Stage::Apply && runner::has_begun_to_apply(&run_dir) {
        Way::Follow
    } else {
        match (service.prepare(run).await?, stage) {
            (Ok(Prepared { refused: Some(refusal), .. }), _) => {
                runner::kill_all(&run_dir);
                return service.refuse(run.id, &refusal).await;
            }
            (Ok(prepared), Stage::Plan) => Way::Plan(Box::new(prepared)),
            (Ok(prepared), Stage::Apply) => Way::Apply(Box::new(prepared)),
            (Err(failure), _) => {
                runner::kill_all(&run_dir);
                return service.failed(run.id, failure).await;
            }
        }
    };
    if stage == Stage::Plan {
        service.take_in_local_state(run.workspace).await?;
    }
    let (reports, received) = unbounded_channel();
    let keeping = tokio::spawn(keep_reports(Arc::clone(service), run.id, received));
    let job = match &way {
        Way::Plan(prepared) | Way::Apply(prepared) => job(service, run, prepared, requests, reports),
        Way::Follow => job_to_follow(service, run, requests, reports),
    };
    let done = match &way {
        Way::Plan(prepared) => plan(service, &job, run, prepared).await,
        Way::Apply(prepared) => apply(service, &job, run, prepared).await?,
        Way::Follow => runner::follow_apply(&job).await.map(|()| Done::Applied(None)),
    };
    // The channel closes with the job: then all reports are kept before the end is.
    drop(job);
    if let Err(error) = keeping.await {
        tracing::error!(run = %run.id, %error, "the reports of a run are not all kept");
    }
    // Before what follows is kept: its apply may begin then. Where the run ends here, all that it has left goes together.
    runner::forget_values(&run_dir);
    if matches!(&done, Ok(Done::Planned(_, shown, _)) if shown.plan.has_changes()) {
        runner::forget_temporary(&run_dir).await;
    }
    if stage == Stage::Apply {
        service.take_in_errored_state(run).await?;
    }
    match done {
        Ok(Done::Planned(prepared, shown, saved)) => {
            service.plan_made(run.id, prepared, &shown.plan, shown.outputs, saved).await?;
        }
        Ok(Done::Applied(outputs)) => service.applied(run.id, outputs).await?,
        Err(Halt::Failed(failure)) => {
            if failure.class == Class::Authentication {
                // Before the next try: what was configured with these credentials is not used again.
                service.retire_providers_of(run.id, "its credentials were refused").await;
            }
            service.failed(run.id, failure).await?;
        }
        Err(Halt::Stopped) => service.stopped(run.id).await?,
        Err(Halt::Lost) => service.lost(run.id).await?,
    }
    match stage {
        Stage::Plan => runner::forget_planning(&run_dir),
        Stage::Apply => runner::forget_applying(&run_dir),
    }
    Ok(())
}

async fn plan<'p>(service: &Service, job: &Job, run: &Run, prepared: &'p Prepared) -> Result<Done<'p>, Halt> {
    let left = run.plan_seconds_left(job.plan_seconds_max, TAKE_IN_SECONDS, service.clock().now());
    let (shown, saved) = runner::plan(job, &prepared.rendered, Duration::from_secs(u64::from(left))).await?;
    Ok(Done::Planned(prepared, Box::new(shown), saved))
}

/// Applies the plan that was saved.
async fn apply<'p>(
    service: &Service,
    job: &Job,
    run: &Run,
    prepared: &'p Prepared,
) -> service::Result<Result<Done<'p>, Halt>> {
    let saved = match service.saved_plan(run).await? {
        Ok(saved) => saved,
        Err(failure) => return Ok(Err(Halt::Failed(failure))),
    };
    if let Err(halt) = runner::prepare_to_apply(job, &prepared.rendered, &saved).await {
        return Ok(Err(halt));
    }
    Ok(runner::apply(job).await.map(Done::Applied))
}

enum Done<'p> {
    Planned(&'p Prepared, Box<crate::terraform::plan::Shown>, Vec<u8>),
    Applied(Option<serde_json::Map<String, serde_json::Value>>),
}

fn job(service: &Service, run: &Run, prepared: &Prepared, requests: Requests, reports: UnboundedSender<Report>) -> Job {
    Job {
        program: prepared.program.clone(),
        environment: prepared.environment.clone(),
        own_environment: prepared.own_environment.clone(),
        secrets: prepared.secrets.clone(),
        confinement: prepared.confinement.clone(),
        revision_dir: prepared.revision_dir.clone(),
        state_revision_dir: prepared.state_revision_dir.clone(),
        state: prepared.state.clone(),
        warmth: prepared.warmth.clone(),
        manifest: prepared.manifest.clone(),
        adoption: prepared.adoption.clone(),
        ..job_to_follow(service, run, requests, reports)
    }
}

/// What it takes to follow a run: its folder, and what must not be shown of it. It begins nothing.
fn job_to_follow(service: &Service, run: &Run, requests: Requests, reports: UnboundedSender<Report>) -> Job {
    Job {
        kind: run.kind,
        run_dir: service.run_dir(run.id),
        program: String::new(),
        environment: Environment::default(),
        own_environment: Environment::default(),
        secrets: service.secrets_of(run.id),
        confinement: None,
        limits: service.config().limits,
        revision_dir: std::path::PathBuf::new(),
        state_revision_dir: std::path::PathBuf::new(),
        state: None,
        warmth: None,
        manifest: Manifest::default(),
        adoption: None,
        plan_seconds_max: service.config().engine.plan_seconds_max,
        requests,
        clock: Arc::clone(service.clock()),
        reports,
    }
}

async fn keep_reports(service: Arc<Service>, run: Uuid, mut received: UnboundedReceiver<Report>) {
    while let Some(report) = received.recv().await {
        let kept = match report {
            Report::Planning => service.planning(run).await,
            Report::Step(step) => service.step(run, step).await,
            Report::Silent(silent) => {
                service.waits_for_silent(run, silent);
                Ok(())
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%run, %error, "cannot keep a report");
        }
    }
    service.waits_for_silent(run, None);
}
