//! What an author should hear, though it is no mistake.

use captd::domain::machine::MachineSpec;
use captd::domain::machine_fields::parse_spec;
use captd::domain::problem::Problems;
use captd::domain::warning::of_machine;
use serde_json::{Value, json};

fn spec(change: &Value) -> MachineSpec {
    let mut group =
        json!({"name": "w", "instanceType": "t3.medium", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}});
    group.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let mut problems = Problems::default();
    let spec = parse_spec(&json!({"clusterName": "demo", "nodeGroupConfig": group}), "/spec", &mut problems);
    assert!(problems.is_empty(), "{problems}");
    spec.unwrap()
}

/// Where warnings are, for a change of the node group.
fn warned(change: &Value) -> Vec<String> {
    let warnings = of_machine(Some(&spec(&json!({}))), &spec(change), 1, "/spec");
    warnings.into_iter().map(|warning| warning.pointer).collect()
}

#[test]
fn quotas_are_told_and_refuse_nothing() {
    let large = spec(&json!({"scaling": {"minSize": 1, "maxSize": 451, "desiredSize": 2}}));
    let told: Vec<String> = of_machine(None, &large, 31, "/spec").into_iter().map(|it| it.pointer).collect();
    assert_eq!(told, ["/spec/nodeGroupConfig/scaling/maxSize", "/spec/clusterName"]);
    let at_the_limit = spec(&json!({"scaling": {"minSize": 1, "maxSize": 450, "desiredSize": 2}}));
    assert_eq!(of_machine(None, &at_the_limit, 30, "/spec"), []);
}

#[test]
fn a_change_that_replaces_the_group_is_told_before_it_happens() {
    for (change, place) in [
        (json!({"instanceType": "m5.large"}), "instanceTypes"),
        (json!({"subnetIds": ["subnet-0a1b2c3d"]}), "subnetIds"),
        (json!({"nodeRoleArn": "arn:aws:iam::123456789012:role/nodes"}), "nodeRoleArn"),
        (json!({"amiType": "AL2_x86_64"}), "amiType"),
        (json!({"capacityType": "SPOT"}), "capacityType"),
        (json!({"diskSize": 50}), "diskSize"),
        (json!({"launchTemplate": {"name": "nodes", "version": "1"}}), "launchTemplate"),
        (json!({"remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-0a1b2c3d"]}}), "remoteAccess"),
        (json!({"name": "other"}), "name"),
    ] {
        assert_eq!(warned(&change), [format!("/spec/nodeGroupConfig/{place}")], "{change}");
    }
    for change in [
        json!({}),
        json!({"scaling": {"minSize": 0, "maxSize": 9, "desiredSize": 5}}),
        json!({"labels": {"a": "b"}, "tags": {"c": "d"}, "version": "1.33", "updateConfig": {"maxUnavailable": 2}}),
        json!({"instanceType": null, "instanceTypes": ["t3.medium"]}),
    ] {
        assert_eq!(warned(&change), [""; 0], "{change}");
    }
}
