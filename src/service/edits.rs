//! What an edit may change of what is declared already: nothing that would leave behind what exists.

use super::{Error, Result, Service};
use crate::domain::problem::Problems;
use crate::domain::resource::{Resource, Spec};
use crate::domain::run::{Kind, Outcome, Run, State};
use crate::domain::state::addresses;
use crate::domain::workspace::Workspace;
use crate::store::Change;

impl Service {
    /// Whether nothing of it was ever made and nothing is being made: its state, if it has one, is empty, and whatever
    /// was to be made was refused.
    pub(super) async fn was_never_made(&self, change: &mut Change, workspace: &Workspace) -> Result<bool> {
        let uid = workspace.uid;
        let is_applying = change.open_run(uid).await?.is_some_and(|run| matches!(run.state, State::Applying(_)));
        let local = self.workspace_dir(uid).join("terraform.tfstate");
        if is_applying || workspace.observation.is_some() || workspace.diverged.is_some() || local.exists() {
            return Ok(false);
        }
        if let Some(newest) = change.newest_state(uid).await? {
            let content = change.state_content(uid, newest.version, &self.keys.now()).await?;
            if content.is_none_or(|content| !addresses(&content).is_empty()) {
                return Ok(false);
            }
        }
        if workspace.in_doubt.is_none() {
            return Ok(true);
        }
        let applied = change.all_applied(uid).await?;
        Ok(!applied.is_empty() && applied.iter().all(was_refused))
    }

    /// What is being deleted takes edits once its destroy has failed, or is not allowed: they are how a person mends it.
    pub(super) async fn check_deleting(
        &self,
        change: &mut Change,
        before: &Resource,
        workspace: Option<&Workspace>,
    ) -> Result<()> {
        let Some(since) = before.metadata.deletion_timestamp else { return Ok(()) };
        let is_at_it = change.open_run(before.workspace).await?.is_some_and(|run| run.kind.changes_things());
        let last = change.last_change(before.workspace).await?.filter(|last| last.kind == Kind::Destroy);
        let has_failed = last.as_ref().and_then(Run::ended).is_some_and(|ended| !ended.outcome.is_good());
        let is_refused = match workspace {
            Some(workspace) if !has_failed => self.refused(change, workspace).await?.is_some(),
            _ => false,
        };
        if (has_failed || is_refused) && !is_at_it {
            return Ok(());
        }
        let (noun, name) = (before.spec.kind().noun(), &before.metadata.name);
        let detail = format!(
            "the {noun} `{name}` is being deleted since {since}; wait until it is gone. Should its destroy fail, it can be edited, and the next try has the edit"
        );
        Err(Error::conflict("deleting", detail))
    }
}

/// Whether the service has said no to all that a run was to make.
fn was_refused(run: &Run) -> bool {
    let Some(Outcome::Failed { failure, .. }) = run.ended().map(|ended| &ended.outcome) else { return false };
    failure.class.is_refusal() && failure.unsure.is_empty()
}

/// What would leave behind what exists, or hand its state to other code. What was never made may move, and what is
/// being deleted may be destroyed with another provider configuration.
pub(super) fn check_immutable(before: &Resource, spec: &Spec, may_move: bool, at: &str, problems: &mut Problems) {
    if may_move {
        return;
    }
    let is_deleting = before.metadata.deletion_timestamp.is_some();
    for field in moved(&before.spec, spec).filter(|field| !is_deleting || *field != "providerConfigRef") {
        let (noun, what) = match spec {
            Spec::Machine(_) => ("machine", "the node group that exists"),
            Spec::Workspace(_) => ("workspace", "what exists"),
        };
        let detail =
            format!("cannot be changed, or {what} would be left behind; delete the {noun}, or declare another one");
        problems.add(format!("{at}/spec/{field}"), "immutable", detail);
    }
}

/// Into what is in force already nothing is imported: what `import` names would be made anew.
pub(super) fn check_import(before: &Resource, spec: &Spec, was_seen: bool, at: &str, problems: &mut Problems) {
    let group = |spec: &Spec| spec.machine().map(|it| (it.cluster_name.clone(), it.node_group_config.name.clone()));
    let is_another = spec.import() != before.spec.import() || group(spec) != group(&before.spec);
    if was_seen && spec.import().is_some() && is_another {
        let detail = format!(
            "{} is in force already, and `import` is for what begins; declare another one, or write an `import` block into its template",
            before.key()
        );
        problems.add(format!("{at}/spec/import"), "in_force", detail);
    }
}

/// What names the place and the code of what exists, and is another one now.
pub(super) fn moved(old: &Spec, new: &Spec) -> impl Iterator<Item = &'static str> {
    let same = [
        ("region", old.region() == new.region()),
        ("providerConfigRef", old.provider() == new.provider()),
        ("workspaceTemplateRef/name", old.template().name == new.template().name),
        ("workspaceTemplateRef/namespace", old.template().namespace == new.template().namespace),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field)
}

/// Whether both name the same template, of whatever revision.
pub(super) fn is_same_template(old: &Spec, new: &Spec) -> bool {
    let (old, new) = (old.template(), new.template());
    old.name == new.name && old.namespace == new.namespace
}
