//! A workspace: what has state, outputs and runs. Every machine owns exactly one; what surrounds
//! machines (networks, control planes, Fargate profiles) is declared as a workspace by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::import::Import;
use super::machine::{ProviderRef, RunPolicy, TemplateRef};
use super::name::Name;
use super::needs::Reference;
use super::observation::Observation;
use super::resource::{Key, ResourceKind};
use super::sources::{EnvVar, SecretRef, VarFile};
use super::state::Divergence;
use super::template::Assigned;

/// What the owner of a workspace wants: a template, bound to variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSpec {
    /// The Terraform that makes it.
    pub workspace_template_ref: TemplateRef,
    /// One of `[providers.aws.<name>]` in the configuration.
    pub provider_config_ref: ProviderRef,
    /// AWS region; from the namespace or the provider configuration when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Template variables by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// What a run may do without a person.
    pub run_policy: RunPolicy,
    /// While true, a delete is refused.
    pub deletion_protection: bool,
    /// Whether a delete leaves in the cloud what it made, and keeps its state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain_on_delete: bool,
    /// Whom it waits for, besides those whose outputs it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_for: Vec<Reference>,
    /// Namespaces whose machines and workspaces may refer to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub export_to: Vec<Name>,
    /// Files of variables that lie in secrets; later ones win, and `variables` over all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub var_files: Vec<VarFile>,
    /// Variables of the environment of its runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The secret that its outputs are written into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_connection_secret_to_ref: Option<SecretRef>,
    /// That what it declares exists already, and is taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Import>,
}

/// A workspace as it is stored, with what is known of its owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Workspace {
    /// Id that is never used again.
    pub uid: Uuid,
    /// Whether it is a machine's or stands on its own.
    pub kind: ResourceKind,
    /// The tenant.
    pub namespace: Name,
    /// The machine's name, or its own.
    pub name: Name,
    /// Generation of the spec that it should have.
    pub generation: u64,
    /// Runs of one cluster are counted together: provider configuration, region, cluster.
    pub cluster: String,
    /// While true, no run begins by itself.
    pub paused: bool,
    /// When its destruction was asked for.
    pub deleting_since: Option<Timestamp>,
    /// What Terraform last reported.
    pub observation: Option<Observation>,
    /// Why its state is in doubt, if it is: then no run begins.
    pub diverged: Option<Divergence>,
    /// Generation whose apply may have left something in the cloud that stands in no state.
    pub in_doubt: Option<u64>,
    /// When it is to be looked at again.
    pub observe_at: Option<Timestamp>,
    /// When something that its runs depend on last changed without a word in its spec: a provider configuration, room
    /// on the disk.
    pub mended_at: Option<Timestamp>,
    /// The uploaded template that it works with; none for one that comes with captd.
    pub template: Option<Assigned>,
}

impl Workspace {
    /// By what its owner is known.
    #[must_use]
    pub fn key(&self) -> Key {
        Key { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }
}
