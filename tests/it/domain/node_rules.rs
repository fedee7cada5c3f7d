//! What Kubernetes and EKS take of a node group's labels and updates, and what is told of a value that cannot be read.

use serde_json::{Map, Value, json};

use super::machine_rules::check;

fn map(entries: &[(&str, &str)]) -> Value {
    entries.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

#[test]
fn labels_are_written_by_the_rules_of_kubernetes() {
    let at = "/nodeGroupConfig/labels";
    for (key, value) in [("a/b/c", "v"), ("-x", "v"), ("x y", "v"), ("team@corp.com", "v"), ("A.b/c", "v"), ("/a", "v")]
    {
        let pointer = format!("{at}/{} invalid_label", key.replace('/', "~1"));
        check(at, map(&[(key, value)]), &[&pointer]);
    }
    for value in ["team@corp.com", "x y", "-x", "x.", "a/b", "é"] {
        check(at, map(&[("k", value)]), &["/nodeGroupConfig/labels/k invalid_label"]);
    }
    check(at, map(&[("-x", "y z")]), &["/nodeGroupConfig/labels/-x invalid_label"; 2]);
    check(
        at,
        map(&[("eks.amazonaws.com/nodegroup", "w")]),
        &["/nodeGroupConfig/labels/eks.amazonaws.com~1nodegroup reserved_label"],
    );
}

#[test]
fn no_update_takes_away_more_nodes_than_there_may_be() {
    let at = "/nodeGroupConfig";
    for (max_size, unavailable, is_good) in [(3, 3, true), (3, 4, false), (1, 2, false), (100, 100, true)] {
        let scaling = json!({"minSize": 1, "maxSize": max_size, "desiredSize": 1});
        let group = json!({"name": "w", "scaling": scaling, "updateConfig": {"maxUnavailable": unavailable}});
        let expected: &[&str] =
            if is_good { &[] } else { &["/nodeGroupConfig/updateConfig/maxUnavailable out_of_range"] };
        check(at, group, expected);
    }
    let share = json!({"name": "w", "scaling": {"minSize": 0, "maxSize": 1, "desiredSize": 1}, "updateConfig": {"maxUnavailablePercentage": 100}});
    check(at, share, &[]);
}

/// Nobody is told of a value that he has not written.
#[test]
fn what_cannot_be_read_brings_no_further_problem() {
    let scaling = |min: Value, max: Value, desired: Value| json!({"scaling": {"minSize": min, "maxSize": max, "desiredSize": desired}});
    let template = json!({"id": "lt-1"});
    for (change, expected) in [
        (
            scaling(json!(5), json!(3), json!("2")),
            &["scaling/desiredSize wrong_type", "scaling/minSize out_of_range"][..],
        ),
        (scaling(json!(5), json!("9"), json!(2)), &["scaling/maxSize wrong_type", "scaling/desiredSize out_of_range"]),
        (scaling(json!(1), json!("3"), json!(9)), &["scaling/maxSize wrong_type"]),
        (scaling(json!("1"), json!(3), json!(0)), &["scaling/minSize wrong_type"]),
        (
            scaling(json!("1"), json!("3"), json!("2")),
            &["scaling/minSize wrong_type", "scaling/maxSize wrong_type", "scaling/desiredSize wrong_type"],
        ),
        (
            json!({"scaling": {"minSize": 1, "maxSize": "3", "desiredSize": 2}, "updateConfig": {"maxUnavailable": 50}}),
            &["scaling/maxSize wrong_type"],
        ),
        (json!({"amiType": "CUSTOM", "launchTemplate": template}), &["launchTemplate/version required"]),
        (json!({"capacityType": "CAPACITY_BLOCK", "launchTemplate": "lt-1"}), &["launchTemplate wrong_type"]),
        (
            json!({"remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": "sg-1"}}),
            &["remoteAccess/sourceSecurityGroups wrong_type"],
        ),
        (
            json!({"remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": [5]}}),
            &["remoteAccess/sourceSecurityGroups/0 wrong_type"],
        ),
    ] {
        let mut group = json!({"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}});
        group.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let expected: Vec<String> = expected.iter().map(|problem| format!("/nodeGroupConfig/{problem}")).collect();
        check("/nodeGroupConfig", group, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    check("/env", json!([{"name": "SITE", "value": 5}]), &["/env/0/value wrong_type"]);
}
