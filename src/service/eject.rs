//! Eject: a machine or workspace becomes a folder of plain Terraform, and captd lets go of it.
//!
//! **Invariant:** captd lets go only of what was handed out: the state that is kept must still be that one.

use std::collections::BTreeMap;

use super::delete::check_protection;
use super::states::of_key;
use super::{Actor, DAEMON, Error, Result, Service};
use crate::domain::event::Told;
use crate::domain::resource::{Key, Spec};
use crate::domain::run::{Kind, Run, Trigger};
use crate::domain::workspace::Workspace;
use crate::store::Change;

/// What Terraform keeps its choice of providers in.
const LOCK_FILE: &str = ".terraform.lock.hcl";
/// Its state, in its own folder.
const STATE_FILE: &str = "terraform.tfstate";

/// What is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ejected {
    /// Text by path; secrets are among it.
    pub files: BTreeMap<String, String>,
    /// Serial of the state that is among them.
    pub serial: u64,
}

impl Service {
    /// The folder of plain Terraform with which somebody goes on who has no captd. Changes nothing.
    ///
    /// # Errors
    /// When it is not at rest, or what is declared is not in force.
    pub async fn ejected(&self, key: &Key, as_it_is: bool, actor: &Actor) -> Result<Ejected> {
        let mut change = self.write(&actor.0).await?;
        let (workspace, _) = self.ejectable(&mut change, key, as_it_is, actor).await?;
        let run = self.run_in_force(&mut change, &workspace).await?;
        let spec = change.spec_of(workspace.uid, run.generation).await?.map(|(_, spec)| spec);
        change.tell(of_key("StatePulled", key, "its files were handed out to be ejected, secrets included")).await?;
        change.commit().await?;
        let prepared = match self.prepare(&run).await? {
            Ok(prepared) => prepared,
            Err(failure) => return Err(Error::conflict("not_rendered", failure.message)),
        };
        let mut files = prepared.rendered.with_local_state().files;
        // An init of its own has more than that of its revision.
        for folder in [&prepared.state_revision_dir, &prepared.revision_dir] {
            if let Ok(lock) = tokio::fs::read_to_string(folder.join(LOCK_FILE)).await {
                files.entry(LOCK_FILE.to_owned()).or_insert(lock);
            }
        }
        let mut snapshot = self.store.read().await?;
        let newest = snapshot.newest_state(workspace.uid).await?.ok_or_else(|| nothing(key))?;
        let content = snapshot.state_content(workspace.uid, newest.version, &self.keys.now()).await?;
        let state = content.and_then(|content| String::from_utf8(content).ok()).ok_or_else(|| nothing(key))?;
        files.insert(STATE_FILE.to_owned(), state);
        let ignored = "# A state may hold secrets.\n.terraform/\n*.tfstate\n*.tfstate.*\n";
        files.entry(".gitignore".to_owned()).or_insert_with(|| ignored.to_owned());
        files.entry("README.md".to_owned()).or_insert_with(|| read_me(key, spec.as_ref(), as_it_is));
        Ok(Ejected { files, serial: newest.serial })
    }

    /// Lets go of what was handed out with the state of this serial: its declaration goes, and what it made stays.
    ///
    /// # Errors
    /// When it is not at rest, others need it, or its state has changed since.
    pub async fn eject(&self, key: &Key, serial: u64, as_it_is: bool, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        let (workspace, newest) = self.ejectable(&mut change, key, as_it_is, actor).await?;
        if newest != serial {
            let detail = format!(
                "the state of {key} has changed since it was handed out: its serial is {newest}, not {serial}; ask again"
            );
            return Err(Error::conflict("state_changed", detail));
        }
        let Workspace { kind, namespace, name, .. } = &workspace;
        let message =
            format!("captd manages it no longer; what it made stays, and its state of serial {serial} was handed out");
        change.tell(Told::of("Ejected", kind.title(), namespace, name.as_str(), message)).await?;
        change.remove_resource(workspace.uid).await?;
        change.commit().await?;
        self.wakes.all();
        self.retire_workspace_folder(workspace.uid).await;
        Ok(())
    }

