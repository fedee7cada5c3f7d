//! A template: a Terraform root module written in Tera, with declared variables.

use std::collections::BTreeMap;

use captd_variables::{Output, Variable};
use serde::{Deserialize, Serialize};

use super::name::Name;

/// One immutable revision of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: Name,
    /// Hex digest of its manifest, files and modules: the same content has the same revision.
    pub revision: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Files of the root module by path, as they stand in the folder; `*.tera` are rendered.
    pub files: BTreeMap<String, String>,
    /// Files of its modules by path below the workspace (`modules/<name>/main.tf`).
    pub modules: BTreeMap<String, String>,
    /// Its `variable` blocks, by name: what it takes.
    pub variables: BTreeMap<String, Variable>,
    /// Its `output` blocks, by name: what it gives.
    pub outputs: BTreeMap<String, Output>,
}

/// `template.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// What it makes.
    pub description: String,
    /// Which provider configuration its runs need.
    pub provider: Provider,
    /// Whether its runs use warm provider processes, where there are any.
    #[serde(default, skip_serializing_if = "Gateway::is_on")]
    pub gateway: Gateway,
    /// Modules that are copied into the workspace.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Addresses that a plan may not delete or replace without a person.
    #[serde(default)]
    pub protects: Vec<String>,
    /// Tera templates of the import id of each resource, by address.
    #[serde(default)]
    pub import_ids: BTreeMap<String, String>,
    /// When a resource is in service, by address.
    #[serde(default)]
    pub in_service: BTreeMap<String, InService>,
    /// Attributes that an autoscaler may change, by address: no drift where it owns the scaling.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub autoscaled: BTreeMap<String, Vec<String>>,
    /// What its runs must be allowed to do in AWS, as actions of IAM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// How those that follow the current revision come to it.
    #[serde(default, skip_serializing_if = "UpdatePolicy::is_default")]
    pub update_policy: UpdatePolicy,
    /// Names of variables of the environment that those who use it may set; a `*` at the end stands for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Namespaces that may use it, besides its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub export_to: Vec<Name>,
}

/// How those that follow a template's current revision come to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdatePolicy {
    /// Whether that begins by itself.
    pub mode: UpdateMode,
    /// How many are on their way at once.
    pub max_at_once: u32,
    /// After how many failures it stops.
    pub stop_after_failures: u32,
}

/// Whether a rollout begins by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateMode {
    /// When the current revision changes.
    #[default]
    Automatic,
    /// When a person says so.
    Manual,
}

impl Default for UpdatePolicy {
    fn default() -> Self {
        Self { mode: UpdateMode::Automatic, max_at_once: 3, stop_after_failures: 1 }
    }
}

impl UpdatePolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The uploaded template that a workspace works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The template's namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The revision that the workspace is to have.
    pub revision: String,
    /// Whether its spec names that revision.
    pub is_pinned: bool,
}

/// How an attribute of a resource says whether it is in service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InService {
    /// The attribute.
    pub attribute: String,
    /// Its values in service. Such a resource is not replaced because its creation was given up.
    pub values: Vec<String>,
    /// Its values while the resource is still made: nothing may be done to it.
    #[serde(default)]
    pub coming: Vec<String>,
}

impl Manifest {
    /// Whether `address` is protected; an index (`[0]`, `["a"]`) of a protected address is too.
    #[must_use]
    pub fn protects(&self, address: &str) -> bool {
        self.protects.iter().any(|protected| {
            address.strip_prefix(protected.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        })
    }
}

/// Whether runs use warm provider processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gateway {
    /// Where there are any.
    #[default]
    On,
    /// Never: each command starts its providers itself.
    Off,
}

impl Gateway {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
    fn is_on(&self) -> bool {
        *self == Self::On
    }
}

/// Which provider configuration a template needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// One of `[providers.aws.<name>]`.
    Aws,
    /// None: no cloud.
    #[default]
    None,
}
