//! Places: which runs are at work, and which come next within the limits.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::providers::waiting;
use super::{DAEMON, Result, Service};
use crate::domain::fair::{Places, Waiting, choose};
use crate::domain::run::{Run, State};
use crate::domain::trouble::provider_of;
use crate::store::{Change, OpenRun};

/// What the queue has to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Round {
    /// Runs that were at work when the tables were read; each has a worker, or gets one.
    pub at_work: Vec<(Run, Stage)>,
    /// Runs that have a place from now on.
    pub begin: Vec<(Run, Stage)>,
    /// Runs at work that were asked to stop; true for those that are to end at once.
    pub stop: Vec<(Uuid, bool)>,
}

/// What is to be done for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Prepare and plan.
    Plan,
    /// Apply the saved plan.
    Apply,
}

/// The stage in which a run is at work, if it is.
fn stage_of(run: &Run) -> Option<Stage> {
    match run.state {
        State::Preparing(_) | State::Planning(_) => Some(Stage::Plan),
        State::Applying(_) => Some(Stage::Apply),
        _ => None,
    }
}

fn at_work(open: Vec<OpenRun>) -> Vec<(Run, Stage)> {
    open.into_iter().filter_map(|open| stage_of(&open.run).map(|stage| (open.run, stage))).collect()
}

impl Service {
    pub(super) async fn runs_at_work(&self) -> Result<Vec<(Run, Stage)>> {
        Ok(at_work(self.store.read().await?.open_runs().await?))
    }

    /// Whether the runs that were at work can be followed by this captd.
    ///
    /// # Errors
    /// The outer one when the database cannot be read, the inner one says why they cannot.
    pub async fn can_follow(&self) -> Result<std::result::Result<(), String>> {
        let mut runs = self.runs_at_work().await?.into_iter();
        Ok(runs.try_for_each(|(run, _)| crate::supervisor::look_at(&self.run_dir(run.id))))
    }

    /// Gives places to runs that wait for one, within the limits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_places(&self) -> Result<Round> {
        let open = self.store.read().await?.open_runs().await?;
        let asked = open.iter().filter(|o| o.run.wish.is_some() && stage_of(&o.run).is_some());
        let stop = asked.map(|o| (o.run.id, o.run.is_forced())).collect();
        let none_waits = !open.iter().any(|o| matches!(o.run.state, State::Queued | State::Planned(_)));
        let at_work = at_work(open);
        if none_waits {
            return Ok(Round { at_work, begin: Vec::new(), stop });
        }
        let mut change = self.write(DAEMON).await?;
        if change.drain().await?.is_some() {
            return Ok(Round { at_work, begin: Vec::new(), stop });
        }
        let mut begin = Vec::new();
        let held = change.held().await?.is_some();
        for (stage, limit) in [(Stage::Apply, self.applies_at_once()), (Stage::Plan, self.plans_at_once())] {
            if stage == Stage::Apply && held {
                continue;
            }
            let open = change.open_runs().await?;
            let rooms = self.provider_rooms(&mut change).await?;
            let outsiders = self.outsiders(&mut change, &open, &rooms).await?;
            let mut places = self.places(&mut change, &open, stage, limit).await?;
            for open in open.iter().filter(|open| stage_of(&open.run).is_some() && !outsiders.contains(&open.run.id)) {
                if let Some(provider) = provider_of(&open.cluster) {
                    *places.by_provider.entry(provider.to_owned()).or_default() += 1;
                }
            }
            places.provider_max = rooms;
            let locked = change.locked_by_hand().await?;
            let may_begin = |o: &&OpenRun| waits_for(&o.run, stage) && !locked.contains(&o.run.workspace);
            let waiting: Vec<Waiting> = open.iter().filter(may_begin).map(|o| waiting(o, &outsiders)).collect();
            for id in choose(&waiting, places) {
                let Some(run) = change.run(id).await? else { continue };
                let run = match stage {
                    Stage::Plan => run.claim(self.clock.now())?,
                    Stage::Apply => run.begin_applying()?,
                };
                change.save_run(&run).await?;
                tracing::info!(run = %run.id, owner = %run.key(), kind = run.kind.as_str(), state = run.state_word(), "run begins");
                begin.push((run, stage));
            }
        }
        change.commit().await?;
        Ok(Round { at_work, begin, stop })
    }

    async fn places(&self, change: &mut Change, open: &[OpenRun], stage: Stage, limit: u32) -> Result<Places> {
        let at_work = || open.iter().filter_map(|o| stage_of(&o.run).map(|stage| (o, stage)));
        let mut places = Places {
            free: (limit as usize).saturating_sub(at_work().filter(|(_, s)| *s == stage).count()),
            per_cluster_max: self.config.engine.runs_per_cluster_at_once as usize,
            ..Places::default()
        };
        for (open, _) in at_work() {
            *places.by_namespace.entry(open.run.namespace.clone()).or_default() += 1;
            *places.by_cluster.entry(open.cluster.clone()).or_default() += 1;
        }
        let limited = change
            .namespaces()
            .await?
            .into_iter()
            .filter_map(|namespace| Some((namespace.metadata.name, namespace.spec.limits.runs_at_once? as usize)));
        places.namespace_max = limited.collect::<BTreeMap<_, _>>();
        Ok(places)
    }
}

fn waits_for(run: &Run, stage: Stage) -> bool {
    match stage {
        Stage::Plan => run.state == State::Queued,
        Stage::Apply => matches!(run.state, State::Planned(_)),
    }
}
