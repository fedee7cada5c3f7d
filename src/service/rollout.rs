//! Rollouts: those that follow a template are brought to its current revision, a few at a time.

use uuid::Uuid;

use super::Actor;
use super::{DAEMON, Error, Result, Service};
use crate::domain::event::Told;
use crate::domain::name::Name;
use crate::domain::rollout::{Follower, Next, next, stage};
use crate::domain::template::{Assigned, UpdatePolicy};
use crate::store::{Snapshot, Uploaded};

/// How far a rollout is.
#[derive(Debug, Clone)]
pub struct RolloutView {
    /// The template.
    pub uploaded: Uploaded,
    /// How it goes on.
    pub policy: UpdatePolicy,
    /// Those that follow, in order.
    pub followers: Vec<Follower>,
    /// How many do not follow, but have a revision of their own.
    pub pinned: usize,
}

impl RolloutView {
    /// One word: `done`, `rolling`, `stopped`, or `waiting` for a person.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match next(&self.followers, self.policy) {
            Next::Done => "done",
            Next::Stop => "stopped",
            Next::Assign(_) | Next::Wait if self.uploaded.rolling => "rolling",
            Next::Assign(_) | Next::Wait => "waiting",
        }
    }
}

impl Service {
    /// How far the rollout of a template's current revision is.
    ///
    /// # Errors
    /// When it was not uploaded.
    pub async fn rollout(&self, namespace: &Name, name: &Name) -> Result<RolloutView> {
        let mut snapshot = self.store.read().await?;
        let uploaded = self.require_uploaded(&mut snapshot, namespace, name).await?;
        self.rollout_of(&mut snapshot, uploaded).await
    }

    /// Lets the rollout of a template go on, or begin.
    ///
    /// # Errors
    /// When it was not uploaded.
    pub async fn start_rollout(&self, namespace: &Name, name: &Name, actor: &Actor) -> Result<RolloutView> {
        let mut change = self.write(&actor.0).await?;
        let uploaded = self.require_uploaded(&mut change, namespace, name).await?;
        let uploaded = Uploaded { rolling: true, ..uploaded };
        change.put_uploaded(&uploaded).await?;
        let message = format!("revision {} is brought to those that follow it", uploaded.current);
        change.tell(Told::of("RolloutStarted", "WorkspaceTemplate", namespace, name.as_str(), message)).await?;
        let view = self.rollout_of(&mut change, uploaded).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(view)
    }

    /// Brings on those whose turn it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roll_out(&self) -> Result<()> {
        let mut snapshot = self.store.read().await?;
        let rolling: Vec<Uploaded> =
            snapshot.all_uploaded(None).await?.into_iter().filter(|uploaded| uploaded.rolling).collect();
        let mut steps = Vec::new();
        for uploaded in rolling {
            let view = self.rollout_of(&mut snapshot, uploaded).await?;
            steps.push((next(&view.followers, view.policy), view.uploaded));
        }
        // Whoever waits to write holds no other connection.
        drop(snapshot);
        for (step, uploaded) in steps {
            match step {
                Next::Assign(chosen) => self.bring_on(&uploaded, &chosen).await?,
                Next::Done => self.end_rollout(&uploaded).await?,
                Next::Wait | Next::Stop => {}
            }
        }
        Ok(())
    }

    async fn rollout_of(&self, snapshot: &mut Snapshot, uploaded: Uploaded) -> Result<RolloutView> {
        let users = snapshot.users_of(&uploaded.namespace, &uploaded.name).await?;
        let (mut followers, mut pinned) = (Vec::new(), 0);
        let mut policy = UpdatePolicy::default();
        let current = self.readable_revision(snapshot, &uploaded.namespace, &uploaded.name, &uploaded.current).await?;
        if let Some(template) = current {
            policy = template.manifest.update_policy;
        }
        for user in users {
            let Some(assigned) = user.template.as_ref().filter(|assigned| !assigned.is_pinned) else {
                pinned += 1;
                continue;
            };
            if user.deleting_since.is_some() {
                continue;
            }
            let open = snapshot.open_run(user.uid).await?.is_some_and(|open| open.kind.changes_things());
            let last = snapshot.last_change(user.uid).await?;
            let stage = stage(&uploaded.current, &assigned.revision, last.as_ref(), open, user.paused);
            followers.push(Follower { workspace: user.uid, key: user.key(), stage });
        }
        Ok(RolloutView { uploaded, policy, followers, pinned })
    }

    /// From now on these are to have the current revision. The template may have another one by now:
    /// then they wait for the next round.
    async fn bring_on(&self, uploaded: &Uploaded, chosen: &[Uuid]) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        let now = change.uploaded(&uploaded.namespace, &uploaded.name).await?;
        if now.is_none_or(|now| now.current != uploaded.current || !now.rolling) {
            return Ok(());
        }
        for uid in chosen {
            let Some(workspace) = change.workspace(*uid).await? else { continue };
            if workspace.template.is_none_or(|assigned| assigned.is_pinned) {
                continue;
            }
            let assigned = Assigned {
                namespace: uploaded.namespace.clone(),
                name: uploaded.name.clone(),
                revision: uploaded.current.clone(),
                is_pinned: false,
            };
            change.assign_template(*uid, Some(&assigned)).await?;
            match self.decide_and_do(&mut change, *uid, DAEMON).await {
                // The reconciler comes back to what follows.
                Ok(()) | Err(Error::QueueFull(_)) => {}
                Err(error) => return Err(error),
            }
        }
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }

    async fn end_rollout(&self, uploaded: &Uploaded) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        if let Some(now) = change.uploaded(&uploaded.namespace, &uploaded.name).await?
            && now.current == uploaded.current
        {
            change.put_uploaded(&Uploaded { rolling: false, ..now }).await?;
            change.commit().await?;
        }
        Ok(())
    }
}
