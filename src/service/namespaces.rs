//! Namespaces: reading, writing and removing.

use super::{Actor, Error, Result, Service};
use crate::domain::document::Document;
use crate::domain::event::Told;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, NamespaceSpec, Usage};
use crate::domain::warning::Warning;
use crate::store::{Change, Snapshot};

use super::ratchet::judge_namespace;
use super::separation::{check_namespace, check_removal};
use super::write::{Condition, Written, check_condition, next_metadata, outcome_of};

/// A namespace and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceView {
    /// As it is declared.
    pub namespace: Namespace,
    /// What it holds.
    pub usage: Usage,
}

impl Service {
    /// Makes the namespace `default`, when it is not there.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn ensure_default_namespace(&self) -> Result<()> {
        let name = Name::default_namespace();
        if self.store.read().await?.namespace(&name).await?.is_some() {
            return Ok(());
        }
        let declared = Declared { name: Some(name.clone()), ..Declared::default() };
        let document = Document::Namespace(declared, NamespaceSpec::default());
        self.put_one(document, &name, Condition::None, &Actor::daemon()).await?;
        Ok(())
    }

    /// One namespace.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn namespace(&self, name: &Name) -> Result<NamespaceView> {
        let mut snapshot = self.store.read().await?;
        let namespace = self.require_namespace(&mut snapshot, name).await?;
        with_usage(&mut snapshot, namespace).await
    }

    /// All namespaces, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceView>> {
        let mut snapshot = self.store.read().await?;
        let mut views = Vec::new();
        for namespace in snapshot.namespaces().await? {
            views.push(with_usage(&mut snapshot, namespace).await?);
        }
        Ok(views)
    }

    /// Removes a namespace that holds nothing.
    ///
    /// # Errors
    /// When it does not exist, is `default`, or holds something, or `actor` does not administer all.
    pub async fn delete_namespace(&self, name: &Name, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        self.require_namespace(&mut change, name).await?;
        check_removal(name, actor)?;
        if *name == Name::default_namespace() {
            return Err(Error::conflict("in_use", "the namespace `default` always exists"));
        }
        let Usage { machines, workspaces, retained, secrets, templates, .. } = change.usage(name).await?;
        if machines + workspaces + retained + secrets + templates > 0 {
            let detail = format!(
                "the namespace `{name}` holds {machines} machine(s), {workspaces} workspace(s), {templates} template(s), {secrets} secret(s), and what {retained} deleted workspace(s) left; delete them first"
            );
            return Err(Error::conflict("in_use", detail));
        }
        change.remove_namespace(name).await?;
        change.commit().await?;
        Ok(())
    }

    /// Writes a namespace; `at` is the pointer of its document.
    pub(super) async fn put_namespace(
        &self,
        change: &mut Change,
        name: &Name,
        (declared, spec): (Declared, NamespaceSpec),
        at: &str,
        condition: Condition,
        actor: &Actor,
    ) -> Result<(Written, Vec<Warning>)> {
        let before = change.namespace(name).await?;
        check_namespace(before.as_ref(), name, &spec, actor)?;
        check_condition(condition, &declared, before.as_ref().map(|b| &b.metadata), "namespace", name)?;
        let warnings = judge_namespace(before.as_ref(), &declared, at)?;
        let metadata = match &before {
            Some(before) => next_metadata(&before.metadata, declared, before.spec != spec),
            None => self.first_metadata(name, name, declared),
        };
        let written = outcome_of(before.as_ref().map(|b| &b.metadata), &metadata);
        if written != Written::Unchanged {
            change.put_namespace(&Namespace { metadata, spec }).await?;
            let message = "its defaults, limits and policy are as declared".to_owned();
            change.tell(Told::of("NamespaceWritten", "Namespace", name, name.as_str(), message)).await?;
        }
        Ok((written, warnings))
    }

    pub(super) async fn require_namespace(&self, snapshot: &mut Snapshot, name: &Name) -> Result<Namespace> {
        let namespace = snapshot.namespace(name).await?;
        namespace.ok_or_else(|| Error::NotFound { what: "namespace", name: name.to_string() })
    }
}

async fn with_usage(snapshot: &mut Snapshot, namespace: Namespace) -> Result<NamespaceView> {
    let usage = snapshot.usage(&namespace.metadata.name).await?;
    Ok(NamespaceView { namespace, usage })
}
