//! Templates on trial, and looks at the cloud: the service asks, the runner does it, a few at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::failure::{Class, Failure};
use crate::domain::run::Kind;
use crate::domain::time::SharedClock;
use crate::render::Rendered;
use crate::runner::{self, Halt, Job, Requests};
use crate::service::{Looked, Trial, Validator, Verdict};
use crate::terraform::plan::Shown;

/// Trials at the same time; a further one waits for its turn. Each may start a provider of its own.
const TRIALS_AT_ONCE: usize = 2;

/// Puts templates on trial with Terraform.
#[derive(Debug)]
pub(super) struct Trials {
    turns: Semaphore,
    clock: SharedClock,
}

impl Trials {
    pub(super) fn new(clock: &SharedClock) -> Self {
        Self { turns: Semaphore::new(TRIALS_AT_ONCE), clock: Arc::clone(clock) }
    }

    async fn one(&self, trial: Trial) -> Verdict {
        let _turn = self.turn().await;
        let (job, rendered) = self.job(trial);
        runner::validate(&job, &rendered).await.map_err(failure_of)
    }

    async fn plan(&self, trial: Trial, ids: BTreeMap<String, String>) -> Result<Shown, Failure> {
        let _turn = self.turn().await;
        let (job, rendered) = self.job(trial);
        runner::look(&job, &rendered, ids).await.map_err(failure_of)
    }

    async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("invariant: nobody closes this semaphore")
    }

    fn job(&self, trial: Trial) -> (Job, Rendered) {
        // Nobody is told how far it is.
        let (reports, _) = unbounded_channel();
        let job = Job {
            kind: Kind::Plan,
            run_dir: trial.run_dir,
            state_revision_dir: trial.revision_dir.clone(),
            revision_dir: trial.revision_dir,
            state: None,
            program: trial.program,
            own_environment: trial.environment.clone(),
            environment: trial.environment,
            secrets: trial.secrets,
            confinement: trial.confinement,
            limits: trial.limits,
            warmth: trial.warmth,
            manifest: trial.manifest,
            adoption: None,
            plan_seconds_max: trial.seconds_max,
            requests: Requests::default(),
            clock: Arc::clone(&self.clock),
            reports,
        };
        (job, trial.rendered)
    }
}

fn failure_of(halt: Halt) -> Failure {
    match halt {
        Halt::Failed(failure) => failure,
        Halt::Stopped | Halt::Lost => Failure::new(Class::Provider, "terraform was ended from outside"),
    }
}

impl Validator for Trials {
    fn validate(&self, trial: Trial) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>> {
        Box::pin(self.one(trial))
    }

    fn look(&self, trial: Trial, ids: BTreeMap<String, String>) -> Pin<Box<dyn Future<Output = Looked> + Send + '_>> {
        Box::pin(self.plan(trial, ids))
    }
}
