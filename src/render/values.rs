//! The values that a machine or workspace hands to its template, by variable.

use captd_variables::Type;
use serde_json::{Map, Value, json};

use crate::domain::adoption::Owner;
use crate::domain::machine::{MachineSpec, ScalingOwner};
use crate::domain::needs::VALUE_FROM;
use crate::domain::resource::{ResourceKind, Spec};

/// All values by the variable that takes them; a template takes those that it declares. What is left
/// open is null, and Terraform uses the variable's default. `spec.variables` go on top, and outputs of
/// others (`inputs`) in the place of the references to them.
#[must_use]
pub fn values(spec: &Spec, owner: &Owner, inputs: &Map<String, Value>) -> Map<String, Value> {
    let mut values = match spec {
        Spec::Machine(machine) => of_machine(machine),
        Spec::Workspace(workspace) => [("region".to_owned(), json!(workspace.region))].into_iter().collect(),
    };
    values.insert("owner_tags".to_owned(), json!(owner.tags()));
    values.extend(spec.variables().iter().map(|(name, value)| {
        let refers = value.get(VALUE_FROM).is_some();
        (name.clone(), if refers { inputs.get(name).cloned().unwrap_or_default() } else { value.clone() })
    }));
    values
}

fn of_machine(spec: &MachineSpec) -> Map<String, Value> {
    let group = &spec.node_group_config;
    let or_null = |list: Value| if list.as_array().is_some_and(Vec::is_empty) { Value::Null } else { list };
    // A launch template may say the types: then none is an answer.
    let instance_types = json!(group.all_instance_types());
    let instance_types = if group.launch_template.is_some() { instance_types } else { or_null(instance_types) };
    let values = json!({
        "region": spec.region,
        "cluster_name": spec.cluster_name,
        "node_group_name": group.name,
        "instance_type": group.all_instance_types().first(),
        "instance_types": instance_types,
        "min_size": group.scaling.min_size,
        "max_size": group.scaling.max_size,
        "desired_size": group.scaling.desired_size,
        "scaling_owner": (group.scaling_owner == ScalingOwner::Autoscaler).then_some("autoscaler"),
        "subnet_ids": or_null(json!(group.subnet_ids)),
        "node_role_arn": group.node_role_arn,
        "ami_type": group.ami_type,
        "capacity_type": group.capacity_type,
        "disk_size": group.disk_size,
        "labels": group.labels,
        "taints": group.taints,
        "tags": group.tags,
        "update_config": group.update_config.map(|update| json!({
            "max_unavailable": update.max_unavailable,
            "max_unavailable_percentage": update.max_unavailable_percentage,
        })),
        "kubernetes_version": group.version,
        "release_version": group.release_version,
        "force_update_version": group.force_update_version.then_some(true),
        "launch_template": group.launch_template,
        "remote_access": group.remote_access.as_ref().map(|access| json!({
            "ec2_ssh_key": access.ec2_ssh_key,
            "source_security_group_ids": access.source_security_groups,
        })),
        "node_repair_config": group.node_repair_config,
        "timeouts": group.timeouts,
    });
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// Numbers of a machine's own fields, for templates that declare them as text, as CAPT's do.
const NUMBERS: [&str; 4] = ["min_size", "max_size", "desired_size", "disk_size"];

/// A value as the template's variable takes it: Terraform would make the same of it.
#[must_use]
pub fn as_declared(name: &str, value: Value, of: &Type) -> Value {
    match (of, &value) {
        (Type::String, Value::Number(number)) if NUMBERS.contains(&name) => Value::from(number.to_string()),
        _ => value,
    }
}

/// The field that gives the variable `name`, as a JSON pointer; a variable that no field gives comes
/// from `spec.variables`.
#[must_use]
pub fn field_of(kind: ResourceKind, name: &str) -> Option<&'static str> {
    match (kind, name) {
        (_, "region") => Some("/spec/region"),
        (_, "owner_tags") => Some("/metadata"),
        (ResourceKind::Machine, name) => field_of_machine(name),
        (ResourceKind::Workspace, _) => None,
    }
}

fn field_of_machine(name: &str) -> Option<&'static str> {
    Some(match name {
        "cluster_name" => "/spec/clusterName",
        "node_group_name" => "/spec/nodeGroupConfig/name",
        "instance_type" => "/spec/nodeGroupConfig/instanceType",
        "instance_types" => "/spec/nodeGroupConfig/instanceTypes",
        "min_size" => "/spec/nodeGroupConfig/scaling/minSize",
        "max_size" => "/spec/nodeGroupConfig/scaling/maxSize",
        "desired_size" => "/spec/nodeGroupConfig/scaling/desiredSize",
        "scaling_owner" => "/spec/nodeGroupConfig/scalingOwner",
        "subnet_ids" => "/spec/nodeGroupConfig/subnetIds",
        "node_role_arn" => "/spec/nodeGroupConfig/nodeRoleArn",
        "ami_type" => "/spec/nodeGroupConfig/amiType",
        "capacity_type" => "/spec/nodeGroupConfig/capacityType",
        "disk_size" => "/spec/nodeGroupConfig/diskSize",
        "labels" => "/spec/nodeGroupConfig/labels",
        "taints" => "/spec/nodeGroupConfig/taints",
        "tags" => "/spec/nodeGroupConfig/tags",
        "update_config" => "/spec/nodeGroupConfig/updateConfig",
        "kubernetes_version" => "/spec/nodeGroupConfig/version",
        "release_version" => "/spec/nodeGroupConfig/releaseVersion",
        "force_update_version" => "/spec/nodeGroupConfig/forceUpdateVersion",
        "launch_template" => "/spec/nodeGroupConfig/launchTemplate",
        "remote_access" => "/spec/nodeGroupConfig/remoteAccess",
        "node_repair_config" => "/spec/nodeGroupConfig/nodeRepairConfig",
        "timeouts" => "/spec/nodeGroupConfig/timeouts",
        _ => return None,
    })
}
