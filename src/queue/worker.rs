//! One run's worker: hands the run to the runner, and what the runner says to the service.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use crate::domain::failure::{Class, Failure};
use crate::domain::run::Run;
use crate::runner::{self, Halt, Job, Report, Requests};
use crate::service::{self, Prepared, Service, Stage};

/// How long to wait before the end of a run is kept again, when the database could not take it.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Does one stage of a run.
pub(super) async fn work(service: &Arc<Service>, run: Run, stage: Stage, requests: Requests) {
    let (id, workspace) = (run.id, run.workspace);
    if let Err(error) = one_stage(service, run, stage, requests).await {
        tracing::error!(run = %id, %error, "a worker cannot go on");
        // The database failed, or holds something wrong: what can be kept is kept.
        let failure = Failure::own(error.to_string());
        while let Err(error) = service.failed(id, failure.clone()).await {
            tracing::error!(run = %id, %error, "cannot keep the failure of a run; trying again");
            tokio::time::sleep(AGAIN).await;
        }
    }
    if let Err(error) = service.remove_workspace_folder(workspace).await {
        tracing::warn!(%workspace, %error, "cannot look for an empty workspace");
    }
}

async fn one_stage(service: &Arc<Service>, run: Run, stage: Stage, requests: Requests) -> service::Result<()> {
    let prepared = match service.prepare(&run).await? {
        Ok(prepared) => prepared,
        Err(failure) => return service.failed(run.id, failure).await,
    };
    if stage == Stage::Plan {
        service.take_in_local_state(run.workspace).await?;
    }
    let (reports, received) = unbounded_channel();
    let job = job(service, &run, &prepared, requests, reports);
    let keeping = tokio::spawn(keep_reports(Arc::clone(service), run.id, received));
    let done = match stage {
        Stage::Plan => plan(&job, &prepared).await,
        Stage::Apply => apply(service, &job, &run, &prepared).await?,
    };
    // The channel closes with the job: then all reports are kept before the end is.
    let run_dir = job.run_dir.clone();
    drop(job);
    if let Err(error) = keeping.await {
        tracing::error!(run = %run.id, %error, "the reports of a run are not all kept");
    }
    // Before the end is kept: afterwards another run may be at work in the workspace.
    runner::forget_values(&run_dir, &prepared.workspace_dir);
    if stage == Stage::Apply {
        service.take_in_errored_state(&run).await?;
    }
    match done {
        Ok(Done::Planned(shown, saved)) => {
            service.plan_made(run.id, &prepared, &shown.plan, shown.outputs, saved).await?;
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

async fn plan(job: &Job, prepared: &Prepared) -> Result<Done, Halt> {
    let (shown, saved) = runner::plan(job, &prepared.rendered).await?;
    Ok(Done::Planned(shown, saved))
}

/// Applies, or finds the apply again that was begun by an earlier daemon.
async fn apply(service: &Service, job: &Job, run: &Run, prepared: &Prepared) -> service::Result<Result<Done, Halt>> {
    if !runner::has_begun_to_apply(&job.run_dir) {
        let saved = match service.saved_plan(run).await? {
            Ok(saved) => saved,
            Err(failure) => return Ok(Err(Halt::Failed(failure))),
        };
        if let Err(halt) = runner::prepare_to_apply(job, &prepared.rendered, &saved).await {
            return Ok(Err(halt));
        }
    }
    Ok(runner::apply(job).await.map(Done::Applied))
}

enum Done {
    Planned(crate::terraform::plan::Shown, Vec<u8>),
    Applied(Option<serde_json::Map<String, serde_json::Value>>),
}

fn job(
    service: &Service,
    run: &Run,
    prepared: &Prepared,
    requests: Requests,
    reports: tokio::sync::mpsc::UnboundedSender<Report>,
) -> Job {
    Job {
        kind: run.kind,
        run_dir: prepared.run_dir.clone(),
        workspace_dir: prepared.workspace_dir.clone(),
        program: prepared.program.clone(),
        environment: prepared.environment.clone(),
        secrets: prepared.secrets.clone(),
        confinement: prepared.confinement.clone(),
        revision_dir: prepared.revision_dir.clone(),
        state: prepared.state.clone(),
        warmth: prepared.warmth.clone(),
        manifest: prepared.manifest.clone(),
        adoption: prepared.adoption.clone(),
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
        };
        if let Err(error) = kept {
            tracing::warn!(%run, %error, "cannot keep a report");
        }
    }
}
