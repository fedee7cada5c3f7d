//! What a declaration's author should hear, though it is no mistake: quotas that it may pass, and changes that replace
//! what exists.

use std::collections::BTreeSet;

use serde::Serialize;

use super::machine::{CapacityType, MachineSpec, NodeGroupConfig, RemoteAccess};

/// Nodes of a managed node group (the quota's default; adjustable).
const NODES_MAX: u32 = 450;
/// Managed node groups of a cluster (the quota's default; adjustable).
const GROUPS_MAX: u64 = 30;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// JSON pointer to what it is about.
    pub pointer: String,
    /// What may happen, and what to do.
    pub detail: String,
}

impl Warning {
    /// About the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// The quotas that a machine on EKS may pass; `groups` are the machines of its cluster with it. Pointers are below `at`
/// (`/spec`).
#[must_use]
pub fn of_quotas(now: &MachineSpec, groups: u64, at: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if now.node_group_config.scaling.max_size > NODES_MAX {
        let detail = format!(
            "EKS lets a node group have {NODES_MAX} nodes unless the quota `Nodes per managed node group` was raised"
        );
        warnings.push(Warning::new(format!("{at}/nodeGroupConfig/scaling/maxSize"), detail));
    }
    if groups > GROUPS_MAX {
        let detail = format!(
            "this is node group {groups} of the cluster; EKS lets one have {GROUPS_MAX} unless the quota `Managed node groups per cluster` was raised"
        );
        warnings.push(Warning::new(format!("{at}/clusterName"), detail));
    }
    warnings
}

/// Fields that EKS cannot change in place, and that are not as they are in force. Pointers are below `at` (`/spec`).
#[must_use]
pub fn of_replacement(in_force: &MachineSpec, now: &MachineSpec, at: &str) -> Vec<Warning> {
    let (old, new) = (&in_force.node_group_config, &now.node_group_config);
    let template = |group: &NodeGroupConfig| {
        group.launch_template.as_ref().map(|template| (template.id.clone(), template.name.clone()))
    };
    let differs = [
        ("clusterName", in_force.cluster_name != now.cluster_name),
        ("nodeGroupConfig/name", old.name != new.name),
        ("nodeGroupConfig/instanceTypes", old.all_instance_types() != new.all_instance_types()),
        ("nodeGroupConfig/subnetIds", as_set(&old.subnet_ids) != as_set(&new.subnet_ids)),
        ("nodeGroupConfig/nodeRoleArn", old.node_role_arn != new.node_role_arn),
        ("nodeGroupConfig/amiType", is_another(old.ami_type.as_ref(), new.ami_type.as_ref())),
        ("nodeGroupConfig/capacityType", is_another_capacity(old.capacity_type, new.capacity_type)),
        ("nodeGroupConfig/diskSize", is_another(Some(&disk_size(old)), new.disk_size.as_ref())),
        ("nodeGroupConfig/launchTemplate", template(old) != template(new)),
        ("nodeGroupConfig/remoteAccess", is_other_access(old.remote_access.as_ref(), new.remote_access.as_ref())),
    ];
    let detail =
        "another value replaces the node group, its nodes too; under `approval: onDestroy` the plan waits for a person";
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(field, _)| Warning::new(format!("{at}/{field}"), detail)).collect()
}

/// What is a set for EKS and its provider: neither order nor repetition is a difference.
fn as_set(texts: &[String]) -> BTreeSet<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Whether EKS would have to change it. What is no longer said stays as it is (the provider's `Computed`).
fn is_another<T: PartialEq>(old: Option<&T>, new: Option<&T>) -> bool {
    new.is_some() && old != new
}

/// GiB of a node's disk; EKS takes 20 where nothing is said, and 50 for Windows.
fn disk_size(group: &NodeGroupConfig) -> u32 {
    let is_windows = group.ami_type.as_ref().is_some_and(|ami| ami.starts_with("WINDOWS"));
    group.disk_size.unwrap_or(if is_windows { 50 } else { 20 })
}

/// EKS takes `ON_DEMAND` where nothing is said.
fn is_another_capacity(old: Option<CapacityType>, new: Option<CapacityType>) -> bool {
    is_another(Some(&old.unwrap_or(CapacityType::OnDemand)), new.as_ref())
}

/// `openToWorld` is a word to captd, and nothing of EKS.
fn is_other_access(old: Option<&RemoteAccess>, new: Option<&RemoteAccess>) -> bool {
    let parts = |access: &RemoteAccess| (access.ec2_ssh_key.clone(), access.source_security_groups.clone());
    let parts = |access: Option<&RemoteAccess>| {
        access.map(parts).map(|(key, groups)| (key, groups.into_iter().collect::<BTreeSet<_>>()))
    };
    parts(old) != parts(new)
}
