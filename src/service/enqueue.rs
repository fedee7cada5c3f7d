//! Queuing runs, in the transaction of whatever they follow from.

use uuid::Uuid;

use super::{Actor, Error, Result, Service};
use crate::domain::run::{Kind, Run, State, Trigger, Wish};
use crate::domain::time::after;
use crate::domain::workspace::Workspace;
use crate::store::Change;

impl Service {
    /// Queues the run that follows from what was written in the same transaction, if one is due: a
    /// pause, a doubt or others may be in its way. An open run gives way; one that cannot at once is
    /// followed by the new one at its end.
    pub(super) async fn enqueue_for_spec(&self, change: &mut Change, workspace: Uuid, actor: &Actor) -> Result<()> {
        if let Some(open) = change.open_run(workspace).await? {
            let Ok(moved) = open.give_way(Wish::Supersede, self.clock.now()) else { return Ok(()) };
            change.save_run(&moved).await?;
            if moved.is_open() {
                return Ok(());
            }
            self.let_go(change, &moved).await?;
        }
        self.decide_and_do(change, workspace, &actor.0).await
    }

    /// Queues a run for a workspace that has no open one.
    pub(super) async fn enqueue(
        &self,
        change: &mut Change,
        workspace: &Workspace,
        kind: Kind,
        trigger: Trigger,
        attempt: u32,
        author: &str,
    ) -> Result<Run> {
        let open = change.open_run_count().await?;
        if open >= u64::from(self.config.engine.queue_length_max) {
            return Err(Error::QueueFull(open));
        }
        let run = self.next_run(change, workspace, kind, trigger, attempt, author).await?;
        change.insert_run(&run, &workspace.cluster).await?;
        Ok(run)
    }

    /// The run that would be queued now.
    pub(super) async fn next_run(
        &self,
        change: &mut Change,
        workspace: &Workspace,
        kind: Kind,
        trigger: Trigger,
        attempt: u32,
        author: &str,
    ) -> Result<Run> {
        let generation = match kind {
            Kind::Destroy => self.basis(change, workspace).await?.generation,
            Kind::Apply | Kind::Plan | Kind::Refresh => workspace.generation,
        };
        Ok(Run {
            id: after(change.newest_run_id().await?, self.clock.id()),
            kind,
            workspace: workspace.uid,
            namespace: workspace.namespace.clone(),
            owner: workspace.kind,
            name: workspace.name.clone(),
            generation,
            trigger,
            attempt,
            author: author.to_owned(),
            created_at: self.clock.now(),
            wish: None,
            stop: None,
            state: State::Queued,
            steps: Vec::new(),
            inputs: None,
            revision: None,
        })
    }
}
