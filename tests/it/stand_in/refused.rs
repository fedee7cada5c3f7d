//! What the stand-in does not have, or would not act on: refused before anything is made, with the remedy.

use serde_json::{Value, json};

use super::{Site, complaints};
use crate::support::requires;

/// Plans one call for each case, and compares all that is complained of.
async fn check(cases: &[(Value, &str)]) {
    if !requires("aws") {
        return;
    }
    let mut site = Site::open().await;
    let labels: Vec<String> = (0..cases.len()).map(|n| format!("case{n}")).collect();
    let calls: Vec<(&str, Value)> =
        labels.iter().zip(cases).map(|(label, (arguments, _))| (label.as_str(), arguments.clone())).collect();
    site.call(&calls).await;
    let done = site.plan().await;
    let mut expected: Vec<&str> = cases.iter().map(|(_, sentence)| *sentence).collect();
    expected.sort_unstable();
    assert_eq!(done.code, 1, "{}{}", done.stdout, done.stderr);
    assert_eq!(complaints(&done), expected);
    assert_eq!(site.aws.node_groups("demo").await, [""; 0]);
    site.close().await;
}

/// What is said of an input that it does not have.
fn missing(input: &str) -> String {
    format!(
        "The stand-in for eks-managed-node-group does not have {input}; leave it out, or mirror the module itself in [modules.mirror]."
    )
}

#[tokio::test]
async fn an_input_that_it_does_not_have_is_refused() {
    let own = [
        ("enable_efa_support", json!(true)),
        ("enable_efa_only", json!(true)),
        ("efa_indices", json!([0, 1])),
        ("placement_group_strategy", json!("spread")),
        ("placement_group_az", json!("eu-central-1a")),
        ("user_data_template_path", json!("/srv/template")),
    ];
    let mut cases: Vec<(Value, String)> = own.map(|(input, value)| (json!({input: value}), missing(input))).into();
    let stand_in = "The stand-in for eks-managed-node-group does not have";
    cases.push((
        json!({"create_placement_group": true}),
        format!("{stand_in} create_placement_group; name one that exists in placement.group_name, or mirror the module itself in [modules.mirror]."),
    ));
    cases.push((
        json!({"elastic_gpu_specifications": {"one": {"type": "eg1.medium"}}}),
        format!("{stand_in} elastic_gpu_specifications; AWS has ended Elastic Graphics: leave it out."),
    ));
    cases.push((
        json!({"elastic_inference_accelerator": {"type": "eia1.medium"}}),
        format!("{stand_in} elastic_inference_accelerator; AWS has ended Elastic Inference: leave it out."),
    ));
    let cases: Vec<(Value, &str)> = cases.iter().map(|(arguments, told)| (arguments.clone(), told.as_str())).collect();
    check(&cases).await;
}

