//! The queue: gives places to runs within the limits, and has a worker for each that has one.
//!
//! **Invariant:** what the queue knows can be lost at any time: the tables hold the runs, and the
//! folders their processes.

mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::failure::{Class, Failure};
use crate::domain::run::Run;
use crate::runner::Requests;
use crate::service::{Service, Stage};

/// How long the queue goes without reading the tables when nobody wakes it.
const POLL: Duration = Duration::from_secs(1);

/// Gives places and runs workers until `shutdown`. Workers are then left where they are: their
/// terraforms go on, and the next daemon finds them.
pub async fn run(service: Arc<Service>, shutdown: CancellationToken) {
    let mut workers = Workers { service: Arc::clone(&service), tasks: JoinSet::new(), at_work: HashMap::new() };
    match service.runs_at_work().await {
        Ok(runs) => runs.into_iter().for_each(|(run, stage)| {
            tracing::info!(run = %run.id, owner = %run.key(), state = run.state_word(), "run found again");
            workers.begin(run, stage);
        }),
        Err(error) => tracing::error!(%error, "cannot read the runs that were at work"),
    }
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
    at_work: HashMap<Id, (Uuid, Requests)>,
}

impl Workers {
    async fn round(&mut self) {
        match self.service.give_places().await {
            Ok(round) => {
                self.service.wakes.round_made();
                for (run, requests) in self.at_work.values() {
                    if let Some((_, force)) = round.stop.iter().find(|(asked, _)| asked == run) {
                        requests.ask(*force);
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
        self.at_work.insert(task.id(), (id, requests));
    }

    async fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (task, panic) = match ended {
            Ok((task, ())) => (task, None),
            Err(error) => (error.id(), Some(error)),
        };
        let Some((run, _)) = self.at_work.remove(&task) else { return };
        let Some(panic) = panic else { return };
        tracing::error!(%run, %panic, "a worker panicked");
        let failure = Failure::new(Class::Internal, "a defect of captd ended the worker of this run");
        if let Err(error) = self.service.failed(run, failure).await {
            tracing::error!(%run, %error, "cannot keep the failure of a run");
        }
    }
}
