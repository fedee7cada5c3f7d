//! What a node group may be: the limits of EKS and of its Terraform provider, checked before
//! anything runs, each with its source.

use super::machine::{CapacityType, MachineSpec, NodeGroupConfig, ScalingOwner, Taint};
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
    check_node_group(&group.name, &format!("{at}/name"), problems);
    check_instances(group, &at, problems);
    check_launch(group, &at, problems);
    check_remote_access(group, &at, problems);
    if let Some(role) = &group.node_role_arn {
        check_role(role, &format!("{at}/nodeRoleArn"), problems);
    }
    check_taints(&group.taints, &at, problems);
    check_tags(group, &at, problems);
}

/// The name of a node group.
pub fn check_node_group(name: &str, at: &str, problems: &mut Problems) {
    check_word(name, 63, at, "a node group's name", problems);
}

/// The name of an EKS cluster.
pub fn check_cluster(name: &str, at: &str, problems: &mut Problems) {
    check_word(name, 100, at, "an EKS cluster's name", problems);
}

/// An AWS region.
pub fn check_region(region: &str, at: &str, problems: &mut Problems) {
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

/// Numbers of nodes as far as they could be read; `at` is the pointer of `scaling`. EKS rejects `min > desired` and
/// `desired > max`; neither the provider nor the module does.
pub(super) fn check_scaling(
    (min, max, desired): (Option<u32>, Option<u32>, Option<u32>),
    owner: ScalingOwner,
    at: &str,
    problems: &mut Problems,
) {
    let mut add = |field: &str, detail: String| problems.add(format!("{at}/{field}"), "out_of_range", detail);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        add("minSize", format!("minSize {min} is greater than maxSize {max}; lower it or raise maxSize"));
    }
    // Afterwards the bounds may move past where an autoscaler's group began.
    let Some(desired) = desired.filter(|_| owner == ScalingOwner::Captd) else { return };
    if let Some(max) = max.filter(|max| desired > *max) {
        add("desiredSize", format!("desiredSize {desired} is greater than maxSize {max}; lower it or raise maxSize"));
    } else if let Some(min) = min.filter(|min| desired < *min) {
        add("desiredSize", format!("desiredSize {desired} is less than minSize {min}; raise it or lower minSize"));
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
}

/// Checks the AMI type, pointers below `at` (`/spec`); `more` are those that the configuration adds to the known ones.
pub fn check_ami_type(group: &NodeGroupConfig, more: &[String], at: &str, problems: &mut Problems) {
    let Some(ami) = &group.ami_type else { return };
    if !AMI_TYPES.contains(&ami.as_str()) && !more.contains(ami) {
        let known: Vec<&str> = AMI_TYPES.into_iter().chain(more.iter().map(String::as_str)).collect();
        let detail = format!(
            "`{ami}` is none of {}; one that EKS has learned since is named in node_groups.ami_types of the configuration",
            known.join(", ")
        );
        problems.add(format!("{at}/nodeGroupConfig/amiType"), "unknown_value", detail);
    }
}

/// What EKS takes from the launch template cannot be said beside it (EKS `CreateNodegroup`).
fn check_launch(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    let is_custom = group.ami_type.as_deref() == Some("CUSTOM");
    if group.launch_template.is_some() {
        for (field, is_set) in
            [("diskSize", group.disk_size.is_some()), ("remoteAccess", group.remote_access.is_some())]
        {
            if is_set {
                let detail = format!("{field} cannot stand beside launchTemplate; say it in the launch template");
                problems.add(format!("{at}/{field}"), "excluded", detail);
            }
        }
    } else if is_custom {
        let detail = "CUSTOM goes with a launch template that names the image; give launchTemplate";
        problems.add(format!("{at}/amiType"), "needs_launch_template", detail);
    } else if group.capacity_type == Some(CapacityType::CapacityBlock) {
        let detail = "CAPACITY_BLOCK goes with a launch template that names the reservation; give launchTemplate";
        problems.add(format!("{at}/capacityType"), "needs_launch_template", detail);
    }
    let versions = [("version", group.version.is_some()), ("releaseVersion", group.release_version.is_some())];
    for (field, _) in versions.into_iter().filter(|(_, is_set)| *is_set && is_custom) {
        let detail = format!("{field} cannot stand beside amiType CUSTOM: the image of the launch template says it");
        problems.add(format!("{at}/{field}"), "excluded", detail);
    }
}

/// Without source security groups EKS opens the port to 0.0.0.0/0.
fn check_remote_access(group: &NodeGroupConfig, at: &str, problems: &mut Problems) {
    let Some(access) = &group.remote_access else { return };
    match (access.source_security_groups.is_empty(), access.open_to_world) {
        (true, false) => problems.add(
            format!("{at}/remoteAccess"),
            "open_to_world",
            "with no sourceSecurityGroups EKS opens SSH (RDP on Windows) to the whole internet; name some, or say openToWorld: true",
        ),
        (false, true) => problems.add(
            format!("{at}/remoteAccess/openToWorld"),
            "excluded",
            "openToWorld cannot stand beside sourceSecurityGroups, which say from where the port can be reached",
        ),
        _ => {}
    }
}

/// A Kubernetes version; EKS says it without the patch.
pub(super) fn check_version(version: &str, at: &str, problems: &mut Problems) {
    let fits = version.strip_prefix("1.").is_some_and(|minor| {
        (1..=3).contains(&minor.len()) && !minor.starts_with('0') && minor.bytes().all(|b| b.is_ascii_digit())
    });
    if !fits {
        problems.add(at, "invalid_value", format!("`{version}` is no Kubernetes version of EKS, such as 1.33"));
    }
}

/// A release of an EKS AMI: `1.33.0-20250610`, `1.40.0-f8a4e3d1` (Bottlerocket).
pub(super) fn check_release(release: &str, at: &str, problems: &mut Problems) {
    let fits = (2..=255).contains(&release.len())
        && release.starts_with(|c: char| c.is_ascii_digit())
        && release.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if !fits {
        problems.add(at, "invalid_value", format!("`{release}` is no release of an EKS AMI, such as 1.33.0-20250610"));
    }
}

/// The id of a launch template.
pub(super) fn check_launch_template_id(id: &str, at: &str, problems: &mut Problems) {
    check_id(id, "lt-", "a launch template", at, problems);
}

/// The id of a security group.
pub(super) fn check_security_group(id: &str, at: &str, problems: &mut Problems) {
    check_id(id, "sg-", "a security group", at, problems);
}

/// The name of a launch template (EC2 `CreateLaunchTemplate`).
pub(super) fn check_launch_template_name(name: &str, at: &str, problems: &mut Problems) {
    let fits =
        (3..=128).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "()./_-".contains(c));
    if !fits {
        let detail = "a launch template's name has 3–128 letters, digits and `().-/_`";
        problems.add(at, "invalid_name", detail);
    }
}

