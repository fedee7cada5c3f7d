//! How machines and workspaces stand with each other: what one waits for, what it gets, who needs it.

use serde_json::{Map, Value};

use super::bundles::secret_inputs;
use super::{Result, Service};
use crate::domain::failure::{Class, Failure};
use crate::domain::needs::{Need, Standing, Wants, met};
use crate::domain::resource::Key;
use crate::domain::run::{Kind, Run};
use crate::domain::workspace::Workspace;
use crate::store::Snapshot;

impl Service {
    /// How a workspace stands with others.
    pub(super) async fn standing(&self, snapshot: &mut Snapshot, workspace: &Workspace) -> Result<Standing> {
        let wants = snapshot.wants_of(workspace.uid).await?;
        self.standing_with(snapshot, workspace, &wants).await
    }

    /// The same, for one whose wants are known.
    pub(super) async fn standing_with(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        wants: &Wants,
    ) -> Result<Standing> {
        let mut standing = Standing {
            locked: snapshot.state_lock(workspace.uid).await?.and_then(|lock| lock.by_hand()),
            ..Standing::default()
        };
        if workspace.deleting_since.is_some() {
            standing.basis = Some(self.basis(snapshot, workspace).await?);
            standing.needed_by = snapshot.needed_by(&workspace.key()).await?;
            let declared = snapshot.resource(&workspace.key()).await?;
            standing.retains = declared.is_some_and(|resource| resource.spec.retains());
            // Of before captd kept states, one may lie in the workspace's folder until its next run.
            let local = std::fs::symlink_metadata(self.workspace_dir(workspace.uid).join("terraform.tfstate"));
            standing.has_state =
                snapshot.newest_state(workspace.uid).await?.is_some() || local.is_ok_and(|local| local.is_file());
        }
        match self.taken(snapshot, &workspace.key(), wants).await? {
            Ok(inputs) => standing.inputs = wants.takes_inputs().then_some(inputs),
            Err(unmet) => standing.unmet = unmet,
        }
        Ok(standing)
    }

    /// What `home` takes of others, by variable; or what is not there, a sentence each.
    pub(super) async fn taken(
        &self,
        snapshot: &mut Snapshot,
        home: &Key,
        wants: &Wants,
    ) -> Result<std::result::Result<Map<String, Value>, Vec<String>>> {
        let (mut inputs, mut unmet) = (Map::new(), Vec::new());
        for need in &wants.needs {
            match self.look_at(snapshot, home, need).await? {
                Ok(value) => {
                    inputs.extend(need.input.as_ref().zip(value).map(|(i, value)| (i.variable.clone(), value)));
                }
                Err(why) => {
                    if !unmet.contains(&why) {
                        unmet.push(why);
                    }
                }
            }
        }
        match secret_inputs(snapshot, &wants.secrets, &home.namespace).await? {
            Ok(of_secrets) => inputs.extend(of_secrets),
            Err(why) => unmet.push(why),
        }
        Ok(if unmet.is_empty() { Ok(inputs) } else { Err(unmet) })
    }

    /// The outputs of others with which a run is rendered: those that it had when it planned. A run
    /// that applies no spec can do with what the one before had, where something is not there now.
    pub(super) async fn inputs(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        run: &Run,
    ) -> Result<std::result::Result<Map<String, Value>, Failure>> {
        if let Some(inputs) = &run.inputs {
            return Ok(Ok(inputs.clone()));
        }
        if run.kind == Kind::Destroy {
            return Ok(Ok(self.basis(snapshot, workspace).await?.inputs.unwrap_or_default()));
        }
        let wants = snapshot.wants_of(workspace.uid).await?;
        if !wants.takes_inputs() {
            return Ok(Ok(Map::new()));
        }
        let standing = self.standing_with(snapshot, workspace, &wants).await?;
        if let Some(inputs) = standing.inputs {
            return Ok(Ok(inputs));
        }
        if run.kind != Kind::Apply
            && let Some(inputs) = snapshot.last_change(workspace.uid).await?.and_then(|last| last.inputs)
        {
            return Ok(Ok(inputs));
        }
        let message = format!("{} needs {}", workspace.key(), standing.unmet.join("; "));
        let remedy = "Nothing, where that is on its way: captd tries again by itself.";
        Ok(Err(Failure::with_remedy(Class::Lock, message, remedy)))
    }

    /// Whether one need is met, with the value that it gives.
    async fn look_at(
        &self,
        snapshot: &mut Snapshot,
        home: &Key,
        need: &Need,
    ) -> Result<std::result::Result<Option<Value>, String>> {
        let target = &need.target;
        if target.namespace != home.namespace {
            let exported = snapshot.resource(target).await?;
            if exported.is_some_and(|resource| !resource.spec.export_to().contains(&home.namespace)) {
                return Ok(Err(format!("{target}, which is not exported to namespace {} any more", home.namespace)));
            }
        }
        let found = snapshot.workspace_of(target).await?;
        let seen = match met(target, found.as_ref()) {
            Ok(seen) => seen,
            Err(why) => return Ok(Err(why)),
        };
        let Some(input) = &need.input else { return Ok(Ok(None)) };
        let missing = || format!("output `{}` of {target}, which is not among its outputs", input.output);
        Ok(seen.outputs.get(&input.output).cloned().map(Some).ok_or_else(missing))
    }
}
