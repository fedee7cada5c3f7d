//! Decisions carried out: at the end of a run, and in the reconciler's rounds. Both are the same.

use uuid::Uuid;

use super::states::of_key;
use super::{DAEMON, Error, Result, Service};
use crate::domain::decide::{Decision, decide};
use crate::domain::needs::{Standing, Wants};
use crate::domain::resource::Key;
use crate::domain::run::Run;
use crate::domain::workspace::Workspace;
use crate::store::{Change, Snapshot};

impl Service {
    /// Workspaces for which something other than rest was decided. One for which nothing can be decided holds up no other.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due(&self) -> Result<Vec<Uuid>> {
        let mut snapshot = self.store.read().await?;
        let mut due = Vec::new();
        let (wants, none) = (snapshot.all_wants().await?, Wants::default());
        for workspace in snapshot.idle_workspaces().await? {
            let wants = wants.get(&workspace.uid).unwrap_or(&none);
            match self.is_due(&mut snapshot, &workspace, wants).await {
                Ok(true) => due.push(workspace.uid),
                Ok(false) => {}
                Err(error @ Error::Store(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(owner = %workspace.key(), %error, "what is due for it cannot be decided");
                }
            }
        }
        Ok(due)
    }

    async fn is_due(&self, snapshot: &mut Snapshot, workspace: &Workspace, wants: &Wants) -> Result<bool> {
        let last = snapshot.last_change(workspace.uid).await?;
        let standing = self.standing_with(snapshot, workspace, wants).await?;
        let decision = self.decision(snapshot, workspace, None, last.as_ref(), standing).await?.0;
        Ok(!matches!(decision, Decision::Rest(..)))
    }

    /// What is due. Whether it is allowed is asked only where a run would begin.
    async fn decision(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        open: Option<&Run>,
        last: Option<&Run>,
        mut standing: Standing,
    ) -> Result<(Decision, Standing)> {
        let mut decision = decide(self.world(workspace, open, last, &standing));
        if matches!(decision, Decision::Begin { .. }) {
            standing.refused = self.refused(snapshot, workspace).await?;
            decision = decide(self.world(workspace, open, last, &standing));
        }
        Ok((decision, standing))
    }

    /// Decides for one workspace, on what is true now, and carries it out.
    ///
    /// # Errors
    /// When the database fails, or the queue is full.
    pub async fn carry_out(&self, workspace: Uuid) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        self.decide_and_do(&mut change, workspace, DAEMON).await?;
        change.commit().await?;
        self.wakes.queue.notify_one();
        Ok(())
    }

    /// What follows the end of a run.
    pub(super) async fn follow_up(&self, change: &mut Change, run: &Run) -> Result<()> {
        match self.decide_and_do(change, run.workspace, DAEMON).await {
            Ok(()) => Ok(()),
            Err(error @ Error::Store(_)) => Err(error),
            // The end itself must be kept; the reconciler comes back to what follows.
            Err(error) => {
                if !matches!(error, Error::QueueFull(_)) {
                    tracing::warn!(owner = %run.key(), %error, "what follows a run cannot be decided yet");
                }
                Ok(())
            }
        }
    }

    /// Decides and does it. What is removed may have been in the way of the deletion of what it
    /// needed: then that follows.
    pub(super) async fn decide_and_do(&self, change: &mut Change, workspace: Uuid, author: &str) -> Result<()> {
        let mut next = vec![workspace];
        while let Some(uid) = next.pop() {
            let Some(workspace) = change.workspace(uid).await? else { continue };
            let open = change.open_run(uid).await?;
            let last = change.last_change(uid).await?;
            let standing = self.standing(change, &workspace).await?;
            let (decision, standing) =
                self.decision(change, &workspace, open.as_ref(), last.as_ref(), standing).await?;
            match decision {
                Decision::Rest(..) => {}
                Decision::Begin { kind, trigger, attempt } => {
                    self.enqueue(change, &workspace, kind, trigger, attempt, author).await?;
                }
                Decision::Remove => next.extend(self.remove(change, &workspace, &standing).await?),
            }
        }
        Ok(())
    }

    /// Removes the rows of what holds nothing in the cloud any more, or leaves it there, and says what may be left. Gives
    /// those that waited for it with their own deletion.
    async fn remove(&self, change: &mut Change, workspace: &Workspace, standing: &Standing) -> Result<Vec<Uuid>> {
        let (uid, key) = (workspace.uid, workspace.key());
        let mut needed: Vec<Key> = change.needs_of(uid).await?.into_iter().map(|need| need.target).collect();
        for it in change.secret_uses(uid).await? {
            needed.extend(change.secret_writer(&it.namespace, &it.name).await?);
        }
        if !standing.retains && workspace.observation.is_none() && !standing.has_state {
            let message = "it was never in force: nothing was made, and nothing is destroyed; what exists in the cloud under its name stays there as it is";
            change.tell(of_key("NothingDestroyed", &key, message)).await?;
        }
        if standing.retains && change.newest_state(uid).await?.is_some() {
            change.retain(uid, self.clock.now()).await?;
            let message = "what it made stays in the cloud, and its state with captd";
            change.tell(of_key("Retained", &key, message)).await?;
            tracing::info!(workspace = %key, "deleted, and what it made stays in the cloud");
        }
        let unsure = change.unsure(uid).await?;
        if !unsure.is_empty() {
            let message = format!(
                "whether {} was made was never known: it stood in no state, so it was not destroyed; look in the cloud",
                unsure.join(", ")
            );
            change.tell(of_key("MayBeLeft", &key, &message)).await?;
        }
        change.remove_resource(uid).await?;
        let mut next = Vec::new();
        for target in needed {
            let target = change.workspace_of(&target).await?;
            next.extend(target.filter(|target| target.deleting_since.is_some()).map(|target| target.uid));
        }
        Ok(next)
    }
}
