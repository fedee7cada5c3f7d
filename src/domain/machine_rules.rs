//! What a node group may be: the limits of EKS and of its Terraform provider, checked before
//! anything runs, each with its source.

use super::machine::{MachineSpec, NodeGroupConfig, Taint};
use super::problem::{Problems, pointer_to};

/// AMI types of the EKS API at the time of AWS provider 5.100 (botocore 1.38.46).
pub const AMI_TYPES: [&str; 19] = [
    "AL2_x86_64",
    "AL2_x86_64_GPU",
    "AL2_ARM_64",
    "CUSTOM",
    "BOTTLEROCKET_ARM_64",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64_FIPS",
    "BOTTLEROCKET_x86_64_FIPS",
    "BOTTLEROCKET_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64_NVIDIA",
    "WINDOWS_CORE_2019_x86_64",
    "WINDOWS_FULL_2019_x86_64",
    "WINDOWS_CORE_2022_x86_64",
    "WINDOWS_FULL_2022_x86_64",
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
];

/// Taints a node group may have (EKS `CreateNodegroup`).
pub const TAINTS_MAX: usize = 50;
/// Tags a node group may have (EKS `TagMap`), less the two by which captd marks what it owns.
pub const TAGS_MAX: usize = 48;
/// Instance types a node group may have (EKS `CreateNodegroup`).
pub const INSTANCE_TYPES_MAX: usize = 20;

/// Checks `spec`, pointers below `at` (`/spec`).
pub fn check(spec: &MachineSpec, at: &str, problems: &mut Problems) {
    if let Some(cluster) = &spec.cluster_name {
        check_cluster(cluster, &format!("{at}/clusterName"), problems);
    }
    if let Some(region) = &spec.region {
        check_region(region, &format!("{at}/region"), problems);
    }
    let at = format!("{at}/nodeGroupConfig");
    let group = &spec.node_group_config;
    check_word(&group.name, 63, &format!("{at}/name"), "a node group's name", problems);
    check_scaling(group, &at, problems);
    check_instances(group, &at, problems);
    if let Some(role) = &group.node_role_arn {
        check_role(role, &format!("{at}/nodeRoleArn"), problems);
    }
    check_labels(group, &at, problems);
    check_taints(&group.taints, &at, problems);
    check_tags(group, &at, problems);
}

/// The name of an EKS cluster.
pub(super) fn check_cluster(name: &str, at: &str, problems: &mut Problems) {
    check_word(name, 100, at, "an EKS cluster's name", problems);
}

/// An AWS region.
pub(super) fn check_region(region: &str, at: &str, problems: &mut Problems) {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let fits = region.split('-').count() >= 3 && region.len() <= 32 && region.split('-').all(is_part);
    if !fits {
        problems.add(at, "invalid_value", format!("`{region}` is no AWS region, such as eu-central-1"));
    }
}

/// Letters, digits, `-` and `_`, a letter or digit first (EKS user guide; provider validate.go).
fn check_word(text: &str, length_max: usize, at: &str, what: &str, problems: &mut Problems) {
    let fits = (1..=length_max).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !fits {
        problems.add(
            at,
            "invalid_name",
            format!("{what} has 1–{length_max} letters, digits, `-` and `_`, and begins with a letter or digit"),
        );
    }
}

/// EKS rejects `min > desired` and `desired > max`; neither the provider nor the module does.
fn check_scaling(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    let scaling = group.scaling;
    let (min, max, desired) = (scaling.min_size, scaling.max_size, scaling.desired_size);
    if min > max {
        problems.add(
            format!("{at}/scaling/minSize"),
            "out_of_range",
            format!("minSize {min} is greater than maxSize {max}; lower it or raise maxSize"),
        );
    }
    if desired > max {
        problems.add(
            format!("{at}/scaling/desiredSize"),
            "out_of_range",
            format!("desiredSize {desired} is greater than maxSize {max}; lower it or raise maxSize"),
        );
    } else if desired < min {
        problems.add(
            format!("{at}/scaling/desiredSize"),
            "out_of_range",
            format!("desiredSize {desired} is less than minSize {min}; raise it or lower minSize"),
        );
    }
}

fn check_instances(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    if group.instance_type.is_some() && !group.instance_types.is_empty() {
        problems.add(format!("{at}/instanceTypes"), "exactly_one_of", "give instanceType or instanceTypes, not both");
    }
    if group.instance_types.len() > INSTANCE_TYPES_MAX {
        problems.add(format!("{at}/instanceTypes"), "too_many", format!("at most {INSTANCE_TYPES_MAX} instance types"));
    }
    if let Some(name) = &group.instance_type {
        check_instance_type(name, &format!("{at}/instanceType"), problems);
    }
    if group.ami_type.as_deref() == Some("CUSTOM") {
        let detail = "CUSTOM goes with a launch template that names the image, and a machine cannot have one yet";
        problems.add(format!("{at}/amiType"), "not_supported", detail);
    }
    if let Some(ami) = &group.ami_type
        && !AMI_TYPES.contains(&ami.as_str())
    {
        problems.add(format!("{at}/amiType"), "unknown_value", format!("`{ami}` is none of {}", AMI_TYPES.join(", ")));
    }
}

