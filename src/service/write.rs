//! Writing declarations: spec, its kept generation and its run, in one transaction.

use super::{Actor, Error, Result, Service};
use crate::domain::document::{self, Document};
use crate::domain::machine::{Machine, MachineSpec};
use crate::domain::metadata::{Declared, Metadata};
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, NamespaceSpec};
use crate::domain::problem::Problems;
use crate::domain::run::{Kind, Trigger};
use crate::store::{Change, NewMachine};
use serde_json::Value;

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

/// One document of an apply and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// `Machine` or `Namespace`.
    pub kind: &'static str,
    /// Its namespace; a namespace has none.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
    /// What became of it.
    pub written: Written,
}

impl Service {
    /// Applies many documents: all or nothing. Namespaces go first. `default_namespace` is that of
    /// machines that name none. With `dry_run` everything is checked and nothing kept.
    ///
    /// # Errors
    /// Every problem of every document, pointers beginning with the document's number.
    pub async fn apply(
        &self,
        documents: &[Value],
        default_namespace: &Name,
        dry_run: bool,
        actor: &Actor,
    ) -> Result<Vec<Applied>> {
        let mut problems = Problems::default();
        let mut parsed: Vec<(usize, Option<Document>)> = documents
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let mut found = Problems::default();
                let document = document::parse(value, &format!("/{index}"), &mut found);
                let document = document.filter(|_| found.is_empty());
                problems.extend_under("", found);
                (index, document)
            })
            .collect();
        find_twins(&parsed, default_namespace, &mut problems);
        parsed.sort_by_key(|(index, document)| (!matches!(document, Some(Document::Namespace(..))), *index));
        let mut change = self.store.write().await?;
        let mut applied = Vec::new();
        for (index, document) in parsed {
            let Some(document) = document else { continue };
            let at = format!("/{index}");
            let one = self.put(&mut change, document, default_namespace, &at, Condition::None, actor).await;
            match one {
                Ok(done) => applied.push((index, done)),
                Err(Error::Invalid(more)) => problems.extend_under("", more),
                Err(other) => return Err(other),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        if !dry_run {
            change.commit().await?;
            self.wakes.all();
        }
        applied.sort_by_key(|(index, _)| *index);
        Ok(applied.into_iter().map(|(_, done)| done).collect())
    }

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
        let mut change = self.store.write().await?;
        let applied = self.put(&mut change, document, namespace, "", condition, actor).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(applied)
    }

    async fn put(
        &self,
        change: &mut Change,
        document: Document,
        default_namespace: &Name,
        at: &str,
        condition: Condition,
        actor: &Actor,
    ) -> Result<Applied> {
        match document {
            Document::Machine(declared, spec) => {
                let namespace = declared.namespace.clone().unwrap_or_else(|| default_namespace.clone());
                let write = MachineWrite { declared, spec, at, condition, actor };
                let (name, written) = self.put_machine(change, &namespace, write).await?;
                Ok(Applied { kind: "Machine", namespace: Some(namespace), name, written })
            }
            Document::Namespace(declared, spec) => {
                let name = declared
                    .name
                    .clone()
                    .ok_or_else(|| Error::one(&format!("{at}/metadata/name"), "required", "`name` is required"))?;
                let written = self.put_namespace(change, &name, declared, spec, condition).await?;
                Ok(Applied { kind: "Namespace", namespace: None, name, written })
            }
        }
    }

    async fn put_namespace(
        &self,
        change: &mut Change,
        name: &Name,
        declared: Declared,
        spec: NamespaceSpec,
        condition: Condition,
    ) -> Result<Written> {
        let before = change.namespace(name).await?;
        check_condition(condition, &declared, before.as_ref().map(|b| &b.metadata), "namespace", name)?;
        let metadata = match &before {
            Some(before) => next_metadata(&before.metadata, declared, before.spec != spec),
            None => self.first_metadata(name, name, declared),
        };
        let written = outcome_of(before.as_ref().map(|b| &b.metadata), &metadata);
        if written != Written::Unchanged {
            change.put_namespace(&Namespace { metadata, spec }).await?;
        }
        Ok(written)
    }

    async fn put_machine(
        &self,
        change: &mut Change,
        namespace: &Name,
        write: MachineWrite<'_>,
    ) -> Result<(Name, Written)> {
        let MachineWrite { declared, mut spec, at, condition, actor } = write;
        let tenant = change
            .namespace(namespace)
            .await?
            .ok_or_else(|| Error::NotFound { what: "namespace", name: namespace.to_string() })?;
        let name = declared
            .name
            .clone()
            .ok_or_else(|| Error::one(&format!("{at}/metadata/name"), "required", "`name` is required"))?;
        let before = change.machine(namespace, &name).await?;
        check_condition(condition, &declared, before.as_ref().map(|b| &b.metadata), "machine", &name)?;
        let mut problems = Problems::default();
        let identity = self.complete(&mut spec, &tenant, at, &mut problems);
        if let Some(before) = &before {
            check_immutable(before, &spec, at, &mut problems)?;
        }
        let Some(identity) = identity.filter(|_| problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        let metadata = match &before {
            Some(before) => next_metadata(&before.metadata, declared, before.spec != spec),
            None => self.first_metadata(namespace, &name, declared),
        };
        let written = outcome_of(before.as_ref().map(|b| &b.metadata), &metadata);
        if written == Written::Unchanged {
            return Ok((name, written));
        }
        if let Some(owner) =
            change.node_group_owner(&identity.node_group).await?.filter(|(n, m)| (n, m) != (namespace, &name))
        {
            let detail = format!(
                "the node group `{}` belongs to machine {}/{}; delete that one first, or give this one another name",
                spec.node_group_config.name, owner.0, owner.1
            );
            return Err(Error::conflict("node_group_taken", detail));
        }
        let workspace = before.as_ref().map_or_else(|| self.clock.id(), |before| before.workspace);
        let spec_changed = before.as_ref().is_none_or(|before| before.metadata.generation != metadata.generation);
        let machine = Machine { metadata, spec, workspace };
        let new =
            NewMachine { machine: &machine, workspace, node_group: &identity.node_group, cluster: &identity.cluster };
        change.put_machine(&new).await?;
        self.check_limits(change, &tenant).await?;
        if spec_changed {
            change.keep_generation(&machine, &actor.0, self.clock.now()).await?;
            self.enqueue_for_spec(change, workspace, Kind::Apply, Trigger::Spec, actor).await?;
        }
        Ok((name, written))
    }

    async fn check_limits(&self, change: &mut Change, tenant: &Namespace) -> Result<()> {
        let (machines, nodes) = change.usage(&tenant.metadata.name).await?;
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

    fn first_metadata(&self, namespace: &Name, name: &Name, declared: Declared) -> Metadata {
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

/// Two documents of one request that declare the same thing: neither is taken for the true one.
fn find_twins(parsed: &[(usize, Option<Document>)], default_namespace: &Name, problems: &mut Problems) {
    let mut seen = std::collections::BTreeMap::new();
    for (index, document) in parsed {
        let (kind, declared) = match document {
            Some(Document::Machine(declared, _)) => ("machine", declared),
            Some(Document::Namespace(declared, _)) => ("namespace", declared),
            None => continue,
        };
        let namespace = declared.namespace.as_ref().unwrap_or(default_namespace);
        if let Some(first) = seen.insert((kind, namespace, &declared.name), index) {
            let detail = format!("document {first} declares the same {kind}; keep one of the two");
            problems.add(format!("/{index}/metadata/name"), "duplicate", detail);
        }
    }
}

/// A machine that is to be written.
struct MachineWrite<'a> {
    declared: Declared,
    spec: MachineSpec,
    at: &'a str,
    condition: Condition,
    actor: &'a Actor,
}

fn next_metadata(before: &Metadata, declared: Declared, spec_changed: bool) -> Metadata {
    let changed = spec_changed || before.labels != declared.labels || before.annotations != declared.annotations;
    Metadata {
        labels: declared.labels,
        annotations: declared.annotations,
        generation: before.generation + u64::from(spec_changed),
        resource_version: before.resource_version + u64::from(changed),
        ..before.clone()
    }
}

fn outcome_of(before: Option<&Metadata>, after: &Metadata) -> Written {
    match before {
        None => Written::Created,
        Some(before) if before.resource_version == after.resource_version => Written::Unchanged,
        Some(_) => Written::Configured,
    }
}

fn check_condition(
    condition: Condition,
    declared: &Declared,
    before: Option<&Metadata>,
    what: &'static str,
    name: &Name,
) -> Result<()> {
    let version = before.map(|before| before.resource_version);
    let wanted = match condition {
        Condition::Version(wanted) => Some(wanted),
        _ => declared.resource_version.filter(|_| before.is_some()),
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

/// What would leave the old node group behind, or hand its state to other code.
fn check_immutable(before: &Machine, spec: &MachineSpec, at: &str, problems: &mut Problems) -> Result<()> {
    if let Some(since) = before.metadata.deletion_timestamp {
        let name = &before.metadata.name;
        return Err(Error::conflict(
            "deleting",
            format!("the machine `{name}` is being deleted since {since}; wait until it is gone"),
        ));
    }
    let old = &before.spec;
    let same = [
        ("region", old.region == spec.region),
        ("providerConfigRef", old.provider_config_ref == spec.provider_config_ref),
        ("workspaceTemplateRef/name", old.workspace_template_ref.name == spec.workspace_template_ref.name),
    ];
    for (field, same) in same {
        if !same {
            problems.add(
                format!("{at}/spec/{field}"),
                "immutable",
                "cannot be changed, or the node group that exists would be left behind; delete the machine, or declare another one",
            );
        }
    }
    Ok(())
}
