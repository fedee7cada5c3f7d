//! Deleting: what is in the cloud first, the rows afterwards, and never what others still need.

use captd_dependencies::Graph;

use super::separation::check_letting_go;
use super::write::Condition;
use super::{Actor, Error, ResourceView, Result, Service};
use crate::domain::name::Name;
use crate::domain::resource::{Key, Resource};
use crate::store::{Change, Retained};

impl Service {
    /// What was deleted in a namespace and has left its resources.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn retained(&self, namespace: &Name) -> Result<Vec<Retained>> {
        let mut snapshot = self.store.read().await?;
        self.require_namespace(&mut snapshot, namespace).await?;
        Ok(snapshot.all_retained(namespace).await?)
    }

    /// Deletes a machine or workspace: what it has in the cloud first, its rows afterwards. With
    /// `cascade` all that needs it goes before it. Asking twice is asking once.
    ///
    /// # Errors
    /// When it does not exist, is protected or needed, `condition` is not met, or `actor` may not leave behind what it
    /// retains.
    pub async fn delete_resource(
        &self,
        key: &Key,
        cascade: bool,
        condition: Condition,
        actor: &Actor,
    ) -> Result<ResourceView> {
        let mut change = self.write(&actor.0).await?;
        let resource = self.existing(&mut change, key).await?;
        let version = resource.metadata.resource_version;
        if let Condition::Version(wanted) = condition
            && wanted != version
        {
            let noun = key.kind.noun();
            return Err(Error::Precondition(format!(
                "the {noun} `{}` has changed: its resourceVersion is {version}, not {wanted}; read it again",
                key.name
            )));
        }
        let mut going = vec![resource];
        for other in others(&mut change, key, cascade, actor).await? {
            going.extend(change.resource(&other).await?);
        }
        going.iter().try_for_each(check_protection)?;
        let tenant = self.require_namespace(&mut change, &key.namespace).await?;
        let retained = going.iter().filter(|resource| resource.spec.retains());
        retained.map(Resource::key).try_for_each(|key| check_letting_go(&tenant, &key, actor))?;
        for mut resource in going.into_iter().filter(|resource| resource.metadata.deletion_timestamp.is_none()) {
            resource.metadata.deletion_timestamp = Some(self.clock.now());
            resource.metadata.resource_version += 1;
            change.mark_deleting(&resource).await?;
            self.enqueue_for_spec(&mut change, resource.workspace, actor).await?;
        }
        // What never was in the cloud is gone already, and its last answer is what it was.
        let deleted = change.resource(key).await?;
        let view = match deleted {
            Some(resource) => self.view(&mut change, resource).await?,
            None => self.resource(key).await?,
        };
        change.commit().await?;
        self.wakes.all();
        Ok(view)
    }
}

/// Who goes with it, or is in the way.
pub(super) async fn others(change: &mut Change, key: &Key, cascade: bool, actor: &Actor) -> Result<Vec<Key>> {
    if cascade {
        let graph: Graph<Key> = change.edges().await?.into_iter().collect();
        let all = graph.all_needed_by(key);
        if let Some(foreign) = all.iter().find(|other| other.namespace != key.namespace) {
            let foreign = actor.told([foreign], &key.namespace);
            let detail = format!("{key} is used from another namespace, by {foreign}; delete that there first");
            return Err(Error::conflict("in_use", detail));
        }
        return Ok(all.into_iter().collect());
    }
    let mut in_the_way = Vec::new();
    for other in change.needed_by(key).await? {
        let goes = change.resource(&other).await?.is_none_or(|other| other.metadata.deletion_timestamp.is_some());
        if !goes {
            in_the_way.push(other);
        }
    }
    if in_the_way.is_empty() {
        return Ok(Vec::new());
    }
    let detail = format!(
        "{key} is needed by {}; delete those first, or all of them in order with cascade=true (`captd delete {} --cascade`)",
        actor.told(&in_the_way, &key.namespace),
        key.handle()
    );
    Err(Error::conflict("in_use", detail))
}

pub(super) fn check_protection(resource: &Resource) -> Result<()> {
    if !resource.spec.deletion_protection() || resource.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let key = resource.key();
    let detail = format!("the {} `{}` has spec.deletionProtection; set it to false first", key.kind.noun(), key.name);
    Err(Error::conflict("deletion_protected", detail))
}
