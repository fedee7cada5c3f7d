//! Machines and workspaces: reading them, changing them by a patch, and the verbs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::apply::Applied;
use super::defaults::without_effect;
use super::states::of_key;
use super::write::{Condition, Written};
use super::{Actor, Error, Result, Service};
use crate::domain::decide::World;
use crate::domain::document::{self, Document};
use crate::domain::machine::ScalingOwner;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::needs::Standing;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, Resource, ResourceKind};
use crate::domain::run::{Kind, Run, State, Trigger};
use crate::domain::selector::Selector;
use crate::domain::status::{self, Phase, Status, View};
use crate::store::{ResourceQuery, Snapshot};

/// A machine or workspace and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceView {
    /// As it is declared.
    pub resource: Resource,
    /// As it is.
    pub status: Status,
}

/// Which machines.
#[derive(Debug, Clone)]
pub struct ListResources {
    /// Of this kind.
    pub kind: ResourceKind,
    /// Of one namespace only.
    pub namespace: Option<Name>,
    /// With these labels only.
    pub selector: Selector,
    /// In this phase only.
    pub phase: Option<Phase>,
    /// At most so many.
    pub limit: u32,
    /// After this namespace and name.
    pub after: Option<(String, String)>,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Whether there is more.
    pub more: bool,
    /// The last event that had happened.
    pub position: i64,
}

/// New numbers of nodes; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scale {
    /// `minSize`
    pub min_size: Option<u32>,
    /// `maxSize`
    pub max_size: Option<u32>,
    /// `desiredSize`
    pub desired_size: Option<u32>,
}

/// How often a patch is tried when others write at the same time.
const PATCHES_MAX: u32 = 20;
/// Machines or workspaces read at a time while a list is filtered.
pub(super) const READ_AT_ONCE: u32 = 500;

