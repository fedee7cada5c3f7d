//! Writing declarations: spec, its kept generation and its run, in one transaction.

use super::apply::Applied;
use super::defaults::{Identity, without_effect};
use super::edits::{check_immutable, check_import, is_same_template, moved};
use super::ratchet::replacements;
use super::separation::{check_spec, less_than_holds};
use super::uploads::Uploads;
use super::{Actor, Error, Result, Service};
use crate::domain::document::Document;
use crate::domain::metadata::{Declared, Metadata};
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, Usage};
use crate::domain::needs::needs;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, Resource, Spec};
use crate::domain::secret::uses;
use crate::domain::template::{Assigned, Provider, Template};
use crate::domain::warning::{self, Warning};
use crate::store::{Change, NewResource};
use uuid::Uuid;

/// What must be true for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// It must not exist yet (`If-None-Match: *`, or a create).
    Absent,
    /// It must exist.
    Present,
    /// It must exist with this resource version (`If-Match`).
    Version(u64),
}

/// What became of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Created,
    /// It has changed.
    Configured,
    /// It was like that already.
    Unchanged,
}

impl Written {
    /// The word of `kubectl apply`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Service {
    /// Writes one document.
    ///
    /// # Errors
    /// When it is wrong, or `condition` is not met.
    pub async fn put_one(
        &self,
        document: Document,
        namespace: &Name,
        condition: Condition,
        actor: &Actor,
    ) -> Result<Applied> {
        let uploads = self.look_at_uploads([(String::new(), &document)].into_iter(), namespace).await?;
        let terms = Terms { default_namespace: namespace, condition, paused: false, actor, uploads: &uploads };
        let note = document.declared().note("");
        let mut change = self.write(&actor.0).await?;
        let mut applied = self.put(&mut change, document, "", terms).await?;
        applied.warnings.extend(note.map(|(pointer, detail)| Warning::new(pointer, detail)));
        if let Some(key) = applied.key() {
            self.check_references(&mut change, &key, "", actor).await?;
        }
        change.commit().await?;
        self.wakes.all();
        Ok(applied)
    }

    pub(super) async fn put(
        &self,
        change: &mut Change,
        document: Document,
        at: &str,
        terms: Terms<'_>,
    ) -> Result<Applied> {
        let Terms { default_namespace, condition, paused, actor, uploads } = terms;
        match document {
            Document::Resource(declared, spec) => {
                let namespace = declared.namespace.clone().unwrap_or_else(|| default_namespace.clone());
                let name = declared.name.clone().ok_or_else(|| no_name(at))?;
                let key = Key { kind: spec.kind(), namespace: namespace.clone(), name: name.clone() };
                let write = Write { key: &key, declared, spec, at, condition, paused, actor };
                let (written, warnings) = self.put_resource(change, write).await?;
                Ok(Applied { kind: key.kind.title(), namespace: Some(namespace), name, written, warnings })
            }
            Document::Template(declared, files) => {
                let namespace = declared.namespace.unwrap_or_else(|| default_namespace.clone());
                let name = declared.name.ok_or_else(|| no_name(at))?;
                let written = self.put_template(change, &namespace, &name, &files, uploads.at(at), actor).await?;
                let warnings = uploads.warnings(at, &files);
                Ok(Applied { kind: "WorkspaceTemplate", namespace: Some(namespace), name, written, warnings })
            }
            Document::Secret(declared, spec) => {
                let namespace = declared.namespace.unwrap_or_else(|| default_namespace.clone());
                let name = declared.name.ok_or_else(|| no_name(at))?;
                let version = declared.resource_version;
                let written = self.put_secret(change, (&namespace, &name), (&spec, version), at, actor).await?;
                Ok(Applied { kind: "Secret", namespace: Some(namespace), name, written, warnings: Vec::new() })
            }
            Document::Namespace(declared, spec) => {
                let name = declared.name.clone().ok_or_else(|| no_name(at))?;
                let (written, warnings) =
                    self.put_namespace(change, &name, (declared, spec), at, condition, actor).await?;
                Ok(Applied { kind: "Namespace", namespace: None, name, written, warnings })
            }
        }
    }