    /// What can be ejected: at rest, needed by nobody, and in force unless it is to go `as_it_is`. With the serial of its
    /// state.
    async fn ejectable(
        &self,
        change: &mut Change,
        key: &Key,
        as_it_is: bool,
        actor: &Actor,
    ) -> Result<(Workspace, u64)> {
        let resource = self.existing(change, key).await?;
        check_protection(&resource)?;
        let uid = self.workspace_at_rest(change, key).await?;
        let workspace = change.workspace(uid).await?.ok_or_else(|| Error::no_resource(key))?;
        let needed_by = change.needed_by(key).await?;
        if !needed_by.is_empty() {
            let detail =
                format!("{key} is needed by {}; eject or delete those first", actor.told(&needed_by, &key.namespace));
            return Err(Error::conflict("in_use", detail));
        }
        if workspace.deleting_since.is_some() {
            return Err(Error::conflict("deleting", format!("{key} is being deleted")));
        }
        let newest = change.newest_state(uid).await?.ok_or_else(|| nothing(key))?;
        let last = change.last_change(uid).await?.filter(|last| is_of_its_spec(last, &workspace));
        let in_force = last.as_ref().and_then(Run::ended).is_some_and(|ended| ended.outcome.is_good());
        let is_whole = in_force && workspace.diverged.is_none() && workspace.in_doubt.is_none();
        if !is_whole && !as_it_is {
            let detail = format!(
                "what is declared of {key} is not in force, or its state may not hold all that it has in the cloud, so that its folder would not say \"no changes\"; `captd describe {}` says what is in the way, and asItIs=true (`--as-it-is`) ejects it all the same",
                key.handle()
            );
            return Err(Error::conflict("not_in_force", detail));
        }
        Ok((workspace, newest.serial))
    }

    /// The run whose files are handed out: the one that brought the spec into force, or one as it would be next.
    async fn run_in_force(&self, change: &mut Change, workspace: &Workspace) -> Result<Run> {
        let last = change.last_change(workspace.uid).await?;
        Ok(match last.filter(|last| is_of_its_spec(last, workspace)) {
            Some(last) => last,
            None => self.next_run(change, workspace, Kind::Apply, Trigger::Spec, 1, DAEMON).await?,
        })
    }
}

fn is_of_its_spec(run: &Run, workspace: &Workspace) -> bool {
    run.kind == Kind::Apply && run.generation == workspace.generation
}

fn nothing(key: &Key) -> Error {
    Error::conflict("no_state", format!("{key} has no state, so there is nothing to eject; delete it"))
}

fn read_me(key: &Key, spec: Option<&Spec>, as_it_is: bool) -> String {
    let says = if as_it_is { "shows what is still to be done" } else { "says: no changes" };
    let mut text = format!(
        "# {key}, as plain Terraform\n\n\
         captd {} has written this folder, and manages it no longer.\n\n\
         ```\nterraform init\nterraform plan    # {says}\n```\n\n\
         - `terraform.tfstate` is the state; keep it, or move it to a backend of yours before anybody works with it\n  \
           (`terraform init -migrate-state`). It and `terraform.tfvars.json` may hold secrets.\n\
         - `terraform.tfvars.json` holds the values of the variables.\n\
         - Credentials are not here: Terraform takes them from your environment (`AWS_PROFILE` and the like).\n",
        env!("CARGO_PKG_VERSION"),
    );
    let env: Vec<String> = spec.into_iter().flat_map(Spec::env).map(|env| format!("`{}`", env.name)).collect();
    if !env.is_empty() {
        text.push_str(&format!(
            "- captd set these variables of the environment, from secrets perhaps: {}.\n",
            env.join(", ")
        ));
    }
    text.push_str(
        "- `owner_tags` still name captd's machine or workspace. A captd takes it over again (`captd import`) once they\n  \
         are taken out and applied.\n",
    );
    text
}
