//! A machine's spec field by field: spellings, defaults, types, and what a mistyped name is told.

use captd::domain::machine::{Approval, CapacityType, MachineSpec, NodeRepairConfig, Taint, TaintEffect, UpdateConfig};
use captd::domain::machine_fields::parse_spec;
use captd::domain::problem::Problems;
use serde_json::{Value, json};

use super::world::name;

fn least() -> Value {
    json!({"nodeGroupConfig": {"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}}})
}

/// The least spec with `value` in its place; a pointer's last part may be new.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = least();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    spec.pointer_mut(parent).unwrap()[field] = value;
    spec
}

fn read(spec: &Value) -> MachineSpec {
    let mut problems = Problems::default();
    let read = parse_spec(spec, "", &mut problems);
    assert!(problems.is_empty(), "{spec}: {problems}");
    read.unwrap()
}

fn wrong(spec: &Value) -> Vec<String> {
    let mut problems = Problems::default();
    parse_spec(spec, "", &mut problems);
    problems.as_slice().iter().map(|p| format!("{} {}: {}", p.pointer, p.code, p.detail)).collect()
}

fn check(pointer: &str, value: Value, expected: &[&str]) {
    let spec = with(pointer, value);
    assert_eq!(wrong(&spec), expected, "{spec}");
}

#[test]
fn a_spec_with_every_field() {
    let spec = read(&json!({
        "workspaceTemplateRef": {"name": "mine", "namespace": "tenant", "revision": "abc"},
        "providerConfigRef": {"name": "prod"},
        "region": "eu-central-1",
        "clusterName": "demo",
        "nodeGroupConfig": {
            "name": "w",
            "instanceTypes": ["t3.medium", "t3a.medium"],
            "scaling": {"minSize": 0, "maxSize": 4, "desiredSize": 2},
            "subnetIds": ["subnet-1", "subnet-2"],
            "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
            "amiType": "AL2023_x86_64_STANDARD",
            "capacityType": "SPOT",
            "diskSize": 40,
            "labels": {"team": "data"},
            "taints": [{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}, {"key": "spot", "effect": "NoExecute"}],
            "tags": {"cost": "42"},
            "updateConfig": {"maxUnavailablePercentage": 33},
            "version": "1.33",
            "releaseVersion": "1.33.0-20250610",
            "forceUpdateVersion": true,
            "remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-1"]},
            "nodeRepairConfig": {"enabled": true},
            "timeouts": {"create": "90m", "delete": "1h30m"}
        },
        "variables": {"anything": [1, {"a": null}]},
        "runPolicy": {"approval": "manual"},
        "deletionProtection": true
    }));
    assert_eq!(spec.workspace_template_ref.name, name("mine"));
    assert_eq!(spec.workspace_template_ref.namespace, Some(name("tenant")));
    assert_eq!(spec.workspace_template_ref.revision.as_deref(), Some("abc"));
    assert_eq!(spec.provider_config_ref.name, "prod");
    assert_eq!((spec.region.as_deref(), spec.cluster_name.as_deref()), (Some("eu-central-1"), Some("demo")));
    assert_eq!(spec.variables["anything"], json!([1, {"a": null}]));
    assert_eq!(spec.run_policy.approval, Approval::Manual);
    assert!(spec.deletion_protection);
    let group = &spec.node_group_config;
    assert_eq!(group.all_instance_types(), ["t3.medium", "t3a.medium"]);
    assert_eq!(group.subnet_ids, ["subnet-1", "subnet-2"]);
    assert_eq!(group.node_role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/nodes"));
    assert_eq!(group.ami_type.as_deref(), Some("AL2023_x86_64_STANDARD"));
    assert_eq!((group.capacity_type, group.disk_size), (Some(CapacityType::Spot), Some(40)));
    assert_eq!(group.labels["team"], "data");
    assert_eq!(group.tags["cost"], "42");
    let update = UpdateConfig { max_unavailable: None, max_unavailable_percentage: Some(33) };
    assert_eq!(group.update_config, Some(update));
    let taint =
        |key: &str, value: Option<&str>, effect| Taint { key: key.to_owned(), value: value.map(str::to_owned), effect };
    let taints = [taint("gpu", Some("yes"), TaintEffect::NoSchedule), taint("spot", None, TaintEffect::NoExecute)];
    assert_eq!(group.taints, taints);
    assert_eq!((group.version.as_deref(), group.release_version.as_deref()), (Some("1.33"), Some("1.33.0-20250610")));
    assert!(group.force_update_version);
    let access = group.remote_access.as_ref().unwrap();
    assert_eq!((access.ec2_ssh_key.as_str(), access.open_to_world), ("ops", false));
    assert_eq!(access.source_security_groups, ["sg-1"]);
    assert_eq!(group.node_repair_config, Some(NodeRepairConfig { enabled: true }));
    let timeouts = group.timeouts.as_ref().unwrap();
    assert_eq!((timeouts.create.as_deref(), timeouts.update.as_deref()), (Some("90m"), None));
    assert_eq!(timeouts.delete.as_deref(), Some("1h30m"));
    assert_eq!(group.launch_template, None);
}

#[test]
fn a_launch_template_by_id_or_by_name() {
    let by_id = read(&with("/nodeGroupConfig/launchTemplate", json!({"id": "lt-0a1b", "version": "3"})));
    let template = by_id.node_group_config.launch_template.unwrap();
    assert_eq!((template.id.as_deref(), template.name, template.version.as_str()), (Some("lt-0a1b"), None, "3"));
    let by_name = read(&with("/nodeGroupConfig/launchTemplate", json!({"name": "nodes", "version": "1"})));
    let template = by_name.node_group_config.launch_template.unwrap();
    assert_eq!((template.id, template.name.as_deref(), template.version.as_str()), (None, Some("nodes"), "1"));
}

#[test]
fn what_is_left_out_has_a_default() {
    let spec = read(&least());
    assert_eq!(spec.workspace_template_ref.name, name("eks-nodegroup-template"));
    assert_eq!(spec.provider_config_ref.name, "default");
    assert_eq!(spec.run_policy.approval, Approval::OnDestroy);
    assert!(!spec.deletion_protection && spec.variables.is_empty());
    assert!(spec.node_group_config.all_instance_types().is_empty());
    assert_eq!(spec.node_group_config.update_config, None);
    assert_eq!(spec.node_group_config.launch_template, None);
    assert!(!spec.node_group_config.force_update_version);
}

#[test]
fn what_was_read_is_read_the_same_from_its_own_json() {
    let spec = read(&with("/nodeGroupConfig/taints", json!([{"key": "a", "effect": "no-schedule"}])));
    let json = serde_json::to_value(&spec).unwrap();
    assert_eq!(json["nodeGroupConfig"]["taints"][0]["effect"], "NO_SCHEDULE");
    assert_eq!(read(&json), spec);
}

#[test]
fn effects_and_capacity_are_read_in_each_spelling() {
    for (effect, spellings) in [
        (TaintEffect::NoSchedule, ["NO_SCHEDULE", "NoSchedule", "no-schedule"]),
        (TaintEffect::NoExecute, ["NO_EXECUTE", "NoExecute", "no-execute"]),
        (TaintEffect::PreferNoSchedule, ["PREFER_NO_SCHEDULE", "PreferNoSchedule", "prefer-no-schedule"]),
    ] {
        for spelling in spellings {
            let spec = read(&with("/nodeGroupConfig/taints", json!([{"key": "a", "effect": spelling}])));
            assert_eq!(spec.node_group_config.taints[0].effect, effect, "{spelling}");
        }
    }
    for (word, capacity) in [
        ("ON_DEMAND", CapacityType::OnDemand),
        ("onDemand", CapacityType::OnDemand),
        ("SPOT", CapacityType::Spot),
        ("spot", CapacityType::Spot),
        ("CAPACITY_BLOCK", CapacityType::CapacityBlock),
    ] {
        let mut group = with("/nodeGroupConfig/capacityType", json!(word));
        group["nodeGroupConfig"]["launchTemplate"] = json!({"id": "lt-1", "version": "1"});
        let spec = read(&group);
        assert_eq!(spec.node_group_config.capacity_type, Some(capacity), "{word}");
    }
    for (word, approval) in [("auto", Approval::Auto), ("onDestroy", Approval::OnDestroy), ("manual", Approval::Manual)]
    {
        assert_eq!(read(&with("/runPolicy", json!({"approval": word}))).run_policy.approval, approval);
    }
}

#[test]
fn a_word_that_is_none_is_told_those_that_are() {
    check(
        "/nodeGroupConfig/taints",
        json!([{"key": "a", "effect": "NOSCHEDULE"}]),
        &[
            "/nodeGroupConfig/taints/0/effect unknown_value: `NOSCHEDULE` is none of NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE",
        ],
    );
    check(
        "/nodeGroupConfig/capacityType",
        json!("FREE"),
        &["/nodeGroupConfig/capacityType unknown_value: `FREE` is none of ON_DEMAND, SPOT, CAPACITY_BLOCK"],
    );
    check(
        "/runPolicy",
        json!({"approval": "never"}),
        &["/runPolicy/approval unknown_value: `never` is none of auto, onDestroy, manual"],
    );
}

#[test]
fn a_mistyped_field_is_told_what_it_may_mean() {
    for (pointer, expected) in [
        (
            "/nodeGroupConfg",
            "/nodeGroupConfg unknown_field: unknown field `nodeGroupConfg`; did you mean `nodeGroupConfig`?",
        ),
        (
            "/nodeGroupConfig/instancetype",
            "/nodeGroupConfig/instancetype unknown_field: unknown field `instancetype`; did you mean `instanceType`?",
        ),
        (
            "/nodeGroupConfig/label",
            "/nodeGroupConfig/label unknown_field: unknown field `label`; did you mean `labels`?",
        ),
        (
            "/nodeGroupConfig/scaling/minsize",
            "/nodeGroupConfig/scaling/minsize unknown_field: unknown field `minsize`; did you mean `minSize`?",
        ),
        (
            "/nodeGroupConfig/scaling/replicas",
            "/nodeGroupConfig/scaling/replicas unknown_field: unknown field `replicas`; known here: desiredSize, maxSize, minSize",
        ),
    ] {
        check(pointer, json!(1), &[expected]);
    }
}

#[test]
fn wrong_types_say_what_is_wanted_and_what_is_there() {
    let group = "/nodeGroupConfig";
    for (field, value, wanted) in [
        ("instanceType", json!(3), "must be a string, not a number"),
        ("instanceType", json!(["t3.medium"]), "must be a string, not a list"),
        ("instanceTypes", json!("t3.medium"), "must be a list, not a string"),
        ("subnetIds", json!({"a": 1}), "must be a list, not an object"),
        ("diskSize", json!("20"), "must be a whole number, not a string"),
        ("diskSize", json!(20.5), "must be a whole number, not a fractional number"),
        ("labels", json!(["a"]), "must be an object of strings, not a list"),
        ("taints", json!(true), "must be a list, not a boolean"),
        ("scaling", json!(3), "must be an object, not a number"),
        ("updateConfig", json!("1"), "must be an object, not a string"),
    ] {
        check(&format!("{group}/{field}"), value, &[&format!("{group}/{field} wrong_type: {wanted}")]);
    }
    check(
        "/deletionProtection",
        json!("yes"),
        &["/deletionProtection wrong_type: must be true or false, not a string"],
    );
    check("/variables", json!([]), &["/variables wrong_type: must be an object, not a list"]);
    check("/region", json!(1), &["/region wrong_type: must be a string, not a number"]);
}

#[test]
fn entries_of_a_wrong_type_are_pointed_at_one_by_one() {
    check(
        "/nodeGroupConfig/instanceTypes",
        json!(["t3.medium", 5, null]),
        &[
            "/nodeGroupConfig/instanceTypes/1 wrong_type: must be a string, not a number",
            "/nodeGroupConfig/instanceTypes/2 wrong_type: must be a string, not null",
        ],
    );
    check(
        "/nodeGroupConfig/labels",
        json!({"a/b": true, "c": {}}),
        &[
            "/nodeGroupConfig/labels/a~1b wrong_type: must be a string, not a boolean; put it in quotes",
            "/nodeGroupConfig/labels/c wrong_type: must be a string, not an object",
        ],
    );
    check(
        "/nodeGroupConfig/taints",
        json!(["x", {"value": 1, "efect": "NO_SCHEDULE"}]),
        &[
            "/nodeGroupConfig/taints/0 wrong_type: must be an object, not a string",
            "/nodeGroupConfig/taints/1/key required: `key` is required",
            "/nodeGroupConfig/taints/1/value wrong_type: must be a string, not a number",
            "/nodeGroupConfig/taints/1/effect required: `effect` is required",
            "/nodeGroupConfig/taints/1/efect unknown_field: unknown field `efect`; did you mean `effect`?",
        ],
    );
}

#[test]
fn what_is_required_is_asked_for_all_at_once() {
    let mut problems = Problems::default();
    parse_spec(&json!({"nodeGroupConfig": {"scaling": {}}, "workspaceTemplateRef": {}}), "/spec", &mut problems);
    let found: Vec<String> = problems.as_slice().iter().map(|p| format!("{} {}", p.pointer, p.code)).collect();
    assert_eq!(
        found,
        [
            "/spec/workspaceTemplateRef/name required",
            "/spec/nodeGroupConfig/name required",
            "/spec/nodeGroupConfig/scaling/minSize required",
            "/spec/nodeGroupConfig/scaling/maxSize required",
            "/spec/nodeGroupConfig/scaling/desiredSize required",
        ]
    );
    assert_eq!(wrong(&json!({})), ["/nodeGroupConfig required: `nodeGroupConfig` is required"]);
}

#[test]
fn null_is_the_same_as_leaving_out() {
    let spec = json!({"region": null, "runPolicy": null, "variables": null, "workspaceTemplateRef": null,
        "nodeGroupConfig": {"name": "w", "labels": null, "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}}});
    assert_eq!(read(&spec), read(&least()));
}