/// `$Latest` and `$Default` mean another version tomorrow: every plan would have changes.
pub(super) fn check_launch_template_version(version: &str, at: &str, problems: &mut Problems) {
    let fits =
        (1..=18).contains(&version.len()) && !version.starts_with('0') && version.bytes().all(|b| b.is_ascii_digit());
    if !fits {
        let detail = format!(
            "`{version}` is no number of a version; $Latest and $Default are none either: what they mean changes without a declaration"
        );
        problems.add(at, "invalid_value", detail);
    }
}

/// A duration as Go writes it, in hours, minutes and seconds.
pub(super) fn check_duration(text: &str, at: &str, problems: &mut Problems) {
    let mut rest = text;
    let mut parts = 0;
    while let Some(unit) = rest.find(['h', 'm', 's']) {
        let digits = &rest[..unit];
        if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        rest = &rest[unit + 1..];
        parts += 1;
    }
    if parts == 0 || !rest.is_empty() {
        problems.add(at, "invalid_value", format!("`{text}` is no duration, such as 90m or 1h30m"));
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
    check_id(id, "subnet-", "a subnet", at, problems);
}

fn check_id(id: &str, prefix: &str, what: &str, at: &str, problems: &mut Problems) {
    let fits = id
        .strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.len() <= 64 && rest.chars().all(|c| c.is_ascii_alphanumeric()));
    if !fits {
        problems.add(at, "invalid_value", format!("`{id}` is no id of {what}, such as {prefix}0a1b2c3d"));
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

fn check_taints(taints: &[Taint], at: &str, problems: &mut Problems) {
    if taints.len() > TAINTS_MAX {
        problems.add(format!("{at}/taints"), "too_many", format!("at most {TAINTS_MAX} taints"));
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
