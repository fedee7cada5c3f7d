//! The values of a machine by the variable that takes them, and the field that gives each.

use captd::domain::adoption::Owner;
use captd::domain::machine_fields::parse_spec;
use captd::domain::problem::Problems;
use captd::domain::resource::{ResourceKind, Spec};
use captd::domain::workspace_fields;
use captd::render::{field_of, values};
use serde_json::{Map, Value, json};

fn spec(value: &Value) -> Spec {
    let mut problems = Problems::default();
    let spec = parse_spec(value, "", &mut problems);
    assert!(problems.is_empty(), "{problems}");
    Spec::Machine(Box::new(spec.unwrap()))
}

fn owner() -> Owner {
    Owner { installation: "home".to_owned(), kind: ResourceKind::Machine, name: "default/workers/1".to_owned() }
}

/// A spec that gives every variable a value.
fn whole() -> Spec {
    spec(&json!({
        "region": "eu-central-1",
        "clusterName": "demo",
        "nodeGroupConfig": {
            "name": "w",
            "instanceTypes": ["t3.medium", "t3a.medium"],
            "scaling": {"minSize": 0, "maxSize": 4, "desiredSize": 2},
            "scalingOwner": "autoscaler",
            "subnetIds": ["subnet-1"],
            "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
            "amiType": "AL2023_x86_64_STANDARD",
            "capacityType": "spot",
            "diskSize": 40,
            "labels": {"team": "data"},
            "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}, {"key": "spot", "effect": "NO_EXECUTE"}],
            "tags": {"cost": "42"},
            "updateConfig": {"maxUnavailable": 1},
            "version": "1.33",
            "releaseVersion": "1.33.0-20250610",
            "forceUpdateVersion": true,
            "remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-1"]},
            "nodeRepairConfig": {"enabled": true},
            "timeouts": {"create": "90m"}
        },
        "variables": {"extra": {"a": [1]}}
    }))
}

#[test]
fn every_field_has_its_variable() {
    let expected = json!({
        "region": "eu-central-1",
        "cluster_name": "demo",
        "node_group_name": "w",
        "instance_type": "t3.medium",
        "instance_types": ["t3.medium", "t3a.medium"],
        "min_size": 0,
        "max_size": 4,
        "desired_size": 2,
        "scaling_owner": "autoscaler",
        "subnet_ids": ["subnet-1"],
        "node_role_arn": "arn:aws:iam::123456789012:role/nodes",
        "ami_type": "AL2023_x86_64_STANDARD",
        "capacity_type": "SPOT",
        "disk_size": 40,
        "labels": {"team": "data"},
        "taints": [{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}, {"key": "spot", "effect": "NO_EXECUTE"}],
        "tags": {"cost": "42"},
        "update_config": {"max_unavailable": 1, "max_unavailable_percentage": null},
        "kubernetes_version": "1.33",
        "release_version": "1.33.0-20250610",
        "force_update_version": true,
        "launch_template": null,
        "remote_access": {"ec2_ssh_key": "ops", "source_security_group_ids": ["sg-1"]},
        "node_repair_config": {"enabled": true},
        "timeouts": {"create": "90m"},
        "owner_tags": {"captd:installation": "home", "captd:machine": "default/workers/1"},
        "extra": {"a": [1]}
    });
    assert_eq!(Value::Object(values(&whole(), &owner(), &Map::new())), expected);
}

#[test]
fn what_is_left_open_is_null_and_so_the_variables_default() {
    let least = spec(&json!({"nodeGroupConfig": {"name": "w", "instanceType": "t3.medium",
        "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}}}));
    let values = values(&least, &owner(), &Map::new());
    assert_eq!(values["instance_types"], json!(["t3.medium"]));
    for open in [
        "region",
        "cluster_name",
        "subnet_ids",
        "node_role_arn",
        "ami_type",
        "capacity_type",
        "disk_size",
        "update_config",
        "kubernetes_version",
        "release_version",
        "force_update_version",
        "launch_template",
        "remote_access",
        "node_repair_config",
        "timeouts",
    ] {
        assert_eq!(values[open], Value::Null, "{open}");
    }
    for empty in ["labels", "tags"] {
        assert_eq!(values[empty], json!({}), "{empty}");
    }
    assert_eq!(values["taints"], json!([]));
}

#[test]
fn outputs_of_others_stand_in_the_place_of_the_references_to_them() {
    let spec =
        spec(&json!({"nodeGroupConfig": {"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
        "variables": {
            "subnet_ids": {"valueFrom": {"workspace": "network", "output": "private_subnet_ids"}},
            "other": {"valueFrom": {"machine": "a", "output": "b"}},
            "plain": {"value_from": 1}
        }}));
    let inputs = [("subnet_ids".to_owned(), json!(["subnet-1"]))].into_iter().collect();
    let values = values(&spec, &owner(), &inputs);
    assert_eq!(values["subnet_ids"], json!(["subnet-1"]));
    assert_eq!(values["other"], Value::Null, "it is not known yet");
    assert_eq!(values["plain"], json!({"value_from": 1}));
}

#[test]
fn a_launch_template_may_say_the_types() {
    let values = |types: Value| {
        let spec = spec(&json!({"nodeGroupConfig": {"name": "w", "instanceTypes": types,
            "launchTemplate": {"name": "nodes", "version": "3"},
            "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}}}));
        values(&spec, &owner(), &Map::new())
    };
    assert_eq!(values(json!([]))["instance_types"], json!([]));
    assert_eq!(values(json!([]))["launch_template"], json!({"name": "nodes", "version": "3"}));
    assert_eq!(values(json!(["t3.medium"]))["instance_types"], json!(["t3.medium"]));
}

#[test]
fn a_workspace_gives_its_region_its_variables_and_whose_it_is() {
    let mut problems = Problems::default();
    let spec = json!({"workspaceTemplateRef": {"name": "vpc"}, "region": "eu-central-1",
        "variables": {"cidr": "10.0.0.0/16", "zones": null}});
    let spec = workspace_fields::parse_spec(&spec, "", &mut problems).unwrap();
    assert!(problems.is_empty(), "{problems}");
    let owner = Owner { kind: ResourceKind::Workspace, name: "default/network/1".to_owned(), ..owner() };
    let expected = json!({
        "region": "eu-central-1",
        "cidr": "10.0.0.0/16",
        "zones": null,
        "owner_tags": {"captd:installation": "home", "captd:workspace": "default/network/1"}
    });
    assert_eq!(Value::Object(values(&Spec::Workspace(Box::new(spec)), &owner, &Map::new())), expected);
    assert_eq!(field_of(ResourceKind::Workspace, "region"), Some("/spec/region"));
    assert_eq!(field_of(ResourceKind::Workspace, "labels"), None);
}

#[test]
fn the_field_of_a_variable_is_found() {
    for (variable, field) in [
        ("region", "/spec/region"),
        ("cluster_name", "/spec/clusterName"),
        ("node_group_name", "/spec/nodeGroupConfig/name"),
        ("min_size", "/spec/nodeGroupConfig/scaling/minSize"),
        ("desired_size", "/spec/nodeGroupConfig/scaling/desiredSize"),
        ("update_config", "/spec/nodeGroupConfig/updateConfig"),
    ] {
        assert_eq!(field_of(ResourceKind::Machine, variable), Some(field));
    }
    for (variable, _) in values(&whole(), &owner(), &Map::new()) {
        assert_eq!(field_of(ResourceKind::Machine, &variable).is_none(), variable == "extra", "{variable}");
    }
}
