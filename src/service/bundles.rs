//! Secrets as named bundles: written, used by variables, never read back.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::as_far_as_readable;
use super::write::Written;
use super::{Actor, Error, Result, Service};
use crate::domain::failure::{Class, Failure};
use crate::domain::name::Name;
use crate::domain::needs::met;
use crate::domain::run::{Kind, Run};
use crate::domain::secret::{Secret, SecretSpec, SecretUse, is_marked, uses};
use crate::domain::workspace::Workspace;
use crate::store::{Change, InForce, Snapshot};

impl Service {
    /// One secret, without what it holds.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn secret(&self, namespace: &Name, name: &Name) -> Result<Secret> {
        let mut snapshot = self.store.read().await?;
        self.require_namespace(&mut snapshot, namespace).await?;
        snapshot.secret(namespace, name).await?.ok_or_else(|| no_secret(namespace, name))
    }

    /// The secrets of a namespace, without what they hold.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn secrets_in(&self, namespace: &Name) -> Result<Vec<Secret>> {
        let mut snapshot = self.store.read().await?;
        self.require_namespace(&mut snapshot, namespace).await?;
        Ok(snapshot.secrets(Some(namespace)).await?)
    }

    /// Removes a secret that nobody uses.
    ///
    /// # Errors
    /// When it does not exist, or is used.
    pub async fn delete_secret(&self, namespace: &Name, name: &Name, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        self.require_namespace(&mut change, namespace).await?;
        self.refuse_written(&mut change, namespace, name).await?;
        change.secret(namespace, name).await?.ok_or_else(|| no_secret(namespace, name))?;
        let users = change.users_of_secret(namespace, name).await?;
        if !users.is_empty() {
            let detail =
                format!("the secret `{name}` is used by {}; change those first", actor.told(&users, namespace));
            return Err(Error::conflict("in_use", detail));
        }
        change.remove_secret(namespace, name).await?;
        change.commit().await?;
        Ok(())
    }

    /// Knows what all secrets hold, so that it is shown nowhere.
    ///
    /// # Errors
    /// When the database cannot be read, or a secret cannot be opened.
    pub async fn learn_secrets(&self) -> Result<()> {
        let mut snapshot = self.store.read().await?;
        for secret in snapshot.secrets(None).await? {
            let data = snapshot.secret_data(&secret, &self.keys.now()).await?;
            self.know(data.values());
        }
        Ok(())
    }

    pub(super) fn know<'a>(&self, texts: impl Iterator<Item = &'a String>) {
        let mut known = self.secrets.write().expect("invariant: no holder of this lock panics");
        texts.for_each(|text| known.add(text));
    }

    /// Writes a secret; `at` is the pointer of its document, `version` the one that must be stored. Where no texts are
    /// given, as in what captd prints of one, they stay. Those that use it are run again.
    pub(super) async fn put_secret(
        &self,
        change: &mut Change,
        (namespace, name): (&Name, &Name),
        (spec, version): (&SecretSpec, Option<u64>),
        at: &str,
        actor: &Actor,
    ) -> Result<Written> {
        self.require_namespace(change, namespace).await?;
        self.refuse_written(change, namespace, name).await?;
        let before = change.secret(namespace, name).await?;
        let Some(before) = before else {
            let Some(data) = &spec.data else {
                let detail = "`data` is required: there is no secret of this name whose texts could stay";
                return Err(Error::one(&format!("{at}/spec/data"), "required", detail));
            };
            self.keep_secret(change, (namespace, name), None, data, &spec.export_to, &actor.0).await?;
            return Ok(Written::Created);
        };
        if let Some(version) = version.filter(|version| *version != before.version) {
            let now = before.version;
            return Err(Error::Precondition(format!(
                "the secret `{name}` has changed: its resourceVersion is {now}, not {version}; read it again"
            )));
        }
        let had = change.secret_data(&before, &self.keys.now()).await;
        let had = as_far_as_readable(had, "a secret that is written anew")?;
        let Some(data) = spec.data.as_ref().or(had.as_ref()) else {
            let detail = "`data` is required: what the secret held cannot be opened any more";
            return Err(Error::one(&format!("{at}/spec/data"), "required", detail));
        };
        if had.as_ref() == Some(data) && before.export_to == spec.export_to {
            return Ok(Written::Unchanged);
        }
        check_users(change, &before, (data, &spec.export_to), at, actor).await?;
        self.keep_secret(change, (namespace, name), Some(&before), data, &spec.export_to, &actor.0).await?;
        Ok(Written::Configured)
    }

    /// Keeps what a secret holds from now on; `before` is what it was.
    pub(super) async fn keep_secret(
        &self,
        change: &mut Change,
        (namespace, name): (&Name, &Name),
        before: Option<&Secret>,
        data: &BTreeMap<String, String>,
        export_to: &[Name],
        author: &str,
    ) -> Result<()> {
        let now = self.clock.now();
        let secret = Secret {
            namespace: namespace.clone(),
            name: name.clone(),
            version: before.map_or(1, |before| before.version + 1),
            keys: data.keys().cloned().collect(),
            export_to: export_to.to_vec(),
            author: author.to_owned(),
            created_at: before.map_or(now, |before| before.created_at),
            changed_at: now,
        };
        self.know(data.values());
        if let Some(before) = before {
            self.keep_for_runs(change, before).await?;
        }
        Ok(change.put_secret(&secret, data, &self.keys.now()).await?)
    }

    /// A run's inputs with the texts of the secrets among them.
    pub(super) async fn opened(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        kind: Kind,
        uses: &[SecretUse],
        mut inputs: Map<String, Value>,
    ) -> Result<std::result::Result<Map<String, Value>, Failure>> {
        if !inputs.values().any(is_marked) {
            return Ok(Ok(inputs));
        }
        // A destroy has the texts with which was made what it destroys.
        let in_force = match kind {
            Kind::Destroy => {
                let in_force = snapshot.secrets_in_force(workspace.uid, &self.keys.now()).await;
                as_far_as_readable(in_force, "the secrets in force")?.unwrap_or_default()
            }
            Kind::Apply | Kind::Plan | Kind::Refresh => Vec::new(),
        };
        for it in uses {
            let Some(marked) = inputs.get(&it.variable).filter(|input| is_marked(input)) else { continue };
            // Of the same secret, key and version: an edit may name another one by the same variable.
            if let Some(had) = in_force.iter().find(|had| had.marked == *marked) {
                self.know(std::iter::once(&had.text));
                inputs.insert(it.variable.clone(), Value::from(had.text.clone()));
                continue;
            }
            let secret = match usable(snapshot, it, &workspace.namespace).await? {
                Ok(secret) => secret,
                Err(why) => return Ok(Err(Failure::new(Class::Configuration, format!("it needs {why}")))),
            };
            let data: BTreeMap<String, String> = snapshot.secret_data(&secret, &self.keys.now()).await?;
            self.know(data.values());
            inputs.insert(it.variable.clone(), data.get(&it.key).cloned().map_or(Value::Null, Value::from));
        }
        Ok(Ok(inputs))
    }
}

