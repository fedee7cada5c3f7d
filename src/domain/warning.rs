//! What a declaration's author should hear, though it is no mistake: quotas that it may pass, and changes that replace
//! what exists.

use serde::Serialize;

use super::machine::{MachineSpec, NodeGroupConfig};

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

/// What a machine on EKS should hear; `before` is its spec until now, `groups` the machines of its cluster with it.
/// Pointers are below `at` (`/spec`).
#[must_use]
pub fn of_machine(before: Option<&MachineSpec>, now: &MachineSpec, groups: u64, at: &str) -> Vec<Warning> {
    let group = &now.node_group_config;
    let mut warnings = Vec::new();
    if group.scaling.max_size > NODES_MAX {
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
    warnings.extend(before.into_iter().flat_map(|before| replacing(before, now)).map(|field| {
        let detail = "another value replaces the node group, its nodes too; under `approval: onDestroy` the plan waits for a person";
        Warning::new(format!("{at}/{field}"), detail)
    }));
    warnings
}

/// Fields that EKS cannot change in place, and that are others now.
fn replacing(before: &MachineSpec, now: &MachineSpec) -> Vec<&'static str> {
    let (old, new) = (&before.node_group_config, &now.node_group_config);
    let template = |group: &NodeGroupConfig| {
        group.launch_template.as_ref().map(|template| (template.id.clone(), template.name.clone()))
    };
    let differs = [
        ("clusterName", before.cluster_name != now.cluster_name),
        ("nodeGroupConfig/name", old.name != new.name),
        ("nodeGroupConfig/instanceTypes", old.all_instance_types() != new.all_instance_types()),
        ("nodeGroupConfig/subnetIds", old.subnet_ids != new.subnet_ids),
        ("nodeGroupConfig/nodeRoleArn", old.node_role_arn != new.node_role_arn),
        ("nodeGroupConfig/amiType", old.ami_type != new.ami_type),
        ("nodeGroupConfig/capacityType", old.capacity_type != new.capacity_type),
        ("nodeGroupConfig/diskSize", old.disk_size != new.disk_size),
        ("nodeGroupConfig/launchTemplate", template(old) != template(new)),
        ("nodeGroupConfig/remoteAccess", old.remote_access != new.remote_access),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}
