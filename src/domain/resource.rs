//! What is declared and has a workspace: a machine, or a workspace that stands on its own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::import::Import;
use super::machine::{Approval, MachineSpec, ProviderRef, TemplateRef};
use super::metadata::Metadata;
use super::name::Name;
use super::needs::Reference;
use super::sources::{EnvVar, VarFile};
use super::workspace::WorkspaceSpec;

/// The two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// A node group.
    Machine,
    /// A template applied with variables.
    Workspace,
}

impl ResourceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Machine, Self::Workspace];

    /// In a sentence, in a reference and in the database: `machine`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Workspace => "workspace",
        }
    }

    /// In a path: `machines`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Machine => "machines",
            Self::Workspace => "workspaces",
        }
    }

    /// As a declaration's `kind`: `Machine`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Machine => "Machine",
            Self::Workspace => "Workspace",
        }
    }
}

/// By what one is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which kind.
    pub kind: ResourceKind,
    /// The tenant.
    pub namespace: Name,
    /// Unique in its namespace, among its kind.
    pub name: Name,
}

impl Key {
    /// As a person writes it on the command line, where a machine needs no kind.
    #[must_use]
    pub fn handle(&self) -> String {
        match self.kind {
            ResourceKind::Machine => self.name.to_string(),
            ResourceKind::Workspace => format!("workspace/{}", self.name),
        }
    }

    /// All of it in one word: `machine/default/workers`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.kind.noun(), self.namespace, self.name)
    }
}

/// Others as whoever works in `home` hears of them: what lies in another namespace is named where `may_read` says so.
#[must_use]
pub fn told<'a>(others: impl IntoIterator<Item = &'a Key>, home: &Name, may_read: impl Fn(&Name) -> bool) -> String {
    let may_name = |key: &Key| key.namespace == *home || may_read(&key.namespace);
    let tell = |key: &Key| {
        if may_name(key) { key.to_string() } else { format!("a {} of another namespace", key.kind.noun()) }
    };
    let mut told: Vec<String> = others.into_iter().map(tell).collect();
    told.dedup();
    told.join(", ")
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind.noun(), self.namespace, self.name)
    }
}

/// A machine or a workspace as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Name, labels, versions, times.
    pub metadata: Metadata,
    /// What its owner wants, defaults filled in.
    pub spec: Spec,
    /// Id of its workspace: what has state, outputs and runs.
    pub workspace: Uuid,
}

impl Resource {
    /// By what it is known.
    #[must_use]
    pub fn key(&self) -> Key {
        let Metadata { namespace, name, .. } = &self.metadata;
        Key { kind: self.spec.kind(), namespace: namespace.clone(), name: name.clone() }
    }
}

/// What the owner of one wants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Spec {
    /// Of a machine.
    Machine(Box<MachineSpec>),
    /// Of a workspace.
    Workspace(Box<WorkspaceSpec>),
}

impl Spec {
    /// Which kind it is of.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Machine(_) => ResourceKind::Machine,
            Self::Workspace(_) => ResourceKind::Workspace,
        }
    }

    /// The spec of a machine, if it is one.
    #[must_use]
    pub fn machine(&self) -> Option<&MachineSpec> {
        match self {
            Self::Machine(spec) => Some(spec),
            Self::Workspace(_) => None,
        }
    }

    /// The Terraform that makes it.
    #[must_use]
    pub fn template(&self) -> &TemplateRef {
        match self {
            Self::Machine(spec) => &spec.workspace_template_ref,
            Self::Workspace(spec) => &spec.workspace_template_ref,
        }
    }

    /// The provider configuration.
    #[must_use]
    pub fn provider(&self) -> &ProviderRef {
        match self {
            Self::Machine(spec) => &spec.provider_config_ref,
            Self::Workspace(spec) => &spec.provider_config_ref,
        }
    }

    /// AWS region.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Machine(spec) => spec.region.as_deref(),
            Self::Workspace(spec) => spec.region.as_deref(),
        }
    }

    /// Template variables that no field gives.
    #[must_use]
    pub fn variables(&self) -> &Map<String, Value> {
        match self {
            Self::Machine(spec) => &spec.variables,
            Self::Workspace(spec) => &spec.variables,
        }
    }

    /// Whom it waits for.
    #[must_use]
    pub fn wait_for(&self) -> &[Reference] {
        match self {
            Self::Machine(spec) => &spec.wait_for,
            Self::Workspace(spec) => &spec.wait_for,
        }
    }

    /// Namespaces whose machines and workspaces may refer to it.
    #[must_use]
    pub fn export_to(&self) -> &[Name] {
        match self {
            Self::Machine(spec) => &spec.export_to,
            Self::Workspace(spec) => &spec.export_to,
        }
    }

    /// Files of variables.
    #[must_use]
    pub fn var_files(&self) -> &[VarFile] {
        match self {
            Self::Machine(spec) => &spec.var_files,
            Self::Workspace(spec) => &spec.var_files,
        }
    }

    /// The environment of its runs.
    #[must_use]
    pub fn env(&self) -> &[EnvVar] {
        match self {
            Self::Machine(spec) => &spec.env,
            Self::Workspace(spec) => &spec.env,
        }
    }

    /// The secret that its outputs are written into.
    #[must_use]
    pub fn written_secret(&self) -> Option<&Name> {
        let found = match self {
            Self::Machine(spec) => &spec.write_connection_secret_to_ref,
            Self::Workspace(spec) => &spec.write_connection_secret_to_ref,
        };
        found.as_ref().map(|found| &found.name)
    }

    /// That what it declares exists already.
    #[must_use]
    pub fn import(&self) -> Option<&Import> {
        match self {
            Self::Machine(spec) => spec.import.as_ref(),
            Self::Workspace(spec) => spec.import.as_ref(),
        }
    }

    /// What a run may do without a person.
    #[must_use]
    pub fn approval(&self) -> Approval {
        match self {
            Self::Machine(spec) => spec.run_policy.approval,
            Self::Workspace(spec) => spec.run_policy.approval,
        }
    }

    /// Whether a delete leaves in the cloud what it made.
    #[must_use]
    pub fn retains(&self) -> bool {
        match self {
            Self::Machine(_) => false,
            Self::Workspace(spec) => spec.retain_on_delete,
        }
    }

    /// Whether a delete is refused.
    #[must_use]
    pub fn deletion_protection(&self) -> bool {
        match self {
            Self::Machine(spec) => spec.deletion_protection,
            Self::Workspace(spec) => spec.deletion_protection,
        }
    }
}
