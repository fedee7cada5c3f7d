//! Another try at many machines: those that a selector finds and that have something to try.

use super::machines::READ_AT_ONCE;
use super::{Actor, Error, Result, Service};
use crate::domain::machine::Machine;
use crate::domain::name::Name;
use crate::domain::run::{Kind, Run};
use crate::domain::selector::Selector;
use crate::store::MachineQuery;

/// What became of one of the machines.
#[derive(Debug, Clone, PartialEq)]
pub struct Retried {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The run that it got, or why it got none.
    pub run: std::result::Result<Run, NotRetried>,
}

/// Why a machine got no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRetried {
    /// Stable word.
    pub code: &'static str,
    /// A sentence.
    pub reason: String,
}

impl Service {
    /// Queues another try for each machine of the selection whose newest run failed or was stopped,
    /// or that was changed outside captd, and says of the others why they got none. Each is a
    /// transaction of its own: one that cannot be tried keeps no other from it.
    ///
    /// # Errors
    /// When the namespace does not exist, or the database fails.
    pub async fn retry_all(
        &self,
        namespace: Option<&Name>,
        selector: &Selector,
        actor: &Actor,
    ) -> Result<Vec<Retried>> {
        let mut query = MachineQuery { namespace: namespace.cloned(), after: None, limit: READ_AT_ONCE };
        let mut out = Vec::new();
        if let Some(namespace) = namespace {
            self.require_namespace(&mut self.store.read().await?, namespace).await?;
        }
        loop {
            let batch = self.store.read().await?.machines(&query).await?;
            let Some(end) = batch.last().map(|machine| &machine.metadata) else { return Ok(out) };
            query.after = Some((end.namespace.to_string(), end.name.to_string()));
            for machine in batch.iter().filter(|machine| selector.matches(&machine.metadata.labels)) {
                let (namespace, name) = (machine.metadata.namespace.clone(), machine.metadata.name.clone());
                let run = self.retry_one(machine, actor).await?;
                out.push(Retried { namespace, name, run });
            }
        }
    }

    async fn retry_one(&self, machine: &Machine, actor: &Actor) -> Result<std::result::Result<Run, NotRetried>> {
        if let Some(why) = self.nothing_to_retry(machine).await? {
            return Ok(Err(why));
        }
        let (namespace, name) = (&machine.metadata.namespace, &machine.metadata.name);
        match self.request_run(namespace, name, Kind::Apply, actor).await {
            Ok(run) => Ok(Ok(run)),
            Err(Error::Conflict { code, detail }) => Ok(Err(NotRetried { code, reason: detail })),
            Err(error @ Error::QueueFull(_)) => Ok(Err(NotRetried { code: "queue_full", reason: error.to_string() })),
            Err(error @ Error::NotFound { .. }) => Ok(Err(NotRetried { code: "not_found", reason: error.to_string() })),
            Err(error) => Err(error),
        }
    }

    /// Why a try of one among many would be none: it is as it should be, or a person let it rest.
    async fn nothing_to_retry(&self, machine: &Machine) -> Result<Option<NotRetried>> {
        let mut snapshot = self.store.read().await?;
        let Some(workspace) = snapshot.workspace(machine.workspace).await? else { return Ok(None) };
        if workspace.paused {
            let name = &machine.metadata.name;
            let reason =
                format!("it is paused; `captd resume {name}` ends that, and `captd retry {name}` tries it alone");
            return Ok(Some(NotRetried { code: "paused", reason }));
        }
        if snapshot.open_run(workspace.uid).await?.is_some_and(|open| open.kind.changes_things()) {
            // Which one, says the refusal of the request itself.
            return Ok(None);
        }
        let last = snapshot.last_change(workspace.uid).await?;
        let is_good = last.as_ref().and_then(Run::ended).is_some_and(|ended| ended.outcome.is_good());
        let drifted = workspace.observation.is_some_and(|seen| !seen.drift.is_empty());
        if is_good && !drifted && last.is_some_and(|last| last.generation == workspace.generation) {
            let reason = "its newest run did what it was to do".to_owned();
            return Ok(Some(NotRetried { code: "nothing_to_retry", reason }));
        }
        Ok(None)
    }
}