#[tokio::test]
async fn a_key_that_would_do_nothing_is_refused() {
    let volume = json!({"device_name": "/dev/xvda", "ebs": {"size": 1}});
    let condition = json!({"test": "Bool", "key": "aws:SecureTransport", "values": ["true"]});
    check(&[
        (json!({"update_config": {"max_unavailble": 1}}), "update_config has no keys but max_unavailable and max_unavailable_percentage."),
        (json!({"update_config": {"max_unavailable": 1, "max_unavailable_percentage": 2}}), "update_config has exactly one of max_unavailable and max_unavailable_percentage."),
        (json!({"remote_access": {"key": "ops"}}), "remote_access has no keys but ec2_ssh_key and source_security_group_ids."),
        (json!({"timeouts": {"read": "1m"}}), "timeouts has no keys but create, update and delete."),
        (json!({"taints": {"a": {"key": "a", "effect": "NO_EXECUTE", "when": "now"}}}), "Each of taints has no keys but key, value and effect."),
        (json!({"taints": {"a": {"key": "a", "effect": "NoSchedule"}}}), "Each taint has a key, and an effect of NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."),
        (json!({"schedules": {"a": {"min": 1}}}), "Each of schedules has no keys but min_size, max_size, desired_size, recurrence, start_time, end_time and time_zone."),
        (json!({"block_device_mappings": {"a": {"name": "/dev/xvda"}}}), "Each of block_device_mappings has no keys but device_name, ebs, no_device and virtual_name."),
        (json!({"block_device_mappings": {"a": volume}}), "The ebs of each of block_device_mappings has no keys but volume_type, volume_size, iops, throughput, encrypted, kms_key_id, snapshot_id and delete_on_termination."),
        (json!({"metadata_options": {"tokens": "required"}}), "metadata_options has no keys but http_endpoint, http_tokens, http_put_response_hop_limit, http_protocol_ipv6 and instance_metadata_tags."),
        (json!({"capacity_reservation_specification": {"id": "cr-0a"}}), "capacity_reservation_specification has no keys but capacity_reservation_preference and capacity_reservation_target."),
        (json!({"capacity_reservation_specification": {"capacity_reservation_target": {"id": "cr-0a"}}}), "The capacity_reservation_target of capacity_reservation_specification has no keys but capacity_reservation_id and capacity_reservation_resource_group_arn."),
        (json!({"cpu_options": {"cores": 1}}), "cpu_options has no keys but core_count and threads_per_core."),
        (json!({"credit_specification": {"credits": "x"}}), "credit_specification has no keys but cpu_credits."),
        (json!({"enclave_options": {"on": true}}), "enclave_options has no keys but enabled."),
        (json!({"maintenance_options": {"recovery": "x"}}), "maintenance_options has no keys but auto_recovery."),
        (json!({"instance_market_options": {"type": "spot"}}), "instance_market_options has no keys but market_type and spot_options."),
        (json!({"instance_market_options": {"spot_options": {"price": 1}}}), "The spot_options of instance_market_options has no keys but block_duration_minutes, instance_interruption_behavior, max_price, spot_instance_type and valid_until."),
        (json!({"license_specifications": {"a": {"arn": "x"}}}), "Each of license_specifications has license_configuration_arn, and nothing else."),
        (json!({"network_interfaces": [{"subnet_id": "subnet-0a"}]}), "Each of network_interfaces has no keys but those of the network_interfaces of an aws_launch_template, without the subnet, which EKS chooses of subnet_ids."),
        (json!({"placement": {"group": "a"}}), "placement has no keys but availability_zone, group_name, partition_number, spread_domain, tenancy, affinity, host_id and host_resource_group_arn."),
        (json!({"private_dns_name_options": {"type": "x"}}), "private_dns_name_options has no keys but hostname_type, enable_resource_name_dns_a_record and enable_resource_name_dns_aaaa_record."),
        (json!({"iam_role_policy_statements": [{"actions": ["s3:*"], "principals": []}]}), "Each of iam_role_policy_statements has no keys but sid, effect, actions, not_actions, resources, not_resources and conditions; the policy of a role has no principals."),
        (json!({"iam_role_policy_statements": [{"actions": ["s3:*"], "conditions": [condition]}]}), "Each of the conditions in iam_role_policy_statements has no keys but test, variable and values."),
        (json!({"platform": "mac"}), "platform is linux, al2023, bottlerocket or windows."),
        (json!({"cluster_ip_family": "ipv5"}), "cluster_ip_family is ipv4 or ipv6."),
        (json!({"min_size": 0.5}), "min_size is a whole number from 0."),
        (json!({"max_size": 0}), "max_size is a whole number from 1."),
        (json!({"desired_size": -1}), "desired_size is a whole number from 0."),
    ])
    .await;
}

