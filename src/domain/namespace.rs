//! A namespace: the tenant boundary. What it may use, what it fills in, how much it may have.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use super::machine::Approval;
use super::machine_fields::{checked_text, checked_texts, word};
use super::machine_rules;
use super::metadata::Metadata;
use super::problem::Problems;

/// A namespace as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// Its `namespace` field names itself.
    pub metadata: Metadata,
    /// What its owner set.
    pub spec: NamespaceSpec,
}

/// What a namespace may use, fills in and may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSpec {
    /// Provider configurations that it may use, by name; `*` is all that allow it.
    pub provider_configs: Vec<String>,
    /// What machines get that leave it out.
    #[serde(default)]
    pub defaults: Defaults,
    /// Upper bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What waits for a person, whatever its machines and workspaces say.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
}

impl Default for NamespaceSpec {
    fn default() -> Self {
        Self {
            provider_configs: vec!["*".to_owned()],
            defaults: Defaults::default(),
            limits: Limits::default(),
            policy: Policy::default(),
        }
    }
}

impl NamespaceSpec {
    /// Whether the namespace may use the provider configuration `name`.
    #[must_use]
    pub fn may_use(&self, name: &str) -> bool {
        self.provider_configs.iter().any(|allowed| allowed == "*" || allowed == name)
    }
}

/// What machines get that leave it out. Filled in when a machine is written, and seen in its spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// AWS region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// EKS cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Subnets of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_ids: Vec<String>,
    /// IAM role of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_role_arn: Option<String>,
}

/// Upper bounds; absent means none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machines: Option<u32>,
    /// Nodes: the sum of `maxSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// Runs that work at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_at_once: Option<u32>,
}

/// What waits for a person, whatever machines and workspaces say: who declares and who approves can be two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// The least that holds as `runPolicy.approval`.
    pub least_approval: Approval,
    /// Whether a deletion's plan waits, and whoever leaves resources behind must be one who may approve.
    pub deletion_needs_approval: bool,
    /// Whether only one who may approve takes `deletionProtection` off.
    pub deletion_protection_needs_approval: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            least_approval: Approval::Auto,
            deletion_needs_approval: false,
            deletion_protection_needs_approval: false,
        }
    }
}

impl Policy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The approval that holds where `declared` is what the spec says. Where deletions wait, no plan that deletes
    /// what is protected is a way around it.
    #[must_use]
    pub fn approval(self, declared: Approval) -> Approval {
        let least = if self.deletion_needs_approval { Approval::OnDestroy } else { Approval::Auto };
        declared.max(self.least_approval).max(least)
    }
}

/// What a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Machines.
    pub machines: u64,
    /// Workspaces that stand on their own.
    pub workspaces: u64,
    /// The sum of the machines' `maxSize`.
    pub nodes: u64,
    /// Workspaces that were deleted and whose resources stayed.
    pub retained: u64,
    /// Secrets.
    pub secrets: u64,
    /// Uploaded templates.
    pub templates: u64,
}

/// Reads a namespace's `spec`.
pub fn parse_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<NamespaceSpec> {
    let mut f = Fields::open(value, at, problems)?;
    let provider_configs = f.texts("providerConfigs").unwrap_or_else(|| vec!["*".to_owned()]);
    let defaults = f.object("defaults", |f| {
        Some(Defaults {
            region: checked_text(f, "region", machine_rules::check_region),
            cluster_name: checked_text(f, "clusterName", machine_rules::check_cluster),
            subnet_ids: checked_texts(f, "subnetIds", machine_rules::check_subnet),
            node_role_arn: checked_text(f, "nodeRoleArn", machine_rules::check_role),
        })
    });
    let limits = f.object("limits", |f| {
        let mut bound = |name| {
            f.integer_in(name, 1, 1_000_000).map(|n| u32::try_from(n).expect("invariant: the range was checked"))
        };
        Some(Limits { machines: bound("machines"), nodes: bound("nodes"), runs_at_once: bound("runsAtOnce") })
    });
    let policy = f.object("policy", |f| {
        Some(Policy {
            least_approval: word(f, "leastApproval", &Approval::WORDS, &[]).unwrap_or(Approval::Auto),
            deletion_needs_approval: f.boolean("deletionNeedsApproval").unwrap_or_default(),
            deletion_protection_needs_approval: f.boolean("deletionProtectionNeedsApproval").unwrap_or_default(),
        })
    });
    f.finish();
    Some(NamespaceSpec {
        provider_configs,
        defaults: defaults.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        policy: policy.unwrap_or_default(),
    })
}
