//! Another try at many machines and workspaces: those that a selector finds and that have something to try.

use super::resources::READ_AT_ONCE;
use super::{Actor, Error, Result, Service};
use crate::domain::name::Name;
use crate::domain::resource::{Key, Resource, ResourceKind};
use crate::domain::run::{Kind, Run};
use crate::domain::selector::Selector;
use crate::store::ResourceQuery;

/// What became of one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Retried {
    /// Which one.
    pub key: Key,
    /// The run that it got, or why it got none.
    pub run: std::result::Result<Run, NotRetried>,
}

/// Why one got no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRetried {
    /// Stable word.
    pub code: &'static str,
    /// A sentence.
    pub reason: String,
}

impl Service {
    /// Queues another try for each machine and workspace of the selection whose newest run failed or was stopped,
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
        if let Some(namespace) = namespace {
            self.require_namespace(&mut self.store.read().await?, namespace).await?;
        }
        let mut out = Vec::new();
        // What others need is tried before them.
        for kind in [ResourceKind::Workspace, ResourceKind::Machine] {
            let mut query = ResourceQuery { kind, namespace: namespace.cloned(), after: None, limit: READ_AT_ONCE };
            loop {
                let batch = self.store.read().await?.resources(&query).await?;
                let Some(end) = batch.last().map(|resource| &resource.metadata) else { break };
                query.after = Some((end.namespace.to_string(), end.name.to_string()));
                for resource in batch.iter().filter(|resource| selector.matches(&resource.metadata.labels)) {
                    let run = self.retry_one(resource, actor).await?;
                    out.push(Retried { key: resource.key(), run });
                }
            }
        }
        Ok(out)
    }

    async fn retry_one(&self, resource: &Resource, actor: &Actor) -> Result<std::result::Result<Run, NotRetried>> {
        if let Some(why) = self.nothing_to_retry(resource).await? {
            return Ok(Err(why));
        }
        match self.request_run(&resource.key(), Kind::Apply, actor).await {
            Ok(run) => Ok(Ok(run)),
            Err(Error::Conflict { code, detail }) => Ok(Err(NotRetried { code, reason: detail })),
            Err(error @ Error::QueueFull(_)) => Ok(Err(NotRetried { code: "queue_full", reason: error.to_string() })),
            Err(error @ Error::NotFound { .. }) => Ok(Err(NotRetried { code: "not_found", reason: error.to_string() })),
            Err(error) => Err(error),
        }
    }

    /// Why a try of one among many would be none: it is as it should be, or a person let it rest.
    async fn nothing_to_retry(&self, resource: &Resource) -> Result<Option<NotRetried>> {
        let mut snapshot = self.store.read().await?;
        let Some(workspace) = snapshot.workspace(resource.workspace).await? else { return Ok(None) };
        if workspace.paused {
            let name = resource.key().handle();
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
