//! What a wait is for: who holds what, since when, whether the holder is proven alive, and what is safe to do.

use super::states::describe_run;
use super::states::of_key;
use super::{Actor, Error, Result, Service, Stage};
use crate::domain::resource::Key;
use crate::domain::run::{Run, State};
use crate::domain::state::{Holder, Lock};
use crate::store::Snapshot;
use crate::supervisor;

impl Service {
    /// Why a run that waits for a place has none.
    pub(super) async fn held_back(&self, snapshot: &mut Snapshot, run: Option<&Run>) -> Result<Option<String>> {
        let stage = match run.map(|run| &run.state) {
            Some(State::Queued) => Stage::Plan,
            Some(State::Planned(_)) => Stage::Apply,
            _ => return Ok(None),
        };
        if let Some(run) = run
            && let Some(why) = snapshot.state_lock(run.workspace).await?.and_then(|lock| lock.by_hand())
        {
            return Ok(Some(why));
        }
        if let Some(drain) = snapshot.drain().await? {
            return Ok(Some(drain.to_string()));
        }
        if let Some(why) = snapshot.held().await?.filter(|_| stage == Stage::Apply) {
            return Ok(Some(why));
        }
        self.places_taken(snapshot, stage).await.map(Some)
    }

    async fn places_taken(&self, snapshot: &mut Snapshot, stage: Stage) -> Result<String> {
        let (states, limit, setting): (&[&str], _, _) = match stage {
            Stage::Plan => (&["preparing", "planning"], self.plans_at_once(), "engine.plans_at_once"),
            Stage::Apply => (&["applying"], self.applies_at_once(), "engine.applies_at_once"),
        };
        let mut taken = 0;
        let mut longest: Option<Run> = None;
        for state in states {
            let (count, oldest) = snapshot.runs_that_are(state).await?;
            taken += count;
            longest = [longest, oldest].into_iter().flatten().min_by_key(|run| run.id);
        }
        Ok(match longest.filter(|_| taken >= u64::from(limit)) {
            Some(run) => format!(
                "all {limit} places ({setting}) are taken, the longest by {}; one is free when the first of them ends",
                self.described_holder(&run)
            ),
            None => "it gets a place next, or when its cluster and its namespace have fewer runs at work (engine.runs_per_cluster_at_once, limits.runsAtOnce)".to_owned(),
        })
    }

    /// A run that holds something: what it does, since when, and whether its processes live.
    pub(super) fn described_holder(&self, run: &Run) -> String {
        let since = run.begun_at().map(|at| format!(" since {at}")).unwrap_or_default();
        let proven = if supervisor::lives(&self.run_dir(run.id)) {
            "its processes live"
        } else {
            "none of its processes lives at the moment: it is between two commands, or captd looks at its end"
        };
        format!("{}{since} ({proven})", describe_run(run))
    }

    /// Ends a person's lock on a state. A run's own goes with the run's end, and no other way.
    ///
    /// # Errors
    /// When nobody holds it, or a run does.
    pub async fn break_lock(&self, key: &Key, actor: &Actor) -> Result<Lock> {
        let mut change = self.write(&actor.0).await?;
        let resource = self.existing(&mut change, key).await?;
        let Some(lock) = change.state_lock(resource.workspace).await? else {
            return Err(Error::NotFound { what: "lock on the state of", name: key.to_string() });
        };
        if let Holder::Run(id) = lock.holder {
            let who = change.run(id).await?.map_or_else(|| format!("run {id}"), |run| self.described_holder(&run));
            let detail = format!(
                "{who} holds it, and its lock goes with its end: captd releases it when the run is proven over. `captd cancel {id}` asks it to stop"
            );
            return Err(Error::conflict("locked", detail));
        }
        change.remove_state_lock(resource.workspace).await?;
        change.tell(of_key("LockBroken", key, &format!("the lock of {} was ended", lock.holder))).await?;
        change.commit().await?;
        tracing::warn!(owner = %key, holder = %lock.holder, since = %lock.locked_at, by = actor.0, "a person's lock was ended");
        self.wakes.all();
        Ok(lock)
    }
}
