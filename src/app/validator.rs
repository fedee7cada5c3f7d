//! Templates on trial: the service asks, the runner does it, a few at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

use crate::domain::failure::{Class, Failure};
use crate::domain::run::Kind;
use crate::domain::time::SharedClock;
use crate::runner::{self, Halt, Job, Requests};
use crate::service::{Trial, Validator, Verdict};

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
        let _turn = self.turns.acquire().await.expect("invariant: nobody closes this semaphore");
        // Nobody is told how far it is.
        let (reports, _) = unbounded_channel();
        let job = Job {
            kind: Kind::Plan,
            run_dir: trial.run_dir,
            revision_dir: trial.workspace_dir.clone(),
            workspace_dir: trial.workspace_dir,
            state: None,
            program: trial.program,
            environment: trial.environment,
            secrets: trial.secrets,
            confinement: trial.confinement,
            warmth: trial.warmth,
            manifest: trial.manifest,
            adoption: None,
            plan_seconds_max: trial.seconds_max,
            requests: Requests::default(),
            clock: Arc::clone(&self.clock),
            reports,
        };
        runner::validate(&job, &trial.rendered).await.map_err(|halt| match halt {
            Halt::Failed(failure) => failure,
            Halt::Stopped | Halt::Lost => Failure::new(Class::Internal, "terraform was ended from outside"),
        })
    }
}

impl Validator for Trials {
    fn validate(&self, trial: Trial) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>> {
        Box::pin(self.one(trial))
    }
}
