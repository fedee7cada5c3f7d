//! What a node group says of its launch template, its versions, access to its nodes and its timeouts, and
//! which of them exclude each other.

use serde_json::{Value, json};

use super::machine_rules::{check, check_values};

const GROUP: &str = "/nodeGroupConfig";

/// The fields of a node group beside `fields`, and what is wrong with it.
fn check_group(fields: &Value, expected: &[&str]) {
    let mut group = json!({"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}});
    group.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let expected: Vec<String> = expected.iter().map(|problem| format!("{GROUP}/{problem}")).collect();
    check(GROUP, group, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn launch_template() -> Value {
    json!({"id": "lt-0a1b2c3d", "version": "2"})
}

#[test]
fn a_launch_template_has_an_id_or_a_name_and_a_version() {
    for (id, is_good) in [("lt-0a1b2c3d4e5f60718", true), ("lt-", false), ("0a1b", false), ("lt-a b", false)] {
        let expected: &[&str] = if is_good { &[] } else { &["launchTemplate/id invalid_value"] };
        check_group(&json!({"launchTemplate": {"id": id, "version": "1"}}), expected);
    }
    for (name, is_good) in [
        ("abc", true),
        ("x".repeat(128).as_str(), true),
        ("nodes(1)./-_", true),
        ("ab", false),
        ("x".repeat(129).as_str(), false),
        ("a b c", false),
    ] {
        let expected: &[&str] = if is_good { &[] } else { &["launchTemplate/name invalid_name"] };
        check_group(&json!({"launchTemplate": {"name": name, "version": "1"}}), expected);
    }
    check_group(&json!({"launchTemplate": {"version": "1"}}), &["launchTemplate exactly_one_of"]);
    let both = json!({"launchTemplate": {"id": "lt-1", "name": "abc", "version": "1"}});
    check_group(&both, &["launchTemplate exactly_one_of"]);
    check_group(&json!({"launchTemplate": {"id": "lt-1"}}), &["launchTemplate/version required"]);
}

#[test]
fn a_launch_template_s_version_is_a_number() {
    for (version, is_good) in
        [("1", true), ("999", true), ("0", false), ("$Latest", false), ("$Default", false), ("", false)]
    {
        let expected: &[&str] = if is_good { &[] } else { &["launchTemplate/version invalid_value"] };
        check_group(&json!({"launchTemplate": {"id": "lt-1", "version": version}}), expected);
    }
}

#[test]
fn a_launch_template_says_the_disk_and_the_access() {
    check_group(&json!({"launchTemplate": launch_template()}), &[]);
    check_group(&json!({"launchTemplate": launch_template(), "diskSize": 20}), &["diskSize excluded"]);
    let access = json!({"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-1"]});
    check_group(&json!({"launchTemplate": launch_template(), "remoteAccess": access}), &["remoteAccess excluded"]);
    check_group(&json!({"diskSize": 20, "remoteAccess": access}), &[]);
}

#[test]
fn an_image_of_one_s_own_goes_with_a_launch_template_and_without_versions() {
    check_group(&json!({"amiType": "CUSTOM"}), &["amiType needs_launch_template"]);
    check_group(&json!({"amiType": "CUSTOM", "launchTemplate": launch_template()}), &[]);
    check_group(
        &json!({"amiType": "CUSTOM", "launchTemplate": launch_template(), "version": "1.33", "releaseVersion": "1.33.0-1"}),
        &["version excluded", "releaseVersion excluded"],
    );
    let standard = json!({"amiType": "AL2023_x86_64_STANDARD", "version": "1.33", "releaseVersion": "1.33.0-1"});
    check_group(&standard, &[]);
}

#[test]
fn a_capacity_block_goes_with_a_launch_template() {
    check_group(&json!({"capacityType": "CAPACITY_BLOCK"}), &["capacityType needs_launch_template"]);
    check_group(&json!({"capacityType": "CAPACITY_BLOCK", "launchTemplate": launch_template()}), &[]);
}

#[test]
fn ssh_from_everywhere_needs_an_explicit_yes() {
    let with = |access: Value| json!({"remoteAccess": access});
    check_group(&with(json!({"ec2SshKey": "ops"})), &["remoteAccess open_to_world"]);
    check_group(&with(json!({"ec2SshKey": "ops", "sourceSecurityGroups": []})), &["remoteAccess open_to_world"]);
    check_group(&with(json!({"ec2SshKey": "ops", "openToWorld": true})), &[]);
    let both = json!({"ec2SshKey": "ops", "openToWorld": true, "sourceSecurityGroups": ["sg-1"]});
    check_group(&with(both), &["remoteAccess/openToWorld excluded"]);
    let bad = json!({"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-1", "default"]});
    check_group(&with(bad), &["remoteAccess/sourceSecurityGroups/1 invalid_value"]);
    check_group(&with(json!({"openToWorld": true})), &["remoteAccess/ec2SshKey required"]);
}

#[test]
fn versions_as_eks_writes_them() {
    let good = [json!("1.9"), json!("1.33"), json!("1.100")];
    let bad = [json!("1.33.2"), json!("v1.33"), json!("2.1"), json!("1."), json!("1.03"), json!("latest")];
    check_values(&format!("{GROUP}/version"), &good, "invalid_value", &bad);
    let good = [json!("1.33.0-20250610"), json!("1.40.0-f8a4e3d1")];
    let bad = [json!(""), json!("latest"), json!("1.33.0 "), json!("1".repeat(256))];
    check_values(&format!("{GROUP}/releaseVersion"), &good, "invalid_value", &bad);
}

#[test]
fn timeouts_as_go_writes_durations() {
    for (duration, is_good) in [
        ("90m", true),
        ("1h30m", true),
        ("45s", true),
        ("99999h", true),
        ("90", false),
        ("m", false),
        ("1d", false),
        ("", false),
        ("1h 30m", false),
        ("-5m", false),
        ("100000h", false),
    ] {
        let expected: &[&str] = if is_good { &[] } else { &["timeouts/update invalid_value"] };
        check_group(&json!({"timeouts": {"update": duration}}), expected);
    }
}