impl Service {
    /// One machine or workspace.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn resource(&self, key: &Key) -> Result<ResourceView> {
        let mut snapshot = self.store.read().await?;
        let resource = self.existing(&mut snapshot, key).await?;
        self.view(&mut snapshot, resource).await
    }

    /// Machines or workspaces by namespace and name.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn resources(&self, list: ListResources) -> Result<Page<ResourceView>> {
        let mut snapshot = self.store.read().await?;
        if let Some(namespace) = &list.namespace {
            self.require_namespace(&mut snapshot, namespace).await?;
        }
        let (_, position) = snapshot.event_range().await?;
        let ListResources { kind, namespace, after, .. } = list.clone();
        let mut query = ResourceQuery { kind, namespace, after, limit: READ_AT_ONCE };
        let mut items = Vec::new();
        loop {
            let batch = snapshot.resources(&query).await?;
            let Some(end) = batch.last().map(|resource| &resource.metadata) else {
                return Ok(Page { items, more: false, position });
            };
            query.after = Some((end.namespace.to_string(), end.name.to_string()));
            for resource in batch {
                if !list.selector.matches(&resource.metadata.labels) {
                    continue;
                }
                let view = self.view(&mut snapshot, resource).await?;
                if list.phase.is_some_and(|phase| phase != view.status.phase) {
                    continue;
                }
                if items.len() >= list.limit as usize {
                    return Ok(Page { items, more: true, position });
                }
                items.push(view);
            }
        }
    }

    /// Changes a machine or workspace by a JSON merge patch (RFC 7396) on its labels, annotations and spec.
    ///
    /// # Errors
    /// When the result is wrong, or `condition` is not met.
    pub async fn patch_resource(
        &self,
        key: &Key,
        patch: &Value,
        condition: Condition,
        actor: &Actor,
    ) -> Result<Applied> {
        // Without a condition of the client's own, a write that comes between is no trouble of his.
        for _ in 1..PATCHES_MAX {
            match self.patch_once(key, patch, condition, actor).await {
                Err(Error::Precondition(_)) if !matches!(condition, Condition::Version(_)) => {}
                done => return done,
            }
        }
        self.patch_once(key, patch, condition, actor).await
    }

    async fn patch_once(&self, key: &Key, patch: &Value, condition: Condition, actor: &Actor) -> Result<Applied> {
        let mut snapshot = self.store.read().await?;
        let resource = self.existing(&mut snapshot, key).await?;
        drop(snapshot);
        let mut value = declared_form(&resource);
        merge(&mut value, patch);
        let mut problems = Problems::default();
        let parsed = document::parse_resource_body(key.kind, &value, &mut problems);
        let Some((declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        if declared.name.as_ref() != Some(&key.name) || declared.namespace.as_ref() != Some(&key.namespace) {
            return Err(Error::one("/metadata", "immutable", "name and namespace cannot be changed"));
        }
        // Between reading and writing it may have changed: what was patched is that version.
        let condition = match condition {
            Condition::Version(_) => condition,
            _ => Condition::Version(resource.metadata.resource_version),
        };
        let declared = Declared { resource_version: None, ..declared };
        self.put_one(Document::Resource(declared, spec), &key.namespace, condition, actor).await
    }

    /// Sets a machine's numbers of nodes. Gives back whether that changed something, and the run that does it, or the
    /// open one that must end before it begins.
    ///
    /// # Errors
    /// When the numbers do not go together.
    pub async fn scale(&self, key: &Key, scale: Scale, actor: &Actor) -> Result<(Written, Option<Run>)> {
        if scale.desired_size.is_some() {
            let mut snapshot = self.store.read().await?;
            let machine = self.existing(&mut snapshot, key).await?;
            let owner = machine.spec.machine().map(|machine| machine.node_group_config.scaling_owner);
            if owner == Some(ScalingOwner::Autoscaler) {
                let detail = format!(
                    "an autoscaler owns the scaling of {key}: change minSize or maxSize, or set nodeGroupConfig.scalingOwner to captd"
                );
                return Err(Error::one("/desiredSize", "excluded", detail));
            }
        }
        let mut scaling = serde_json::Map::new();
        for (field, value) in
            [("minSize", scale.min_size), ("maxSize", scale.max_size), ("desiredSize", scale.desired_size)]
        {
            scaling.extend(value.map(|value| (field.to_owned(), Value::from(value))));
        }
        let patch = serde_json::json!({"spec": {"nodeGroupConfig": {"scaling": scaling}}});
        let written = self.patch_resource(key, &patch, Condition::None, actor).await?.written;
        if written == Written::Unchanged {
            return Ok((written, None));
        }
        let mut snapshot = self.store.read().await?;
        let machine = self.existing(&mut snapshot, key).await?;
        Ok((written, snapshot.open_run(machine.workspace).await?))
    }

    /// Queues a run that a person asked for: a plan, or another try at the spec (or at the
    /// deletion).
    ///
    /// # Errors
    /// When another run is open.
    pub async fn request_run(&self, key: &Key, kind: Kind, actor: &Actor) -> Result<Run> {
        let mut change = self.write(&actor.0).await?;
        let resource = self.existing(&mut change, key).await?;
        let workspace = change.workspace(resource.workspace).await?.ok_or_else(|| Error::no_resource(key))?;
        let looks = self.look_at_provider(&mut change, &workspace).await?;
        if let Some(open) = change.open_run(resource.workspace).await? {
            if looks && kind == Kind::Apply && open.state == State::Queued && open.kind.changes_things() {
                // It waits for nothing but its provider configuration.
                change.commit().await?;
                self.wakes.all();
                return Ok(open);
            }
            let detail = format!(
                "the {} run {} is {}; wait for it, or cancel or discard it",
                open.kind.as_str(),
                open.id,
                open.state_word()
            );
            let code = if open.kind.changes_things() { "run_open" } else { "look_open" };
            return Err(Error::conflict(code, detail));
        }
        if let Some(doubt) = &workspace.diverged {
            let detail = format!(
                "the state of {key} is in doubt since {}: {}; say first which is true, as its condition StateDiverged explains",
                doubt.since, doubt.reason
            );
            return Err(Error::conflict("state_diverged", detail));
        }
        let kind = if workspace.deleting_since.is_some() && kind == Kind::Apply { Kind::Destroy } else { kind };
        let mut standing = self.standing(&mut change, &workspace).await?;
        standing.refused = self.refused(&mut change, &workspace).await?;
        standing.may_begin(key, kind).map_err(|why| Error::conflict("waits", why))?;
        let run = self.enqueue(&mut change, &workspace, kind, Trigger::Request, 1, &actor.0).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(run)
    }

    /// Pauses a machine or workspace, so that no run begins by itself, or resumes it.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn set_paused(&self, key: &Key, paused: bool, actor: &Actor) -> Result<ResourceView> {
        let mut change = self.write(&actor.0).await?;
        let resource = self.existing(&mut change, key).await?;
        if paused && resource.metadata.deletion_timestamp.is_some() {
            let (noun, name) = (key.kind.noun(), &key.name);
            let detail =
                format!("the {noun} `{name}` is being deleted, and a pause does not stop that; cancel its run instead");
            return Err(Error::conflict("deleting", detail));
        }
        change.set_paused(resource.workspace, paused).await?;
        let (reason, message) =
            if paused { ("Paused", "no run begins by itself") } else { ("Resumed", "runs begin by themselves") };
        change.tell(of_key(reason, key, message)).await?;
        let view = self.view(&mut change, resource).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(view)
    }

    pub(super) async fn existing(&self, snapshot: &mut Snapshot, key: &Key) -> Result<Resource> {
        if let Some(resource) = snapshot.resource(key).await? {
            return Ok(resource);
        }
        self.require_namespace(snapshot, &key.namespace).await?;
        Err(Error::no_resource(key))
    }

    pub(super) async fn view(&self, snapshot: &mut Snapshot, resource: Resource) -> Result<ResourceView> {
        let found = snapshot.workspace(resource.workspace).await?;
        let workspace = found.ok_or_else(|| Error::no_resource(&resource.key()))?;
        let open = snapshot.open_run(workspace.uid).await?;
        let last = snapshot.last_change(workspace.uid).await?;
        let trouble = self.trouble_of(snapshot, &workspace).await?;
        let lock = snapshot.state_lock(workspace.uid).await?;
        let mut standing = self.standing(snapshot, &workspace).await?;
        let held_back = self.held_back(snapshot, open.as_ref()).await?;
        let (template, refused) = self.judged(snapshot, &workspace, &resource.spec, None).await?;
        let is_deleting = workspace.deleting_since.is_some();
        standing.refused = if is_deleting { self.refused(snapshot, &workspace).await? } else { refused };
        let unused = template.map(|template| without_effect(&resource.spec, &template)).unwrap_or_default();
        let unused: Vec<&str> = unused.iter().map(|(_, field)| *field).collect();
        let silent = open.as_ref().and_then(|run| self.silent_for(run.id));
        let mut status = status::derive(View {
            workspace: &workspace,
            created_at: resource.metadata.creation_timestamp,
            open: open.as_ref(),
            last: last.as_ref(),
            standing: &standing,
            trouble: trouble.as_ref(),
            held_back: held_back.as_deref(),
            silent: silent.as_ref(),
            lock: lock.as_ref(),
            without_effect: &unused,
            observe_interval_seconds: self.config.reconcile.observe_interval_seconds,
            now: self.clock.now(),
        });
        status.conditions.extend(self.disk_condition(resource.metadata.generation));
        Ok(ResourceView { resource, status })
    }

    /// All that a decision about a workspace depends on.
    pub(super) fn world<'a>(
        &self,
        workspace: &'a crate::domain::workspace::Workspace,
        open: Option<&'a Run>,
        last: Option<&'a Run>,
        standing: &'a Standing,
    ) -> World<'a> {
        let observe_interval_seconds = self.config.reconcile.observe_interval_seconds;
        World { workspace, open, last, standing, observe_interval_seconds, now: self.clock.now() }
    }
}

/// A machine or workspace as a client declares it.
fn declared_form(resource: &Resource) -> Value {
    let strings = |map: &BTreeMap<String, String>| serde_json::json!(map);
    serde_json::json!({
        "metadata": {
            "name": resource.metadata.name,
            "namespace": resource.metadata.namespace,
            "labels": strings(&resource.metadata.labels),
            "annotations": strings(&resource.metadata.annotations),
        },
        "spec": serde_json::to_value(&resource.spec).unwrap_or_default(),
    })
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
