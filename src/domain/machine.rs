//! A machine: one EKS managed node group as its owner declares it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::import::Import;
use super::name::Name;
use super::needs::Reference;
use super::sources::{EnvVar, SecretRef, VarFile};

/// The template that a machine takes when it names none.
pub const DEFAULT_TEMPLATE: &str = "eks-nodegroup-template";

/// What the owner of a machine wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// The Terraform that makes it.
    pub workspace_template_ref: TemplateRef,
    /// One of `[providers.aws.<name>]` in the configuration.
    pub provider_config_ref: ProviderRef,
    /// AWS region; from the namespace or the provider configuration when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// EKS cluster, 1–100 characters; from the namespace when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// The node group itself.
    pub node_group_config: NodeGroupConfig,
    /// Further template variables by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// What a run may do without a person.
    pub run_policy: RunPolicy,
    /// While true, a delete is refused.
    pub deletion_protection: bool,
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

/// Names a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRef {
    /// Its name.
    pub name: Name,
    /// Its namespace, when it is not the machine's own or a built-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Pins one revision; otherwise the current one is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Names a provider configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRef {
    /// The `<name>` of `[providers.aws.<name>]`.
    pub name: String,
}

/// The node group. Fields and limits are those of EKS `CreateNodegroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroupConfig {
    /// At most 63 characters, unique in its cluster.
    pub name: String,
    /// One EC2 instance type; excludes `instance_types`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Up to 20 EC2 instance types, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_types: Vec<String>,
    /// How many nodes.
    pub scaling: Scaling,
    /// Who says how many nodes there are between the two bounds.
    #[serde(default, skip_serializing_if = "ScalingOwner::is_captd")]
    pub scaling_owner: ScalingOwner,
    /// Subnets of the nodes; from the namespace when not declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_ids: Vec<String>,
    /// IAM role of the nodes; from the namespace when not declared, and made by captd when
    /// neither names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_role_arn: Option<String>,
    /// EKS AMI type, such as `AL2023_x86_64_STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ami_type: Option<String>,
    /// How the instances are paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// GiB of each node's root volume; EKS takes 20 (Windows 50) when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_size: Option<u32>,
    /// Kubernetes labels of the nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Kubernetes taints of the nodes, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// AWS tags of the node group and its role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How many nodes an update may take away at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_config: Option<UpdateConfig>,
    /// Kubernetes version of the nodes, such as `1.33`; EKS takes the cluster's when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Release of the AMI, such as `1.33.0-20250610`; EKS takes the newest when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_version: Option<String>,
    /// Whether an update of the version goes on where pods cannot be moved off their nodes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_update_version: bool,
    /// Launch template of the nodes; excludes `disk_size` and `remote_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_template: Option<LaunchTemplate>,
    /// Access to the nodes by SSH.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_access: Option<RemoteAccess>,
    /// Whether EKS replaces nodes that are not healthy; it does not when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_repair_config: Option<NodeRepairConfig>,
    /// How long Terraform waits for EKS; 60 minutes each when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
}

impl NodeGroupConfig {
    /// The instance types to ask for; empty means EKS's own default.
    #[must_use]
    pub fn all_instance_types(&self) -> Vec<&str> {
        self.instance_type.iter().chain(&self.instance_types).map(String::as_str).collect()
    }
}

/// Who says how many nodes there are between `minSize` and `maxSize`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScalingOwner {
    /// `desiredSize`.
    #[default]
    Captd,
    /// An autoscaler: `desiredSize` is where the group begins, and what becomes of it later is no drift.
    Autoscaler,
}

impl ScalingOwner {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
    fn is_captd(&self) -> bool {
        *self == Self::Captd
    }
}

/// Numbers of nodes: `minSize ≤ desiredSize ≤ maxSize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scaling {
    /// 0 or more.
    pub min_size: u32,
    /// 1 or more.
    pub max_size: u32,
    /// Between the two.
    pub desired_size: u32,
}

/// How many nodes an update may take away at once: exactly one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfig {
    /// Nodes, 1–100 (EKS `UpdateConfig`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Percent of nodes, 1–100 (EKS `UpdateConfig`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable_percentage: Option<u32>,
}

/// An EC2 launch template: exactly one of `id` and `name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// Such as `lt-0a1b2c3d`. Another one replaces the node group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// 3–128 characters. Another one replaces the node group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A number. Another one is rolled out in place.
    pub version: String,
}

/// Access to the nodes by SSH (RDP on Windows): from security groups, or from everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteAccess {
    /// Name of an EC2 key pair.
    pub ec2_ssh_key: String,
    /// Security groups from which the port can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_security_groups: Vec<String>,
    /// The explicit yes that EKS needs no other word for: with no security groups it opens the port to
    /// the whole internet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_to_world: bool,
}

/// Whether EKS replaces nodes that are not healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRepairConfig {
    /// Whether it does.
    pub enabled: bool,
}

/// How long Terraform waits for EKS, as Go writes durations: `90m`, `1h30m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For a creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
    /// For an update, of the version and of the configuration each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// For a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
}

/// A Kubernetes taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// 1–63 characters.
    pub key: String,
    /// At most 63 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it does to pods.
    pub effect: TaintEffect,
}

/// Effect of a taint, written as EKS does; Kubernetes' spelling is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaintEffect {
    /// No new pods without a toleration.
    NoSchedule,
    /// Pods without a toleration are evicted.
    NoExecute,
    /// No new pods if it can be helped.
    PreferNoSchedule,
}

/// How the instances are paid for (EKS `capacityType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapacityType {
    /// By the second.
    OnDemand,
    /// Spare capacity that AWS may take back.
    Spot,
    /// Reserved for a time.
    CapacityBlock,
}

/// What a run may do without a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPolicy {
    /// Which plans wait.
    pub approval: Approval,
}

/// Which plans wait for a person; of two, the greater is the stricter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Approval {
    /// None.
    Auto,
    /// Those that delete or replace what the template protects.
    #[default]
    OnDestroy,
    /// Every one that changes something.
    Manual,
}

impl Approval {
    /// Each with its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("onDestroy", Self::OnDestroy), ("manual", Self::Manual)];

    /// The word of a declaration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::OnDestroy => "onDestroy",
            Self::Manual => "manual",
        }
    }
}