impl Service {
    /// Keeps the texts of secrets with which a run has made what is in force now. Those that were written meanwhile are
    /// not what it had; then another run follows.
    pub(super) async fn keep_secrets_in_force(&self, change: &mut Change, run: &Run) -> Result<()> {
        let keys = self.keys.now();
        let texts = change.secrets_in_force(run.workspace, &keys).await;
        let mut texts = as_far_as_readable(texts, "the secrets in force")?.unwrap_or_default();
        let marked: Vec<&Value> =
            run.inputs.iter().flatten().map(|(_, input)| input).filter(|it| is_marked(it)).collect();
        texts.retain(|had| marked.contains(&&had.marked));
        let spec = if marked.is_empty() { None } else { change.spec_of(run.workspace, run.generation).await? };
        for it in spec.map(|(_, spec)| uses(&spec, &run.namespace)).unwrap_or_default() {
            let Some(secret) = change.secret(&it.namespace, &it.name).await? else { continue };
            let now = it.marked(secret.version);
            if marked.contains(&&now) && !texts.iter().any(|had| had.marked == now) {
                let data = change.secret_data(&secret, &keys).await;
                let data = as_far_as_readable(data, "a secret that a run had")?.unwrap_or_default();
                texts.extend(data.get(&it.key).map(|text| InForce { marked: now, text: text.clone() }));
            }
        }
        Ok(change.put_secrets_in_force(run.workspace, &texts, &keys).await?)
    }

