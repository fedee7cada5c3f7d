//! With what a deletion destroys: values, revision and inputs that are in force, and not those that are wished. Once a
//! try has failed, or what is in force is not allowed any more, what came since the deletion reaches the next one.

use serde_json::{Map, Value};

use super::{Result, Service};
use crate::domain::needs::Basis;
use crate::domain::run::{Kind, Run};
use crate::domain::secret::{is_marked, uses};
use crate::domain::template::Assigned;
use crate::domain::workspace::Workspace;
use crate::store::Snapshot;

impl Service {
    /// With what the next destroy of a workspace works that is to be deleted.
    pub(super) async fn basis(&self, snapshot: &mut Snapshot, workspace: &Workspace) -> Result<Basis> {
        let mut made = self.made_it(snapshot, workspace).await?;
        if let Some(run) = &made
            && snapshot.spec_of(workspace.uid, run.generation).await?.is_none()
        {
            // Of a life before, which was retained: its declaration went with it.
            made = None;
        }
        let Some(since) = workspace.deleting_since else {
            return Ok(Basis { generation: workspace.generation, ..Basis::default() });
        };
        let is_edited = snapshot.generation_is_newer_than(workspace.uid, workspace.generation, since).await?;
        let generation = made.as_ref().filter(|_| !is_edited).map_or(workspace.generation, |made| made.generation);
        let has_failed = snapshot.last_change(workspace.uid).await?.is_some_and(|last| {
            last.kind == Kind::Destroy && last.ended().is_some_and(|ended| !ended.outcome.is_good())
        });
        let revision = match &workspace.template {
            Some(assigned) => {
                let in_force = revision(assigned, is_edited, None, made.as_ref());
                let uploaded = snapshot.uploaded(&assigned.namespace, &assigned.name).await?;
                let newer = uploaded.filter(|uploaded| uploaded.changed_at > since).map(|newer| newer.current);
                let is_wanted = newer.is_some()
                    && (has_failed || self.is_refused(snapshot, workspace, generation, &in_force).await?);
                Some(revision(assigned, is_edited, newer.filter(|_| is_wanted), made.as_ref()))
            }
            None => None,
        };
        let inputs = if is_edited { None } else { made.and_then(|made| made.inputs) };
        let inputs = match inputs {
            Some(inputs) => Some(self.with_newer_secrets(snapshot, workspace, generation, inputs, has_failed).await?),
            None => self.wished_inputs(snapshot, workspace).await?,
        };
        Ok(Basis { generation, revision, inputs })
    }

    /// The revision that a run is rendered from, where that is not the one that its workspace is to have.
    pub(super) async fn revision_for(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        run: &Run,
    ) -> Result<Option<String>> {
        match run.kind {
            Kind::Destroy if run.revision.is_none() => Ok(self.basis(snapshot, workspace).await?.revision),
            _ => Ok(run.revision.clone()),
        }
    }

    /// Whether that with which would be destroyed is not allowed any more.
    async fn is_refused(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        generation: u64,
        revision: &str,
    ) -> Result<bool> {
        let Some((_, spec)) = snapshot.spec_of(workspace.uid, generation).await? else { return Ok(false) };
        Ok(self.judged(snapshot, workspace, &spec, Some(revision)).await?.1.is_some())
    }

    /// The run that made what is there: the one whose apply has left doubt, or else the last that went well.
    async fn made_it(&self, snapshot: &mut Snapshot, workspace: &Workspace) -> Result<Option<Run>> {
        let good = snapshot.last_success(workspace.uid).await?;
        let Some(generation) = workspace.in_doubt else { return Ok(good) };
        let doubtful = snapshot.last_applied(workspace.uid, generation).await?;
        // A destroy that ended half-way leaves doubt, too, and has made nothing.
        let is_older = |run: &Run| good.as_ref().is_some_and(|good| good.id > run.id);
        Ok(doubtful.filter(|run| !is_older(run)).or(good))
    }

    /// Inputs of before, with the secrets among them that were written since the deletion, once a try has failed.
    async fn with_newer_secrets(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        generation: u64,
        mut inputs: Map<String, Value>,
        has_failed: bool,
    ) -> Result<Map<String, Value>> {
        if !inputs.values().any(is_marked) {
            return Ok(inputs);
        }
        let Some((_, spec)) = snapshot.spec_of(workspace.uid, generation).await? else { return Ok(inputs) };
        for it in uses(&spec, &workspace.namespace) {
            let newer = snapshot.secret(&it.namespace, &it.name).await?.filter(|secret| {
                let is_newer = workspace.deleting_since.is_some_and(|since| secret.changed_at > since);
                has_failed && is_newer && secret.keys.contains(&it.key)
            });
            if let Some(secret) = newer {
                inputs.insert(it.variable.clone(), it.marked(secret.version));
            }
        }
        Ok(inputs)
    }

    /// What its spec takes of others now; what is not there is left out, as far as there is nothing better.
    async fn wished_inputs(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
    ) -> Result<Option<Map<String, Value>>> {
        let wants = snapshot.wants_of(workspace.uid).await?;
        if !wants.takes_inputs() {
            return Ok(None);
        }
        if let Ok(inputs) = self.taken(snapshot, &workspace.key(), &wants).await? {
            return Ok(Some(inputs));
        }
        Ok(snapshot.last_change(workspace.uid).await?.and_then(|last| last.inputs))
    }
}

/// The revision with which is destroyed: what was pinned since, what became the current one since, what is in force.
fn revision(assigned: &Assigned, is_edited: bool, newer: Option<String>, made: Option<&Run>) -> String {
    if is_edited && assigned.is_pinned {
        return assigned.revision.clone();
    }
    let in_force = || made.and_then(|made| made.revision.clone());
    newer.filter(|_| !assigned.is_pinned).or_else(in_force).unwrap_or_else(|| assigned.revision.clone())
}
