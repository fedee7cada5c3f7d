//! What the stand-in makes of its inputs, and what it hands out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{MODULE, Site, resource};
use crate::support::requires;

/// The outputs of the original at 20.37.2.
#[rustfmt::skip]
const OUTPUTS: [&str; 16] = [
    "autoscaling_group_schedule_arns", "iam_role_arn", "iam_role_name", "iam_role_unique_id", "launch_template_arn",
    "launch_template_id", "launch_template_latest_version", "launch_template_name", "node_group_arn",
    "node_group_autoscaling_group_names", "node_group_id", "node_group_labels", "node_group_resources",
    "node_group_status", "node_group_taints", "platform",
];

/// Its inputs.
#[rustfmt::skip]
const INPUTS: [&str; 90] = [
    "ami_id", "ami_release_version", "ami_type", "block_device_mappings", "bootstrap_extra_args",
    "capacity_reservation_specification", "capacity_type", "cloudinit_post_nodeadm", "cloudinit_pre_nodeadm",
    "cluster_auth_base64", "cluster_endpoint", "cluster_ip_family", "cluster_name", "cluster_primary_security_group_id",
    "cluster_service_cidr", "cluster_service_ipv4_cidr", "cluster_version", "cpu_options", "create", "create_iam_role",
    "create_iam_role_policy", "create_launch_template", "create_placement_group", "create_schedule",
    "credit_specification", "desired_size", "disable_api_termination", "disk_size", "ebs_optimized", "efa_indices",
    "elastic_gpu_specifications", "elastic_inference_accelerator", "enable_bootstrap_user_data", "enable_efa_only",
    "enable_efa_support", "enable_monitoring", "enclave_options", "force_update_version",
    "iam_role_additional_policies", "iam_role_arn", "iam_role_attach_cni_policy", "iam_role_description",
    "iam_role_name", "iam_role_path", "iam_role_permissions_boundary", "iam_role_policy_statements", "iam_role_tags",
    "iam_role_use_name_prefix", "instance_market_options", "instance_types", "kernel_id", "key_name", "labels",
    "launch_template_default_version", "launch_template_description", "launch_template_id", "launch_template_name",
    "launch_template_tags", "launch_template_use_name_prefix", "launch_template_version", "license_specifications",
    "maintenance_options", "max_size", "metadata_options", "min_size", "name", "network_interfaces",
    "node_repair_config", "placement", "placement_group_az", "placement_group_strategy", "platform",
    "post_bootstrap_user_data", "pre_bootstrap_user_data", "private_dns_name_options", "ram_disk_id", "remote_access",
    "schedules", "subnet_ids", "tag_specifications", "tags", "taints", "timeouts", "update_config",
    "update_launch_template_default_version", "use_custom_launch_template", "use_latest_ami_release_version",
    "use_name_prefix", "user_data_template_path", "vpc_security_group_ids",
];

#[test]
fn the_inputs_are_those_of_the_module_that_it_stands_in_for() {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(MODULE)).unwrap();
    let text: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let names = text.split("\nvariable \"").skip(1).filter_map(|rest| rest.split('"').next());
    assert_eq!(names.collect::<BTreeSet<_>>(), INPUTS.into());
}

