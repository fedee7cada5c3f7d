//! Decisions carried out: at the end of a run, and in the reconciler's rounds. Both are the same.

use uuid::Uuid;

use super::{DAEMON, Result, Service};
use crate::domain::decide::{Decision, decide};
use crate::domain::run::Run;
use crate::store::Change;

impl Service {
    /// Workspaces for which something other than rest was decided.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due(&self) -> Result<Vec<Uuid>> {
        let mut snapshot = self.store.read().await?;
        let mut due = Vec::new();
        for workspace in snapshot.idle_workspaces().await? {
            let last = snapshot.last_change(workspace.uid).await?;
            if !matches!(decide(self.world(&workspace, None, last.as_ref())), Decision::Rest(..)) {
                due.push(workspace.uid);
            }
        }
        Ok(due)
    }

    /// Decides for one workspace, on what is true now, and carries it out.
    ///
    /// # Errors
    /// When the database fails, or the queue is full.
    pub async fn carry_out(&self, workspace: Uuid) -> Result<()> {
        let mut change = self.store.write().await?;
        self.decide_and_do(&mut change, workspace).await?;
        change.commit().await?;
        self.wakes.queue.notify_one();
        Ok(())
    }

    /// What follows the end of a run.
    pub(super) async fn follow_up(&self, change: &mut Change, run: &Run) -> Result<()> {
        match self.decide_and_do(change, run.workspace).await {
            // The end itself must be kept; the reconciler comes back to what follows.
            Err(super::Error::QueueFull(_)) => Ok(()),
            other => other,
        }
    }

    async fn decide_and_do(&self, change: &mut Change, workspace: Uuid) -> Result<()> {
        let Some(workspace) = change.workspace(workspace).await? else { return Ok(()) };
        let open = change.open_run(workspace.uid).await?;
        let last = change.last_change(workspace.uid).await?;
        match decide(self.world(&workspace, open.as_ref(), last.as_ref())) {
            Decision::Rest(..) => {}
            Decision::Begin { kind, trigger, attempt } => {
                self.enqueue(change, &workspace, kind, trigger, attempt, DAEMON).await?;
            }
            Decision::Remove => change.remove_machine(workspace.uid).await?,
        }
        Ok(())
    }
}
