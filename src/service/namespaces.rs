//! Namespaces: reading and removing. They are written like any other declaration.

use super::{Actor, Error, Result, Service};
use crate::domain::document::Document;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, NamespaceSpec, Usage};
use crate::store::Snapshot;

use super::write::Condition;

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
        self.put_one(document, &name, Condition::None, &super::Actor(super::DAEMON.to_owned())).await?;
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
    /// When it does not exist, is `default`, or holds something.
    pub async fn delete_namespace(&self, name: &Name, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        self.require_namespace(&mut change, name).await?;
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

    pub(super) async fn require_namespace(&self, snapshot: &mut Snapshot, name: &Name) -> Result<Namespace> {
        let namespace = snapshot.namespace(name).await?;
        namespace.ok_or_else(|| Error::NotFound { what: "namespace", name: name.to_string() })
    }
}

async fn with_usage(snapshot: &mut Snapshot, namespace: Namespace) -> Result<NamespaceView> {
    let usage = snapshot.usage(&namespace.metadata.name).await?;
    Ok(NamespaceView { namespace, usage })
}