#[tokio::test]
async fn a_node_group_comes_with_what_it_needs_and_goes_with_it() {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    let before = site.aws.left().await;
    let lean = |size: u32| {
        json!({"use_name_prefix": false, "use_custom_launch_template": false, "create_iam_role": false,
            "iam_role_arn": site.role, "min_size": "1", "max_size": "4", "desired_size": size.to_string(), "disk_size": 50,
            "remote_access": {"ec2_ssh_key": "ops", "source_security_group_ids": ["sg-0a1b"]}})
    };
    // A machine hands on what it does not say as null.
    let plain = json!({"capacity_type": null, "ami_type": null, "disk_size": null, "cluster_version": null,
        "iam_role_arn": null, "labels": {}, "taints": {}});
    let (two, three) = (lean(2), lean(3));
    site.call(&[("plain", plain.clone()), ("lean", two), ("absent", json!({"create": false}))]).await;
    site.apply().await;

    let outputs = site.outputs().await;
    for (label, output) in &outputs {
        assert_eq!(output.as_object().unwrap().keys().collect::<Vec<_>>(), OUTPUTS, "{label}");
    }
    let (made, given, none) = (&outputs["plain"], &outputs["lean"], &outputs["absent"]);
    let id = made["node_group_id"].as_str().unwrap();
    let there = site.aws.describe("demo", id.strip_prefix("demo:").unwrap()).await.unwrap();
    assert!(id.starts_with("demo:plain-"), "{id}");
    assert_eq!(there["scalingConfig"], json!({"minSize": 0, "maxSize": 3, "desiredSize": 1}));
    assert_eq!(there["updateConfig"], json!({"maxUnavailablePercentage": 33}));
    assert_eq!((&there["capacityType"], &there["tags"]), (&json!("ON_DEMAND"), &json!({"Name": "plain"})));
    assert_eq!(there["nodegroupArn"], made["node_group_arn"]);
    assert_eq!((&there["nodeRole"], &there["status"]), (&made["iam_role_arn"], &made["node_group_status"]));
    assert_eq!(there["launchTemplate"]["id"], made["launch_template_id"]);
    assert_eq!(there["launchTemplate"]["version"], "1");
    assert_eq!(made["platform"], "linux");
    let groups = &there["resources"]["autoScalingGroups"];
    assert_eq!(json!([groups[0]["name"]]), made["node_group_autoscaling_group_names"]);
    for output in ["iam_role_name", "launch_template_name"] {
        assert!(made[output].as_str().unwrap().starts_with("plain-eks-node-group-"), "{output}");
    }

    let there = site.aws.describe("demo", "lean").await.unwrap();
    assert_eq!(there["remoteAccess"], json!({"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-0a1b"]}));
    assert_eq!((&there["diskSize"], &there["nodeRole"]), (&json!(50), &json!(site.role)));
    assert_eq!((&there["launchTemplate"], &given["launch_template_id"]), (&Value::Null, &Value::Null));
    assert_eq!((&given["iam_role_arn"], &given["iam_role_name"]), (&json!(site.role), &Value::Null));
    assert_eq!((&none["node_group_id"], &none["iam_role_arn"]), (&Value::Null, &Value::Null));
    assert_eq!(site.aws.node_groups("demo").await.len(), 2);

    // Unlike the original.
    site.call(&[("plain", plain), ("lean", three), ("absent", json!({"create": false}))]).await;
    site.apply().await;
    let there = site.aws.describe("demo", "lean").await.unwrap();
    assert_eq!(there["scalingConfig"], json!({"minSize": 1, "maxSize": 4, "desiredSize": 3}));
    site.is_settled().await;
    site.destroy().await;
    assert_eq!(site.aws.left().await, before, "nothing is left");
    site.close().await;
}

/// Every input that asks for something and goes with the others.
fn everything() -> Value {
    let parts = [node_group(), template(), role()];
    parts.into_iter().flat_map(|part| part.as_object().unwrap().clone()).collect::<serde_json::Map<_, _>>().into()
}

fn node_group() -> Value {
    json!({
        "name": "full", "use_name_prefix": false, "tags": {"team": "data"}, "cluster_version": "1.33",
        "cluster_ip_family": "ipv6", "cluster_primary_security_group_id": "${terraform_data.later.output.group}",
        "vpc_security_group_ids": ["sg-2c3d"], "instance_types": ["m5.large", "m5a.large"], "capacity_type": "SPOT",
        "ami_type": "AL2023_x86_64_STANDARD", "use_latest_ami_release_version": true, "force_update_version": true,
        "labels": {"team": "data"}, "update_config": {"max_unavailable": 1}, "node_repair_config": {},
        "taints": {"gpu": {"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"},
            "bare": {"key": "bare", "effect": "NO_EXECUTE"}},
        "timeouts": {"create": "90m"},
        "schedules": {"night": {"min_size": 0, "desired_size": 0, "recurrence": "0 20 * * *", "time_zone": "Europe/Berlin"}},
    })
}

fn template() -> Value {
    json!({
        "cloudinit_pre_nodeadm": [{"content": "#!/bin/sh\n", "content_type": "text/x-shellscript"}],
        "block_device_mappings": {
            "root": {"device_name": "/dev/xvda", "ebs": {"volume_size": 80, "volume_type": "gp3", "encrypted": true}},
            "none": {"device_name": "/dev/xvdb", "no_device": "true"}},
        "metadata_options": {"http_tokens": "optional", "instance_metadata_tags": "enabled"},
        "key_name": "ops", "enable_monitoring": false, "ebs_optimized": true, "disable_api_termination": true,
        "cpu_options": {"core_count": 1, "threads_per_core": 2}, "credit_specification": {"cpu_credits": "standard"},
        "enclave_options": {"enabled": true}, "maintenance_options": {"auto_recovery": "disabled"},
        "license_specifications": {"one": {"license_configuration_arn": LICENCE}}, "placement": {"tenancy": "dedicated"},
        "private_dns_name_options": {"hostname_type": "resource-name"},
        "capacity_reservation_specification": {"capacity_reservation_target": {"capacity_reservation_id": "cr-0a"}},
        "network_interfaces": [{"device_index": 0, "delete_on_termination": true, "security_groups": ["sg-4e5f"]}],
        "launch_template_name": "full-template", "launch_template_use_name_prefix": false,
        "launch_template_description": "Full.", "launch_template_tags": {"kind": "node"},
        "tag_specifications": ["instance"],
    })
}

