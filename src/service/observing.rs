//! What runs see of the cloud, and when is looked again.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::states::of_key;
use super::{Prepared, Result, Service};
use crate::domain::decide::next_look;
use crate::domain::gate::Gate;
use crate::domain::observation::{Observation, Seen, StatusOutput, watched_outputs};
use crate::domain::plan::Plan;
use crate::domain::resource::ResourceKind;
use crate::domain::run::{Kind, Run};
use crate::domain::state::contents;
use crate::domain::time::plus_seconds;
use crate::domain::workspace::Workspace;
use crate::store::Change;

/// When a node group is looked at again that is still made or changed, or whose state is another, though no run is at
/// work.
const SOON_SECONDS: i64 = 15;

impl Service {
    pub(super) async fn observe(&self, change: &mut Change, run: &Run, seen: Seen) -> Result<()> {
        let Some(workspace) = change.workspace(run.workspace).await? else { return Ok(()) };
        let status = self.status_output(change, &workspace).await?;
        let before = workspace.observation;
        let now = self.clock.now();
        let secrets = self.secrets_of(run.id);
        let failed_checks: Vec<String> = seen.failed_checks.iter().map(|text| secrets.redact(text)).collect();
        let is_news = before.as_ref().is_none_or(|before| before.failed_checks != failed_checks);
        if is_news && !failed_checks.is_empty() {
            change.tell(of_key("ChecksFailed", &run.key(), &failed_checks.join("; "))).await?;
        }
        let seen = Seen { failed_checks, status, ..seen };
        let observation = Observation::after(before, seen, run.id, run.generation, now);
        let look = if observation.is_on_its_way() { plus_seconds(now, SOON_SECONDS) } else { self.next_look(now) };
        change.keep_observation(run.workspace, Some(&observation), Some(look)).await?;
        Ok(())
    }

    /// Takes in what the newest state has for outputs, where no run that went well has told it: others take what is in
    /// the state. What is true of the cloud is looked at soon.
    pub(super) async fn follow_state(&self, change: &mut Change, workspace: Uuid) -> Result<()> {
        let Some(workspace) = change.workspace(workspace).await? else { return Ok(()) };
        let (Some(seen), Some(newest)) = (workspace.observation.clone(), change.newest_state(workspace.uid).await?)
        else {
            return Ok(());
        };
        let content = change.state_content(workspace.uid, newest.version, &self.keys.now()).await?.unwrap_or_default();
        let seen = Observation { outputs: contents(&content).outputs, ..seen };
        // Not at once: whoever works with the state has more to do, and the look would hold the lock meanwhile.
        let look = plus_seconds(self.clock.now(), SOON_SECONDS);
        let look = workspace.observe_at.map_or(look, |at| at.min(look));
        change.keep_observation(workspace.uid, Some(&seen), Some(look)).await?;
        self.write_connection_secret(change, workspace.uid, &workspace.key()).await
    }

    /// What the output `status` of a workspace stands for: that of an uploaded template is its author's own, unless its
    /// manifest says when something is in service.
    async fn status_output(&self, change: &mut Change, workspace: &Workspace) -> Result<StatusOutput> {
        if workspace.kind == ResourceKind::Machine {
            return Ok(StatusOutput::OfNodeGroup);
        }
        let Some(assigned) = &workspace.template else { return Ok(StatusOutput::OfEks) };
        let template = self.readable_revision(change, &assigned.namespace, &assigned.name, &assigned.revision).await?;
        let says = template.is_some_and(|template| !template.manifest.in_service.is_empty());
        Ok(if says { StatusOutput::OfEks } else { StatusOutput::Free })
    }

    pub(super) async fn miss(&self, change: &mut Change, run: &Run) -> Result<()> {
        let Some(workspace) = change.workspace(run.workspace).await? else { return Ok(()) };
        let now = self.clock.now();
        let observation = workspace.observation.map(|seen| seen.missed(now));
        let at = self.next_look(now);
        change.keep_observation(run.workspace, observation.as_ref(), Some(at)).await?;
        Ok(())
    }

    fn next_look(&self, now: Timestamp) -> Timestamp {
        next_look(now, self.config.reconcile.observe_interval_seconds, self.clock.fraction())
    }
}

/// What a plan tells of the cloud. With changes of resources ahead its outputs are those of afterwards, so it tells nothing. A
/// refresh-only plan tells all, and changes no state: what it finds otherwise is drift, and what others take of the
/// workspace stays as the state has it.
pub(super) fn seen_in_plan(
    run: &Run,
    gate: &Gate,
    plan: &Plan,
    prepared: &Prepared,
    outputs: Map<String, Value>,
) -> Option<Seen> {
    let failed_checks = plan.failed_checks.clone();
    let names = watched_outputs(run.owner);
    let kept = prepared.state.as_ref().map(|state| state.outputs.clone());
    let watched = || {
        outputs.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
    };
    match (run.kind, gate) {
        (Kind::Refresh, _) => {
            let mut drift = plan.foreign_changes(&prepared.manifest);
            drift.extend(plan.foreign_outputs(names));
            let watched = watched();
            Some(Seen { outputs: kept.unwrap_or(outputs), watched, drift, failed_checks, ..Seen::default() })
        }
        (Kind::Apply | Kind::Plan, Gate::Nothing) => {
            let in_force = run.kind == Kind::Apply;
            Some(Seen { outputs, failed_checks, in_force, ..Seen::default() })
        }
        // With outputs alone ahead, what it read of the cloud is as it is.
        (Kind::Plan, Gate::Shown) if plan.summary.only_outputs() => {
            let drift = plan.foreign_outputs(names);
            Some(Seen { outputs: kept?, watched: watched(), drift, failed_checks, ..Seen::default() })
        }
        _ => None,
    }
}
