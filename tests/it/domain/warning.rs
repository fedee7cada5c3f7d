//! What an author should hear, though it is no mistake.

use captd::domain::machine::MachineSpec;
use captd::domain::machine_fields::parse_spec;
use captd::domain::problem::Problems;
use captd::domain::warning::{of_quotas, of_replacement};
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
    replaced(&json!({}), change)
}

/// The same for a node group that is in force as `in_force` says.
fn replaced(in_force: &Value, change: &Value) -> Vec<String> {
    let warnings = of_replacement(&spec(in_force), &spec(change), "/spec");
    warnings.into_iter().map(|warning| warning.pointer).collect()
}

#[test]
fn quotas_are_told_and_refuse_nothing() {
    let large = spec(&json!({"scaling": {"minSize": 1, "maxSize": 451, "desiredSize": 2}}));
    let told: Vec<String> = of_quotas(&large, 31, "/spec").into_iter().map(|it| it.pointer).collect();
    assert_eq!(told, ["/spec/nodeGroupConfig/scaling/maxSize", "/spec/clusterName"]);
    let at_the_limit = spec(&json!({"scaling": {"minSize": 1, "maxSize": 450, "desiredSize": 2}}));
    assert_eq!(of_quotas(&at_the_limit, 30, "/spec"), []);
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

#[test]
fn what_is_the_same_for_eks_replaces_nothing() {
    let group = |groups: Value| json!({"remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": groups}});
    for (in_force, now) in [
        (json!({"subnetIds": ["subnet-1", "subnet-2"]}), json!({"subnetIds": ["subnet-2", "subnet-1"]})),
        (json!({"subnetIds": ["subnet-1"]}), json!({"subnetIds": ["subnet-1", "subnet-1"]})),
        (group(json!(["sg-1", "sg-2"])), group(json!(["sg-2", "sg-1"]))),
        (json!({}), json!({"capacityType": "ON_DEMAND"})),
        (json!({}), json!({"diskSize": 20})),
        (
            json!({"amiType": "WINDOWS_CORE_2022_x86_64"}),
            json!({"amiType": "WINDOWS_CORE_2022_x86_64", "diskSize": 50}),
        ),
        // What is no longer said stays as it is.
        (json!({"amiType": "AL2_x86_64", "diskSize": 50, "capacityType": "SPOT"}), json!({})),
    ] {
        assert_eq!(replaced(&in_force, &now), [""; 0], "{in_force} {now}");
    }
    for (in_force, now, place) in [
        (json!({"subnetIds": ["subnet-1", "subnet-2"]}), json!({"subnetIds": ["subnet-1"]}), "subnetIds"),
        (group(json!(["sg-1"])), group(json!(["sg-2"])), "remoteAccess"),
        (json!({"capacityType": "SPOT"}), json!({"capacityType": "ON_DEMAND"}), "capacityType"),
        (json!({"diskSize": 30}), json!({"diskSize": 20}), "diskSize"),
        // The first of the types is the preferred one.
        (
            json!({"instanceType": null, "instanceTypes": ["t3.medium", "m5.large"]}),
            json!({"instanceType": null, "instanceTypes": ["m5.large", "t3.medium"]}),
            "instanceTypes",
        ),
    ] {
        assert_eq!(replaced(&in_force, &now), [format!("/spec/nodeGroupConfig/{place}")], "{in_force} {now}");
    }
}
