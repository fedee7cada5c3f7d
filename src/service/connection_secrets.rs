//! Secrets that workspaces write: the outputs of one, sensitive ones too, as the texts of a secret.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::error::as_far_as_readable;
use super::{Actor, DAEMON, Error, Result, Service};
use crate::domain::name::Name;
use crate::domain::resource::{Key, Resource};
use crate::domain::secret::SecretUse;
use crate::store::Change;

impl Service {
    /// Keeps which secret a machine or workspace writes, if it may; one that it writes no longer goes.
    pub(super) async fn take_secret(
        &self,
        change: &mut Change,
        resource: &Resource,
        at: &str,
        actor: &Actor,
    ) -> Result<()> {
        let (workspace, namespace) = (resource.workspace, &resource.metadata.namespace);
        let before = change.written_secret(workspace).await?.map(|(_, name)| name);
        let now = resource.spec.written_secret();
        if before.as_ref() == now {
            return Ok(());
        }
        let refuse = |code, detail| Err(Error::one(&format!("{at}/spec/writeConnectionSecretToRef"), code, detail));
        if let Some(before) = &before {
            let users = change.users_of_secret(namespace, before).await?;
            if !users.is_empty() {
                let detail = format!(
                    "the secret `{before}`, which it writes, is used by {}; change those first",
                    actor.told(&users, namespace)
                );
                return refuse("in_use", detail);
            }
            change.remove_secret(namespace, before).await?;
        }
        if let Some(now) = now {
            if let Some(other) = change.secret_writer(namespace, now).await? {
                return refuse("taken", format!("the secret `{now}` is written by {other}; take another name"));
            }
            if change.secret(namespace, now).await?.is_some() {
                let detail =
                    format!("there is a secret `{now}` already, which a client wrote; delete it, or take another name");
                return refuse("taken", detail);
            }
        }
        Ok(change.put_secret_writer(workspace, now.map(|name| (namespace, name))).await?)
    }

    /// What a client cannot do with a secret that a workspace writes.
    pub(super) async fn refuse_written(&self, change: &mut Change, namespace: &Name, name: &Name) -> Result<()> {
        match change.secret_writer(namespace, name).await? {
            None => Ok(()),
            Some(writer) => Err(Error::conflict(
                "written_by_workspace",
                format!("the secret `{name}` is written by {writer}; change its writeConnectionSecretToRef first"),
            )),
        }
    }

    /// The outputs of the newest state become the texts of the secret that a machine or workspace writes.
    pub(super) async fn write_connection_secret(
        &self,
        change: &mut Change,
        workspace: Uuid,
        owner: &Key,
    ) -> Result<()> {
        let Some((namespace, name)) = change.written_secret(workspace).await? else { return Ok(()) };
        let Some(resource) = change.resource(owner).await? else { return Ok(()) };
        let Some(newest) = change.newest_state(workspace).await? else { return Ok(()) };
        let keys = self.keys.now();
        let content = change.state_content(workspace, newest.version, &keys).await?.unwrap_or_default();
        let state: Value = serde_json::from_slice(&content).unwrap_or_default();
        let outputs = state["outputs"].as_object().cloned().unwrap_or_default();
        let data: BTreeMap<String, String> =
            outputs.into_iter().map(|(name, output)| (name, text_of(&output["value"]))).collect();
        let before = change.secret(&namespace, &name).await?;
        let export_to = resource.spec.export_to().to_vec();
        if let Some(before) = &before
            && before.export_to == export_to
            && as_far_as_readable(change.secret_data(before, &keys).await, "a secret")?.as_ref() == Some(&data)
        {
            return Ok(());
        }
        self.keep_secret(change, (&namespace, &name), before.as_ref(), &data, &export_to, DAEMON).await
    }

    /// Whether a secret that `writer` writes gives what is wanted, as far as its declaration tells.
    pub(super) async fn will_give(
        &self,
        change: &mut Change,
        writer: &Key,
        it: &SecretUse,
        home: &Name,
    ) -> Result<std::result::Result<(), String>> {
        let Some(resource) = change.resource(writer).await? else { return Ok(Ok(())) };
        if writer.namespace != *home && !resource.spec.export_to().contains(home) {
            return Ok(Err(format!("{}, which is not exported from there", it.secret())));
        }
        let Some(workspace) = change.workspace_of(writer).await? else { return Ok(Ok(())) };
        let template = self.template_in_use(change, &workspace, resource.spec.template(), None).await?;
        let Some(template) = template.filter(|template| !template.outputs.contains_key(&it.key)) else {
            return Ok(Ok(()));
        };
        let known: Vec<&str> = template.outputs.keys().map(String::as_str).collect();
        Ok(Err(format!(
            "`{}` of {}, which {writer} writes: its template `{}` has the outputs {}",
            it.key,
            it.secret(),
            template.name,
            known.join(", ")
        )))
    }
}

/// A text as it is, all else as JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