fn role() -> Value {
    json!({
        "iam_role_name": "full-role", "iam_role_use_name_prefix": false, "iam_role_path": "/nodes/",
        "iam_role_description": "Nodes.", "iam_role_permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess",
        "iam_role_additional_policies": {"ssm": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"},
        "iam_role_tags": {"role": "node"}, "iam_role_attach_cni_policy": false,
        "iam_role_policy_statements": [
            {"sid": "Read", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/*"],
             "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}]},
            {"effect": "Deny", "not_actions": ["s3:*"], "resources": ["*"]}],
    })
}

const LICENCE: &str = "arn:aws:license-manager:eu-central-1:123456789012:license-configuration:lic-0a";

#[tokio::test]
async fn everything_that_it_takes_arrives() {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    site.call(&[("full", everything())]).await;
    site.apply().await;
    let there = site.aws.describe("demo", "full").await.unwrap();
    for (field, value) in [
        ("instanceTypes", json!(["m5.large", "m5a.large"])),
        ("capacityType", json!("SPOT")),
        ("amiType", json!("AL2023_x86_64_STANDARD")),
        ("version", json!("1.33")),
        ("releaseVersion", json!("1.33.7-20260101")),
        ("labels", json!({"team": "data"})),
        ("tags", json!({"team": "data", "Name": "full"})),
        ("updateConfig", json!({"maxUnavailable": 1})),
        ("nodeRepairConfig", json!({"enabled": true})),
    ] {
        assert_eq!(there[field], value, "{field}");
    }
    let taints = there["taints"].as_array().unwrap();
    assert!(taints.contains(&json!({"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"})), "{taints:?}");
    assert_eq!(taints.len(), 2);

    let shown: Value = site.json(&["show", "-json", "-no-color"]).await;
    let shown = &shown["values"];
    let template = resource(shown, "full", "aws_launch_template");
    for (path, value) in [
        ("/name", json!("full-template")),
        ("/description", json!("Full.")),
        ("/key_name", json!("ops")),
        ("/ebs_optimized", json!("true")),
        ("/disable_api_termination", json!(true)),
        ("/monitoring", json!([])),
        ("/tags", json!({"kind": "node", "team": "data"})),
        ("/tag_specifications/0/tags", json!({"Name": "full", "kind": "node", "team": "data"})),
        ("/tag_specifications/1", Value::Null),
        ("/block_device_mappings/0/no_device", json!("true")),
        ("/block_device_mappings/1/ebs/0/volume_size", json!(80)),
        ("/block_device_mappings/1/ebs/0/encrypted", json!("true")),
        ("/metadata_options/0/http_tokens", json!("optional")),
        ("/metadata_options/0/instance_metadata_tags", json!("enabled")),
        ("/cpu_options/0/threads_per_core", json!(2)),
        ("/credit_specification/0/cpu_credits", json!("standard")),
        ("/enclave_options/0/enabled", json!(true)),
        ("/maintenance_options/0/auto_recovery", json!("disabled")),
        ("/license_specification/0/license_configuration_arn", json!(LICENCE)),
        ("/placement/0/tenancy", json!("dedicated")),
        ("/private_dns_name_options/0/hostname_type", json!("resource-name")),
        ("/capacity_reservation_specification/0/capacity_reservation_target/0/capacity_reservation_id", json!("cr-0a")),
        ("/network_interfaces/0/security_groups", json!(["sg-0a1b", "sg-2c3d", "sg-4e5f"])),
        ("/vpc_security_group_ids", Value::Null),
    ] {
        assert_eq!(template.pointer(path).unwrap_or(&Value::Null), &value, "{path} of {template}");
    }
    check_role(shown);
    assert_eq!(site.outputs().await["full"]["platform"], "al2023");
    let schedule = resource(shown, "full", "aws_autoscaling_schedule");
    assert_eq!(schedule["autoscaling_group_name"], there["resources"]["autoScalingGroups"][0]["name"]);
    assert_eq!((&schedule["min_size"], &schedule["max_size"]), (&json!(0), &json!(-1)), "one that is not said stays");
    site.is_settled().await;
    site.destroy().await;
    site.close().await;
}

fn check_role(shown: &Value) {
    let role = resource(shown, "full", "aws_iam_role");
    assert_eq!(role["arn"], "arn:aws:iam::123456789012:role/nodes/full-role");
    assert_eq!(role["permissions_boundary"], "arn:aws:iam::aws:policy/PowerUserAccess");
    assert_eq!(role["tags"], json!({"role": "node", "team": "data"}));
    let module = &shown["root_module"]["child_modules"][0]["resources"];
    let attached = module.as_array().unwrap().iter().filter(|it| it["type"] == "aws_iam_role_policy_attachment");
    let policies: BTreeSet<&str> = attached.filter_map(|it| it["values"]["policy_arn"].as_str()).collect();
    assert_eq!(policies, POLICIES.into());
    let policy = resource(shown, "full", "aws_iam_role_policy")["policy"].as_str().unwrap();
    let statements = serde_json::from_str::<Value>(policy).unwrap()["Statement"].clone();
    assert_eq!(statements[0]["Condition"], json!({"Bool": {"aws:SecureTransport": "true"}}));
    assert_eq!(statements[1], json!({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}));
}

const POLICIES: [&str; 3] = [
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
];

#[tokio::test]
async fn a_launch_template_that_exists_is_used_in_its_default_version_and_a_new_version_reaches_the_nodes() {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    let own = json!({"use_name_prefix": false, "create_launch_template": false,
        "launch_template_id": "${aws_launch_template.own.id}"});
    let pinned = json!({"use_name_prefix": false, "create_launch_template": false,
        "launch_template_id": "${aws_launch_template.own.id}",
        "launch_template_version": "${aws_launch_template.own.latest_version}"});
    let made = |key: &str| json!({"use_name_prefix": false, "key_name": key});
    site.call(&[("own", own.clone()), ("pinned", pinned.clone()), ("made", made("ops"))]).await;
    site.apply().await;
    for name in ["own", "pinned", "made"] {
        assert_eq!(site.aws.describe("demo", name).await.unwrap()["launchTemplate"]["version"], "1", "{name}");
    }
    site.call(&[("own", own), ("pinned", pinned), ("made", made("others"))]).await;
    site.apply().await;
    assert_eq!(site.aws.describe("demo", "made").await.unwrap()["launchTemplate"]["version"], "2");
    site.is_settled().await;
    site.destroy().await;
    site.close().await;
}

#[tokio::test]
async fn what_is_not_said_is_chosen_to_fit() {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    let block = json!({"capacity_type": "CAPACITY_BLOCK", "instance_types": ["p5.48xlarge"],
        "instance_market_options": {"market_type": "capacity-block"}});
    let long = json!({"name": "workers-of-the-data-platform-in-green", "use_name_prefix": false});
    site.call(&[("block", block), ("long", long), ("six", json!({"cluster_ip_family": "ipv6"}))]).await;
    let done = site.plan().await;
    assert_eq!(done.code, 2, "{}{}", done.stdout, done.stderr);
    let planned: Value = site.json(&["show", "-json", "-no-color", "tfplan"]).await;
    let planned = &planned["planned_values"];
    let template = resource(planned, "block", "aws_launch_template");
    assert_eq!(template["instance_type"], "p5.48xlarge");
    assert_eq!(template["instance_market_options"][0]["market_type"], "capacity-block");
    assert_ne!(resource(planned, "block", "aws_eks_node_group")["instance_types"], json!(["p5.48xlarge"]));

    // Shortened, and none but its own: AWS takes 38 characters of a prefix.
    let prefix = resource(planned, "long", "aws_iam_role")["name_prefix"].as_str().unwrap();
    assert_eq!((prefix.len(), &prefix[..29]), (38, "workers-of-the-data-platform-"));
    let long = resource(planned, "long", "aws_launch_template");
    assert_eq!(long["name_prefix"], "workers-of-the-data-platform-in-green-eks-node-group-");
    let text = planned.to_string();
    assert!(text.contains("arn:aws:iam::123456789012:policy/AmazonEKS_CNI_IPv6_Policy"), "{text}");
    site.close().await;
}