#[tokio::test]
async fn inputs_that_do_not_go_together_are_refused() {
    let role = "arn:aws:iam::123456789012:role/somebody";
    let bootstrap = json!({"enable_bootstrap_user_data": true, "cluster_endpoint": "https://api.example",
        "cluster_auth_base64": "Y2E=", "cluster_service_cidr": "172.20.0.0/16"});
    let no_template = json!({"use_custom_launch_template": false, "ebs_optimized": true, "metadata_options": {},
        "vpc_security_group_ids": ["sg-0a1b"], "pre_bootstrap_user_data": "x"});
    let own_template = json!({"create_launch_template": false, "launch_template_id": "${aws_launch_template.own.id}", "launch_template_version": 1});
    let with = |base: &Value, more: Value| {
        let mut all = base.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let latest = json!({"use_latest_ami_release_version": true, "ami_type": "AL2_x86_64", "cluster_version": "1.32"});
    check(&[
        (json!({"name": ""}), "name has 1 to 36 letters, digits, '-' or '_', and begins with a letter or digit. With use_name_prefix 27 characters follow it."),
        (json!({"name": "a".repeat(64), "use_name_prefix": false}), "name has 1 to 63 letters, digits, '-' or '_', and begins with a letter or digit. With use_name_prefix 27 characters follow it."),
        (json!({"subnet_ids": []}), "cluster_name and subnet_ids are required."),
        (json!({"min_size": 2}), "desired_size (1) lies from min_size (2) to max_size (3)."),
        (json!({"disk_size": 50}), "disk_size and remote_access do not go with a launch template; say block_device_mappings and key_name, or use_custom_launch_template = false."),
        (no_template, "No launch template is made, and these would have no effect: ebs_optimized, metadata_options, pre_bootstrap_user_data, vpc_security_group_ids; leave them out, or leave create_launch_template and use_custom_launch_template true."),
        (with(&own_template, json!({"key_name": "ops"})), "No launch template is made, and these would have no effect: key_name; leave them out, or leave create_launch_template and use_custom_launch_template true."),
        (json!({"use_custom_launch_template": false, "ami_id": "ami-0a"}), "ami_id and launch_template_version have no effect with use_custom_launch_template = false; leave them out."),
        (json!({"launch_template_id": "lt-0a"}), "launch_template_id has no effect but with use_custom_launch_template = true and create_launch_template = false; say so, or leave it out."),
        (json!({"create_launch_template": false}), "launch_template_id is required with use_custom_launch_template = true and create_launch_template = false."),
        (json!({"create_iam_role": false}), "iam_role_arn is for create_iam_role = false, and is required there."),
        (json!({"iam_role_arn": role}), "iam_role_arn is for create_iam_role = false, and is required there."),
        (json!({"create_iam_role": false, "iam_role_arn": role, "iam_role_path": "/nodes/"}), "No role is made, and these would have no effect: iam_role_path; leave them out, or leave create_iam_role true."),
        (json!({"iam_role_name": "a".repeat(38)}), "iam_role_name has at most 64 characters, and 37 with iam_role_use_name_prefix, as 27 more follow."),
        (json!({"capacity_type": "CAPACITY_BLOCK"}), "capacity_type CAPACITY_BLOCK takes one entry of instance_types, which goes into the launch template; with a launch template that exists, the type stands there and instance_types is left out."),
        (json!({"ami_id": "ami-0a", "ami_release_version": "1.33.0-20250101"}), "ami_release_version does not go with ami_id, which is one image; leave one of them out."),
        (json!({"use_latest_ami_release_version": true}), "use_latest_ami_release_version needs cluster_version, and an ami_type of Amazon Linux or Bottlerocket; or say ami_release_version."),
        (with(&latest, json!({"ami_release_version": "1.33.0-20250101"})), "use_latest_ami_release_version goes with neither ami_id nor ami_release_version; leave it out, or them."),
        (json!({"cloudinit_pre_nodeadm": [{"content": "x"}]}), "The user data of linux, with enable_bootstrap_user_data = false, does not take cloudinit_pre_nodeadm; it takes pre_bootstrap_user_data."),
        (json!({"ami_type": "AL2023_x86_64_STANDARD", "cloudinit_post_nodeadm": [{"content": "x"}]}), "The user data of al2023, with enable_bootstrap_user_data = false, does not take cloudinit_post_nodeadm; it takes cloudinit_pre_nodeadm."),
        (json!({"ami_type": "BOTTLEROCKET_x86_64", "pre_bootstrap_user_data": "x"}), "The user data of bottlerocket, with enable_bootstrap_user_data = false, does not take pre_bootstrap_user_data; it takes bootstrap_extra_args."),
        (json!({"platform": "windows", "bootstrap_extra_args": "x"}), "The user data of windows, with enable_bootstrap_user_data = false, does not take bootstrap_extra_args; it takes nothing."),
        (json!({"ami_type": "AL2_x86_64", "platform": "bottlerocket"}), "platform (bottlerocket) is not what ami_type says (linux); leave it out."),
        (with(&bootstrap, json!({})), "enable_bootstrap_user_data is for an image of one's own, which ami_id names; EKS adds to its own images how a node joins. The stand-in for eks-managed-node-group does not have it for Windows; mirror the module itself in [modules.mirror]."),
        (json!({"enable_bootstrap_user_data": true, "ami_id": "ami-0a"}), "enable_bootstrap_user_data needs cluster_endpoint, cluster_auth_base64 and cluster_service_cidr."),
        (with(&bootstrap, json!({"ami_id": "ami-0a", "cluster_service_ipv4_cidr": "172.20.0.0/16"})), "cluster_service_ipv4_cidr is the older name of cluster_service_cidr; say one of them."),
    ])
    .await;
}
