//! Runs: reading them, and a person's word on them.

use uuid::Uuid;

use super::{Actor, Error, Page, Result, Service};
use crate::domain::name::Name;
use crate::domain::plan::Plan;
use crate::domain::resource::ResourceKind;
use crate::domain::run::Run;
use crate::domain::transition::Moved;
use crate::store::RunQuery;

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct ListRuns {
    /// Of one namespace only.
    pub namespace: Option<Name>,
    /// Of one machine or workspace only.
    pub owner: Option<(ResourceKind, Name)>,
    /// In one of these states only; empty is any.
    pub states: Vec<&'static str>,
    /// At most so many.
    pub limit: u32,
    /// Older than this one.
    pub before: Option<Uuid>,
}

impl Service {
    /// One run.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn run(&self, id: Uuid) -> Result<Run> {
        self.store.read().await?.run(id).await?.ok_or_else(|| Error::no_run(id))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn runs(&self, list: ListRuns) -> Result<Page<Run>> {
        let mut snapshot = self.store.read().await?;
        if let Some(namespace) = &list.namespace {
            self.require_namespace(&mut snapshot, namespace).await?;
        }
        let (_, position) = snapshot.event_range().await?;
        let query = RunQuery {
            namespace: list.namespace,
            owner: list.owner,
            states: list.states,
            before: list.before,
            limit: list.limit + 1,
        };
        let mut items = snapshot.runs(&query).await?;
        let more = items.len() > list.limit as usize;
        items.truncate(list.limit as usize);
        Ok(Page { items, more, position })
    }

    /// The plan of a run.
    ///
    /// # Errors
    /// When the run does not exist, or has no plan.
    pub async fn plan_of(&self, id: Uuid) -> Result<Plan> {
        let mut snapshot = self.store.read().await?;
        let run = snapshot.run(id).await?.ok_or_else(|| Error::no_run(id))?;
        let missing = || Error::NotFound { what: "plan of run", name: format!("{id}, which is {}", run.state_word()) };
        snapshot.plan(id).await?.ok_or_else(missing)
    }

    /// A person approves a plan.
    ///
    /// # Errors
    /// When the run does not wait for that.
    pub async fn approve(&self, id: Uuid, actor: &Actor) -> Result<Run> {
        let now = self.clock.now();
        self.move_run(id, actor, |run| run.approve(&actor.0, now)).await
    }

    /// A person refuses a plan.
    ///
    /// # Errors
    /// When the run does not wait for that.
    pub async fn discard(&self, id: Uuid, actor: &Actor) -> Result<Run> {
        let now = self.clock.now();
        self.move_run(id, actor, |run| run.discard(now)).await
    }

    /// A person stops a run. Where terraform is at work the wish is kept, and followed.
    ///
    /// # Errors
    /// When the run is over, or is forced before it was asked.
    pub async fn cancel(&self, id: Uuid, force: bool, actor: &Actor) -> Result<Run> {
        let now = self.clock.now();
        self.move_run(id, actor, |run| run.cancel(&actor.0, force, now)).await
    }

    async fn move_run(&self, id: Uuid, actor: &Actor, transition: impl FnOnce(Run) -> Moved) -> Result<Run> {
        let mut change = self.write(&actor.0).await?;
        let run = change.run(id).await?.ok_or_else(|| Error::no_run(id))?;
        let moved = transition(run)?;
        if let Some(ended) = moved.ended() {
            let outcome = ended.outcome.clone();
            self.ended(change, moved.clone(), outcome).await?;
            return Ok(moved);
        }
        change.save_run(&moved).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(moved)
    }
}
