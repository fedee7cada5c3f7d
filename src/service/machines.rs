//! Machines: reading, deleting, and the verbs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::write::{Condition, Written};
use super::{Actor, Error, Result, Service};
use crate::domain::decide::World;
use crate::domain::document::{self, Document};
use crate::domain::machine::Machine;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::run::{Kind, Run, State, Trigger};
use crate::domain::selector::Selector;
use crate::domain::status::{self, Phase, Status, View};
use crate::store::{MachineQuery, Snapshot};

/// A machine and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineView {
    /// As it is declared.
    pub machine: Machine,
    /// As it is.
    pub status: Status,
}

/// Which machines.
#[derive(Debug, Clone, Default)]
pub struct ListMachines {
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
/// Machines read at a time while a list is filtered.
pub(super) const READ_AT_ONCE: u32 = 500;

impl Service {
    /// One machine.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn machine(&self, namespace: &Name, name: &Name) -> Result<MachineView> {
        let mut snapshot = self.store.read().await?;
        let machine = self.existing(&mut snapshot, namespace, name).await?;
        self.view(&mut snapshot, machine).await
    }

    /// Machines by namespace and name.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn machines(&self, list: ListMachines) -> Result<Page<MachineView>> {
        let mut snapshot = self.store.read().await?;
        if let Some(namespace) = &list.namespace {
            self.require_namespace(&mut snapshot, namespace).await?;
        }
        let mut query =
            MachineQuery { namespace: list.namespace.clone(), after: list.after.clone(), limit: READ_AT_ONCE };
        let mut items = Vec::new();
        loop {
            let batch = snapshot.machines(&query).await?;
            let Some(end) = batch.last().map(|machine| &machine.metadata) else {
                return Ok(Page { items, more: false });
            };
            query.after = Some((end.namespace.to_string(), end.name.to_string()));
            for machine in batch {
                if !list.selector.matches(&machine.metadata.labels) {
                    continue;
                }
                let view = self.view(&mut snapshot, machine).await?;
                if list.phase.is_some_and(|phase| phase != view.status.phase) {
                    continue;
                }
                if items.len() >= list.limit as usize {
                    return Ok(Page { items, more: true });
                }
                items.push(view);
            }
        }
    }

    /// Changes a machine by a JSON merge patch (RFC 7396) on its labels, annotations and spec.
    ///
    /// # Errors
    /// When the result is wrong, or `condition` is not met.
    pub async fn patch_machine(
        &self,
        namespace: &Name,
        name: &Name,
        patch: &Value,
        condition: Condition,
        actor: &Actor,
    ) -> Result<Written> {
        // Without a condition of the client's own, a write that comes between is no trouble of his.
        for _ in 1..PATCHES_MAX {
            match self.patch_once(namespace, name, patch, condition, actor).await {
                Err(Error::Precondition(_)) if !matches!(condition, Condition::Version(_)) => {}
                done => return done,
            }
        }
        self.patch_once(namespace, name, patch, condition, actor).await
    }

    async fn patch_once(
        &self,
        namespace: &Name,
        name: &Name,
        patch: &Value,
        condition: Condition,
        actor: &Actor,
    ) -> Result<Written> {
        let mut snapshot = self.store.read().await?;
        let machine = self.existing(&mut snapshot, namespace, name).await?;
        drop(snapshot);
        let mut value = declared_form(&machine);
        merge(&mut value, patch);
        let mut problems = Problems::default();
        let document = document::parse_machine_body(&value, &mut problems);
        let Some(Document::Machine(declared, spec)) = document.filter(|_| problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        if declared.name.as_ref() != Some(name) || declared.namespace.as_ref() != Some(namespace) {
            return Err(Error::one("/metadata", "immutable", "name and namespace cannot be changed"));
        }
        // Between reading and writing the machine may have changed: what was patched is that version.
        let condition = match condition {
            Condition::Version(_) => condition,
            _ => Condition::Version(machine.metadata.resource_version),
        };
        let declared = Declared { resource_version: None, ..declared };
        Ok(self.put_one(Document::Machine(declared, spec), namespace, condition, actor).await?.written)
    }

    /// Sets numbers of nodes. Gives back whether that changed something, and the run that does it,
    /// if it is there already.
    ///
    /// # Errors
    /// When the numbers do not go together.
    pub async fn scale(
        &self,
        namespace: &Name,
        name: &Name,
        scale: Scale,
        actor: &Actor,
    ) -> Result<(Written, Option<Run>)> {
        let mut scaling = serde_json::Map::new();
        for (field, value) in
            [("minSize", scale.min_size), ("maxSize", scale.max_size), ("desiredSize", scale.desired_size)]
        {
            scaling.extend(value.map(|value| (field.to_owned(), Value::from(value))));
        }
        let patch = serde_json::json!({"spec": {"nodeGroupConfig": {"scaling": scaling}}});
        let written = self.patch_machine(namespace, name, &patch, Condition::None, actor).await?;
        if written == Written::Unchanged {
            return Ok((written, None));
        }
        let mut snapshot = self.store.read().await?;
        let machine = self.existing(&mut snapshot, namespace, name).await?;
        let open = snapshot.open_run(machine.workspace).await?;
        let serves = |run: &Run| run.kind == Kind::Apply && run.generation == machine.metadata.generation;
        Ok((written, open.filter(serves)))
    }

    /// Deletes a machine: its node group first, its rows afterwards. Asking twice is asking once.
    ///
    /// # Errors
    /// When it does not exist, is protected, or `condition` is not met.
    pub async fn delete_machine(
        &self,
        namespace: &Name,
        name: &Name,
        condition: Condition,
        actor: &Actor,
    ) -> Result<MachineView> {
        let mut change = self.store.write().await?;
        let mut machine = self.existing(&mut change, namespace, name).await?;
        let version = machine.metadata.resource_version;
        if let Condition::Version(wanted) = condition
            && wanted != version
        {
            return Err(Error::Precondition(format!(
                "the machine `{name}` has changed: its resourceVersion is {version}, not {wanted}; read it again"
            )));
        }
        if machine.spec.deletion_protection {
            return Err(Error::conflict(
                "deletion_protected",
                format!("the machine `{name}` has spec.deletionProtection; set it to false first"),
            ));
        }
        if machine.metadata.deletion_timestamp.is_none() {
            machine.metadata.deletion_timestamp = Some(self.clock.now());
            machine.metadata.resource_version += 1;
            change.mark_deleting(&machine).await?;
            self.enqueue_for_spec(&mut change, machine.workspace, Kind::Destroy, Trigger::Delete, actor).await?;
        }
        let view = self.view(&mut change, machine).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(view)
    }

    /// Queues a run that a person asked for: a plan, or another try at the spec (or at the
    /// deletion).
    ///
    /// # Errors
    /// When another run is open.
    pub async fn request_run(&self, namespace: &Name, name: &Name, kind: Kind, actor: &Actor) -> Result<Run> {
        let mut change = self.store.write().await?;
        let machine = self.existing(&mut change, namespace, name).await?;
        let workspace = change.workspace(machine.workspace).await?.ok_or_else(|| Error::no_machine(namespace, name))?;
        let looks = self.look_at_provider(&mut change, &workspace).await?;
        if let Some(open) = change.open_run(machine.workspace).await? {
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
                "the state of `{name}` is in doubt since {}: {}; say first which is true, as its condition StateDiverged explains",
                doubt.since, doubt.reason
            );
            return Err(Error::conflict("state_diverged", detail));
        }
        let kind = if workspace.deleting_since.is_some() && kind == Kind::Apply { Kind::Destroy } else { kind };
        let run = self.enqueue(&mut change, &workspace, kind, Trigger::Request, 1, &actor.0).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(run)
    }

    /// Pauses a machine, so that no run begins by itself, or resumes it.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn set_paused(&self, namespace: &Name, name: &Name, paused: bool) -> Result<MachineView> {
        let mut change = self.store.write().await?;
        let machine = self.existing(&mut change, namespace, name).await?;
        if paused && machine.metadata.deletion_timestamp.is_some() {
            let detail = format!(
                "the machine `{name}` is being deleted, and a pause does not stop that; cancel its run instead"
            );
            return Err(Error::conflict("deleting", detail));
        }
        change.set_paused(machine.workspace, paused).await?;
        let view = self.view(&mut change, machine).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(view)
    }

    pub(super) async fn existing(&self, snapshot: &mut Snapshot, namespace: &Name, name: &Name) -> Result<Machine> {
        if let Some(machine) = snapshot.machine(namespace, name).await? {
            return Ok(machine);
        }
        self.require_namespace(snapshot, namespace).await?;
        Err(Error::no_machine(namespace, name))
    }

    async fn view(&self, snapshot: &mut Snapshot, machine: Machine) -> Result<MachineView> {
        let workspace = snapshot
            .workspace(machine.workspace)
            .await?
            .ok_or_else(|| Error::no_machine(&machine.metadata.namespace, &machine.metadata.name))?;
        let open = snapshot.open_run(workspace.uid).await?;
        let last = snapshot.last_change(workspace.uid).await?;
        let trouble = self.trouble_of(snapshot, &workspace).await?;
        let lock = snapshot.state_lock(workspace.uid).await?;
        let held_back = self.held_back(snapshot, open.as_ref()).await?;
        let status = status::derive(View {
            workspace: &workspace,
            created_at: machine.metadata.creation_timestamp,
            open: open.as_ref(),
            last: last.as_ref(),
            trouble: trouble.as_ref(),
            held_back: held_back.as_deref(),
            lock: lock.as_ref(),
            observe_interval_seconds: self.config.reconcile.observe_interval_seconds,
            now: self.clock.now(),
        });
        Ok(MachineView { machine, status })
    }

    /// All that a decision about a workspace depends on.
    pub(super) fn world<'a>(
        &self,
        workspace: &'a crate::domain::workspace::Workspace,
        open: Option<&'a Run>,
        last: Option<&'a Run>,
    ) -> World<'a> {
        let observe_interval_seconds = self.config.reconcile.observe_interval_seconds;
        World { workspace, open, last, observe_interval_seconds, now: self.clock.now() }
    }
}

/// A machine as a client declares it.
fn declared_form(machine: &Machine) -> Value {
    let strings = |map: &BTreeMap<String, String>| serde_json::json!(map);
    serde_json::json!({
        "metadata": {
            "name": machine.metadata.name,
            "namespace": machine.metadata.namespace,
            "labels": strings(&machine.metadata.labels),
            "annotations": strings(&machine.metadata.annotations),
        },
        "spec": serde_json::to_value(&machine.spec).unwrap_or_default(),
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