    async fn put_resource(&self, change: &mut Change, write: Write<'_>) -> Result<(Written, Vec<Warning>)> {
        let Write { key, declared, mut spec, at, condition, paused, actor } = write;
        let tenant = self.require_namespace(change, &key.namespace).await?;
        let before = change.resource(key).await?;
        check_condition(condition, &declared, before.as_ref().map(|b| &b.metadata), key.kind.noun(), &key.name)?;
        let mut problems = Problems::default();
        let known = match &before {
            Some(before) => change.workspace(before.workspace).await?,
            None => None,
        };
        let may_move = match &known {
            Some(workspace) => self.was_never_made(change, workspace).await?,
            None => true,
        };
        let stays = before.as_ref().is_some_and(|before| !may_move || is_same_template(&before.spec, &spec));
        let found =
            self.find_template(change, &key.namespace, spec.template(), known.as_ref().filter(|_| stays)).await?;
        let assigned = found.as_ref().ok().and_then(|found| found.assigned.clone());
        let identity = self.complete(&mut spec, found, &tenant, at, &mut problems);
        let was_seen = known.as_ref().is_some_and(|workspace| workspace.observation.is_some());
        if let Some(before) = &before {
            check_spec(&tenant, before, &spec, actor)?;
            self.check_deleting(change, before, known.as_ref()).await?;
            check_immutable(before, &spec, may_move, at, &mut problems);
            check_import(before, &spec, was_seen, at, &mut problems);
        }
        let judged = self.judge(before.as_ref(), (&declared, &spec), was_seen, at);
        problems.extend_under("", judged.problems);
        let Some(identity) = identity.filter(|_| problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        let mut metadata = match &before {
            Some(before) => next_metadata(&before.metadata, declared, before.spec != spec),
            None => self.first_metadata(&key.namespace, &key.name, declared),
        };
        let written = outcome_of(before.as_ref().map(|b| &b.metadata), &metadata);
        let mut warnings = judged.warnings;
        warnings.extend(fields_without_effect(&spec, &identity.template, at));
        warnings.extend(less_than_holds(&tenant, &spec, at));
        let is_on_aws = identity.template.manifest.provider == Provider::Aws;
        if let Some((now, workspace)) = spec.machine().zip(known.as_ref()).filter(|_| is_on_aws) {
            warnings.extend(replacements(change, workspace, now, at).await?);
        }
        if written == Written::Unchanged {
            return Ok((written, warnings));
        }
        check_node_group(change, key, &spec, &identity, actor).await?;
        let workspace = match &before {
            Some(before) => before.workspace,
            None => take_up(change, key, &spec, &mut metadata, at).await?.unwrap_or_else(|| self.clock.id()),
        };
        let spec_changed = before.as_ref().is_none_or(|before| before.metadata.generation != metadata.generation);
        let resource = Resource { metadata, spec, workspace };
        let new = NewResource { resource: &resource, node_group: &identity.node_group, cluster: &identity.cluster };
        change.put_resource(&new).await?;
        if paused && before.is_none() {
            change.set_paused(workspace, true).await?;
        }
        self.keep_uses(change, &resource, assigned.as_ref(), at, actor).await?;
        self.check_limits(change, &tenant).await?;
        if spec_changed {
            change.keep_generation(&resource, &actor.0, self.clock.now()).await?;
            self.enqueue_for_spec(change, workspace, actor).await?;
        }
        if let Some(now) = resource.spec.machine().filter(|_| is_on_aws) {
            let groups = change.machines_of_cluster(&identity.cluster).await?;
            warnings.extend(warning::of_quotas(now, groups, &format!("{at}/spec")));
        }
        Ok((written, warnings))
    }

    /// Keeps which template a machine or workspace follows, what it needs, the secrets that it uses, and the one that it
    /// writes.
    async fn keep_uses(
        &self,
        change: &mut Change,
        resource: &Resource,
        assigned: Option<&Assigned>,
        at: &str,
        actor: &Actor,
    ) -> Result<()> {
        change.assign_template(resource.workspace, assigned).await?;
        let namespace = &resource.metadata.namespace;
        change.put_needs(resource.workspace, &needs(&resource.spec, namespace)).await?;
        change.put_secret_uses(resource.workspace, &uses(&resource.spec, namespace)).await?;
        self.take_secret(change, resource, at, actor).await
    }

    async fn check_limits(&self, change: &mut Change, tenant: &Namespace) -> Result<()> {
        let Usage { machines, nodes, .. } = change.usage(&tenant.metadata.name).await?;
        let limits = &tenant.spec.limits;
        for (count, limit, what) in
            [(machines, limits.machines, "machines"), (nodes, limits.nodes, "nodes (the sum of maxSize)")]
        {
            if let Some(limit) = limit.filter(|limit| count > u64::from(*limit)) {
                let name = &tenant.metadata.name;
                return Err(Error::LimitReached(format!(
                    "namespace `{name}` may have {limit} {what}, and this would make {count}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn first_metadata(&self, namespace: &Name, name: &Name, declared: Declared) -> Metadata {
        Metadata {
            name: name.clone(),
            namespace: namespace.clone(),
            labels: declared.labels,
            annotations: declared.annotations,
            uid: self.clock.id(),
            generation: 1,
            resource_version: 1,
            creation_timestamp: self.clock.now(),
            deletion_timestamp: None,
        }
    }
}

/// How the documents of a request are written.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// Of those that name none.
    pub(super) default_namespace: &'a Name,
    pub(super) condition: Condition,
    /// Whether what is created begins no run by itself.
    pub(super) paused: bool,
    pub(super) actor: &'a Actor,
    /// The uploads among them, looked at.
    pub(super) uploads: &'a Uploads,
}

/// A machine or workspace that is to be written.
struct Write<'a> {
    key: &'a Key,
    declared: Declared,
    spec: Spec,
    at: &'a str,
    condition: Condition,
    paused: bool,
    actor: &'a Actor,
}

/// Fields that nothing takes: no mistake, since another template may, and nothing to be silent about.
fn fields_without_effect(spec: &Spec, template: &Template, at: &str) -> Vec<Warning> {
    let fields = without_effect(spec, template).into_iter();
    let warning = |(variable, field): (String, &str)| {
        let detail = format!("has no effect: template `{}` has no variable `{variable}`", template.name);
        Warning::new(format!("{at}{field}"), detail)
    };
    fields.map(warning).collect()
}

pub(super) fn next_metadata(before: &Metadata, declared: Declared, spec_changed: bool) -> Metadata {
    let changed = spec_changed || before.labels != declared.labels || before.annotations != declared.annotations;
    Metadata {
        labels: declared.labels,
        annotations: declared.annotations,
        generation: before.generation + u64::from(spec_changed),
        resource_version: before.resource_version + u64::from(changed),
        ..before.clone()
    }
}

pub(super) fn outcome_of(before: Option<&Metadata>, after: &Metadata) -> Written {
    match before {
        None => Written::Created,
        Some(before) if before.resource_version == after.resource_version => Written::Unchanged,
        Some(_) => Written::Configured,
    }
}

pub(super) fn check_condition(
    condition: Condition,
    declared: &Declared,
    before: Option<&Metadata>,
    what: &'static str,
    name: &Name,
) -> Result<()> {
    let version = before.map(|before| before.resource_version);
    let wanted = match condition {
        Condition::Version(wanted) => Some(wanted),
        _ => before.and_then(|before| declared.precondition(before.uid)),
    };
    match (condition, before) {
        (Condition::Absent, Some(_)) => Err(Error::conflict(
            "already_exists",
            format!("the {what} `{name}` exists already; use PUT or PATCH to change it"),
        )),
        (Condition::Present, None) => Err(Error::NotFound { what, name: name.to_string() }),
        (Condition::Version(_), None) => Err(Error::Precondition(format!("If-Match: there is no {what} `{name}`"))),
        _ if wanted.is_some() && wanted != version => Err(Error::Precondition(format!(
            "the {what} `{name}` has changed: its resourceVersion is {}, not {}; read it again",
            version.unwrap_or_default(),
            wanted.unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

fn no_name(at: &str) -> Error {
    Error::one(&format!("{at}/metadata/name"), "required", "`name` is required")
}

/// What one of this name has left is taken up again, if it was made by the same template in the same
/// place. Its generations begin behind those of its runs, so that none of these is taken for one of what is declared now.
async fn take_up(
    change: &mut Change,
    key: &Key,
    spec: &Spec,
    metadata: &mut Metadata,
    at: &str,
) -> Result<Option<Uuid>> {
    let Some((workspace, left)) = change.retained(key).await? else { return Ok(None) };
    let mut problems = Problems::default();
    for field in moved(&left, spec) {
        let detail = format!(
            "a {} of this name was deleted and its resources stayed; declare it as it was (template `{}`) to take them up, or take another name",
            key.kind.noun(),
            left.template().name
        );
        problems.add(format!("{at}/spec/{field}"), "retained", detail);
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    change.take_up(workspace).await?;
    metadata.generation += change.newest_generation_of_runs(workspace).await?;
    Ok(Some(workspace))
}

/// A node group has one machine.
async fn check_node_group(
    change: &mut Change,
    key: &Key,
    spec: &Spec,
    identity: &Identity,
    actor: &Actor,
) -> Result<()> {
    let Some(machine) = spec.machine() else { return Ok(()) };
    let owner = change.node_group_owner(&identity.node_group).await?;
    let Some((namespace, name)) = owner.filter(|(n, m)| (n, m) != (&key.namespace, &key.name)) else { return Ok(()) };
    let owner = Key { namespace, name, ..key.clone() };
    let detail = format!(
        "the node group `{}` belongs to {}; delete that one first, or give this one another name",
        machine.node_group_config.name,
        actor.told([&owner], &key.namespace)
    );
    Err(Error::conflict("node_group_taken", detail))
}