    /// Keeps what a secret held, for those whose run has it, or whose run of before may have made something with it.
    async fn keep_for_runs(&self, change: &mut Change, before: &Secret) -> Result<()> {
        let keys = self.keys.now();
        for user in change.users_of_secret(&before.namespace, &before.name).await? {
            let Some(workspace) = change.workspace_of(&user).await? else { continue };
            let is_at_work = change.open_run(workspace.uid).await?.is_some_and(|open| open.kind.changes_things());
            if !is_at_work && workspace.in_doubt.is_none() {
                continue;
            }
            let texts = change.secrets_in_force(workspace.uid, &keys).await;
            let mut texts = as_far_as_readable(texts, "the secrets in force")?.unwrap_or_default();
            let had = change.secret_data(before, &keys).await;
            let had = as_far_as_readable(had, "a secret that is written anew")?.unwrap_or_default();
            for it in change.secret_uses(workspace.uid).await? {
                let marked = it.marked(before.version);
                let is_of_it = it.namespace == before.namespace && it.name == before.name;
                if is_of_it && !texts.iter().any(|had| had.marked == marked) {
                    texts.extend(had.get(&it.key).map(|text| InForce { marked, text: text.clone() }));
                }
            }
            change.put_secrets_in_force(workspace.uid, &texts, &keys).await?;
        }
        Ok(())
    }
}

/// What a workspace gets of the secrets that it uses: by variable, as it is kept of a run; or why not.
pub(super) async fn secret_inputs(
    snapshot: &mut Snapshot,
    uses: &[SecretUse],
    home: &Name,
) -> Result<std::result::Result<Map<String, Value>, String>> {
    let mut inputs = Map::new();
    for it in uses {
        if let Some(writer) = snapshot.secret_writer(&it.namespace, &it.name).await?
            && let Err(why) = met(&writer, snapshot.workspace_of(&writer).await?.as_ref())
        {
            return Ok(Err(why));
        }
        match usable(snapshot, it, home).await? {
            Ok(secret) => inputs.insert(it.variable.clone(), it.marked(secret.version)),
            Err(why) => return Ok(Err(why)),
        };
    }
    Ok(Ok(inputs))
}

/// The secret that is used, if it is there, may be used, and holds what is wanted.
pub(super) async fn usable(
    snapshot: &mut Snapshot,
    it: &SecretUse,
    home: &Name,
) -> Result<std::result::Result<Secret, String>> {
    let found = snapshot.secret(&it.namespace, &it.name).await?;
    let may_see = |secret: &Secret| secret.namespace == *home || secret.export_to.contains(home);
    let Some(secret) = found.filter(may_see) else {
        let there = if it.namespace == *home { "which does not exist" } else { "which is not exported from there" };
        return Ok(Err(format!("{}, {there}", it.secret())));
    };
    if !secret.keys.contains(&it.key) {
        return Ok(Err(format!("`{}` of {}, which has {}", it.key, it.secret(), secret.keys.join(", "))));
    }
    Ok(Ok(secret))
}

/// What is used stays, for those that it is used by.
async fn check_users(
    change: &mut Change,
    before: &Secret,
    (data, export_to): (&BTreeMap<String, String>, &[Name]),
    at: &str,
    actor: &Actor,
) -> Result<()> {
    for user in change.users_of_secret(&before.namespace, &before.name).await? {
        if user.namespace != before.namespace && !export_to.contains(&user.namespace) {
            let detail = format!("{} uses it from there; change that first", actor.told([&user], &before.namespace));
            return Err(Error::one(&format!("{at}/spec/exportTo"), "in_use", detail));
        }
        let Some(resource) = change.resource(&user).await? else { continue };
        let used = change.secret_uses(resource.workspace).await?;
        let own = used.iter().filter(|it| it.namespace == before.namespace && it.name == before.name);
        if let Some(gone) = own.into_iter().find(|it| !data.contains_key(&it.key)) {
            let told = actor.told([&user], &before.namespace);
            let detail = format!("{told} uses `{}`; keep it, or change that first", gone.key);
            return Err(Error::one(&format!("{at}/spec/data"), "in_use", detail));
        }
    }
    Ok(())
}

fn no_secret(namespace: &Name, name: &Name) -> Error {
    Error::NotFound { what: "secret", name: format!("{namespace}/{name}") }
}
