//! The queue: gives places to runs within the limits, and has a worker for each that has one.
//!
//! Each round gives a worker to every run at work that has none: one that has its place from now on, one that an earlier
//! daemon had begun, and one whose worker could not go on, are the same.
//!
//! **Invariant:** what the queue knows can be lost at any time: the tables hold the runs, and the
//! folders their processes.

mod redactor;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::run::Run;
use crate::runner::Requests;
use crate::service::{Service, Stage};
use crate::supervisor;

pub use redactor::redact;

/// How long the queue goes without reading the tables when nobody wakes it.
const POLL: Duration = Duration::from_secs(1);

/// How many workers of an apply may panic before the run fails, and then only when its processes are gone.
const PANICS_MAX: u32 = 5;

/// Gives places and runs workers until `shutdown`. Workers are then left where they are: their
/// terraforms go on, and the next daemon finds them.
pub async fn run(service: Arc<Service>, shutdown: CancellationToken) {
    let mut workers = Workers {
        service: Arc::clone(&service),
        tasks: JoinSet::new(),
        at_work: HashMap::new(),
        stages: HashSet::new(),
        panics: HashMap::new(),
    };
    loop {
        // Registered before the tables are read, so that no hint is missed.
        let woken = service.wakes.queue.notified();
        workers.round().await;
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(POLL) => {}
            Some(ended) = workers.tasks.join_next_with_id() => workers.forget(ended).await,
            () = shutdown.cancelled() => return,
        }
    }
}

struct Workers {
    service: Arc<Service>,
    tasks: JoinSet<()>,
    at_work: HashMap<Id, (Uuid, Stage, Requests)>,
    /// What `at_work` does, to look it up: a run's apply may begin before its plan's worker is gone.
    stages: HashSet<(Uuid, Stage)>,
    panics: HashMap<Uuid, u32>,
}

impl Workers {
    async fn round(&mut self) {
        match self.service.give_places().await {
            Ok(round) => {
                self.service.wakes.round_made();
                for (run, _, requests) in self.at_work.values() {
                    if let Some((_, force)) = round.stop.iter().find(|(asked, _)| asked == run) {
                        requests.ask(*force);
                    }
                }
                // A worker that ends keeps the end first, and is forgotten between two rounds: what was read at work
                // and has no worker needs one.
                for (run, stage) in round.at_work {
                    if !self.stages.contains(&(run.id, stage)) {
                        tracing::info!(run = %run.id, owner = %run.key(), state = run.state_word(), "run found again");
                        self.begin(run, stage);
                    }
                }
                round.begin.into_iter().for_each(|(run, stage)| self.begin(run, stage));
            }
            Err(error) => tracing::error!(%error, "cannot give places to runs"),
        }
    }

    fn begin(&mut self, run: Run, stage: Stage) {
        let requests = Requests::default();
        if run.wish.is_some() {
            requests.ask(run.is_forced());
        }
        let service = Arc::clone(&self.service);
        let (id, asked) = (run.id, requests.clone());
        let task = self.tasks.spawn(async move { worker::work(&service, run, stage, asked).await });
        self.at_work.insert(task.id(), (id, stage, requests));
        self.stages.insert((id, stage));
    }

    async fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (task, panic) = match ended {
            Ok((task, ())) => (task, None),
            Err(error) => (error.id(), Some(error)),
        };
        let Some((run, stage, _)) = self.at_work.remove(&task) else { return };
        self.stages.remove(&(run, stage));
        let Some(panic) = panic else {
            self.panics.remove(&run);
            return;
        };
        tracing::error!(%run, %panic, "a worker panicked");
        let panics = self.panics.entry(run).or_default();
        *panics += 1;
        // An apply goes on without its worker, and ends on proof: the next round gives it another.
        if stage == Stage::Apply && (*panics < PANICS_MAX || supervisor::lives(&self.service.run_dir(run))) {
            return;
        }
        if stage == Stage::Apply
            && let Err(error) = self.service.keep_untaken_state(run).await
        {
            tracing::error!(%run, %error, "a state that was left cannot be kept yet");
            return;
        }
        if worker::fail(&self.service, run, stage, "a defect of captd ended the worker of this run").await {
            self.panics.remove(&run);
        }
    }
}