/// An EC2 instance type.
pub(super) fn check_instance_type(name: &str, at: &str, problems: &mut Problems) {
    let fits = name.split_once('.').is_some_and(|(family, size)| !family.is_empty() && !size.is_empty())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-');
    if !fits {
        problems.add(at, "invalid_value", format!("`{name}` is no EC2 instance type, such as t3.medium"));
    }
}

/// The id of a subnet.
pub(super) fn check_subnet(id: &str, at: &str, problems: &mut Problems) {
    let fits = id
        .strip_prefix("subnet-")
        .is_some_and(|rest| !rest.is_empty() && rest.len() <= 64 && rest.chars().all(|c| c.is_ascii_alphanumeric()));
    if !fits {
        problems.add(at, "invalid_value", format!("`{id}` is no subnet id, such as subnet-0a1b2c3d"));
    }
}

/// The ARN of an IAM role.
pub(super) fn check_role(role: &str, at: &str, problems: &mut Problems) {
    let is_arn = role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/");
    let is_plain = role.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_+=,.@-".contains(&b));
    if !(is_arn && is_plain) {
        let detail = format!("`{role}` is no ARN of an IAM role, such as arn:aws:iam::123456789012:role/nodes");
        problems.add(at, "invalid_value", detail);
    }
}

/// EKS: key and value 1–63 characters. The kubelet refuses labels of Kubernetes' own domains but
/// for a few, and such a node never joins.
fn check_labels(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    for (key, value) in &group.labels {
        let pointer = pointer_to(&format!("{at}/labels"), key);
        check_length(key, 1, 63, "a label's key", &pointer, problems);
        check_length(value, 1, 63, "a label's value (EKS takes no empty one)", &pointer, problems);
        if let Some((domain, _)) = key.split_once('/') {
            let reserved =
                ["kubernetes.io", "k8s.io"].iter().any(|d| domain == *d || domain.ends_with(&format!(".{d}")));
            let open = ["kubelet.kubernetes.io", "node.kubernetes.io"]
                .iter()
                .any(|d| domain == *d || domain.ends_with(&format!(".{d}")));
            if reserved && !open {
                problems.add(
                    pointer,
                    "reserved_label",
                    format!("the kubelet refuses labels of `{domain}`, and the node would never join; use a domain of your own"),
                );
            }
        }
    }
}

fn check_taints(taints: &[Taint], at: &str, problems: &mut Problems) {
    if taints.len() > TAINTS_MAX {
        problems.add(format!("{at}/taints"), "too_many", format!("at most {TAINTS_MAX} taints"));
    }
}

/// One taint; `at` is its own pointer.
pub(super) fn check_taint(key: &str, value: Option<&str>, at: &str, problems: &mut Problems) {
    check_length(key, 1, 63, "a taint's key", &format!("{at}/key"), problems);
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let fits = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if !key.is_empty() && !fits {
        let detail = "a taint's key has letters, digits, `-`, `.` and `_`, and begins with a letter or digit";
        problems.add(format!("{at}/key"), "invalid_value", detail);
    }
    if let Some(value) = value {
        check_length(value, 0, 63, "a taint's value", &format!("{at}/value"), problems);
    }
}

fn check_tags(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    if group.tags.len() > TAGS_MAX {
        problems.add(
            format!("{at}/tags"),
            "too_many",
            format!("at most {TAGS_MAX} tags: EKS takes 50, and captd sets 2 of its own"),
        );
    }
    for (key, value) in &group.tags {
        let pointer = pointer_to(&format!("{at}/tags"), key);
        check_length(key, 1, 128, "a tag's key", &pointer, problems);
        check_length(value, 0, 256, "a tag's value", &pointer, problems);
        if key.to_ascii_lowercase().starts_with("aws:") {
            problems.add(pointer, "reserved_tag", "tags that begin with `aws:` are AWS's own");
        } else if key.starts_with("captd:") {
            problems.add(
                pointer,
                "reserved_tag",
                "tags that begin with `captd:` say who owns a node group; captd sets them",
            );
        }
    }
}

fn check_length(text: &str, low: usize, high: usize, what: &str, at: &str, problems: &mut Problems) {
    let length = text.chars().count();
    if !(low..=high).contains(&length) {
        problems.add(at, "out_of_range", format!("{what} has {low}–{high} characters, not {length}"));
    }
}
