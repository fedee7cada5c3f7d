//! Node groups that were found in the cloud: whose they are, and the declaration that takes one over as it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::adoption::{INSTALLATION_TAG, tag_of};
use super::document::API_VERSION;
use super::machine::DEFAULT_TEMPLATE;
use super::resource::ResourceKind;

/// Characters of a machine's name.
const NAME_MAX: usize = 63;
/// Bytes of a digest that tell two names apart.
const DIGEST_BYTES: usize = 4;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovered {
    /// `cluster:name`.
    pub id: String,
    /// Its name in EKS.
    pub name: String,
    /// What EKS says of it: `ACTIVE` …
    pub status: String,
    /// Whose it is, as its tags say: `machine default/workers/<uid>`; none for nobody's.
    pub owner: Option<String>,
    /// The installation that its tags name.
    pub installation: Option<String>,
    /// The machine of this captd that declares it already: `default/workers`.
    pub machine: Option<String>,
    /// The declaration that takes it over.
    pub declaration: Value,
}

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// EKS cluster.
    pub cluster: String,
    /// AWS region.
    pub region: String,
    /// Provider configuration.
    pub provider: String,
}

impl Discovered {
    /// Reads one from the attributes of an `aws_eks_node_group`.
    #[must_use]
    pub fn read(attributes: &Value, place: &Place) -> Self {
        let text = |name: &str| attributes[name].as_str().unwrap_or_default().to_owned();
        let tag = |name: &str| attributes["tags"][name].as_str().map(str::to_owned);
        let owner =
            ResourceKind::ALL.into_iter().find_map(|kind| Some(format!("{} {}", kind.noun(), tag(&tag_of(kind))?)));
        Self {
            id: format!("{}:{}", place.cluster, text("node_group_name")),
            name: text("node_group_name"),
            status: text("status"),
            owner,
            installation: tag(INSTALLATION_TAG),
            machine: None,
            declaration: declaration(attributes, place),
        }
    }
}

/// What is not said is left out: EKS then keeps what it has. So are versions, which others may raise.
fn declaration(attributes: &Value, place: &Place) -> Value {
    let name = attributes["node_group_name"].as_str().unwrap_or_default();
    let spec = json!({
        "workspaceTemplateRef": {"name": DEFAULT_TEMPLATE},
        "providerConfigRef": {"name": place.provider},
        "region": place.region,
        "clusterName": place.cluster,
        "nodeGroupConfig": group(attributes, name),
        "import": {},
    });
    json!({"apiVersion": API_VERSION, "kind": ResourceKind::Machine.title(), "metadata": {"name": machine_name(name)}, "spec": spec})
}

fn group(from: &Value, name: &str) -> Value {
    let of = |block: &str, names: &[(&str, &str)]| renamed(&from[block][0], names);
    let limits = [("max_unavailable", "maxUnavailable"), ("max_unavailable_percentage", "maxUnavailablePercentage")];
    let has_launch_template = from["launch_template"][0].is_object();
    // A launch template says itself which disk and which image of its own it takes.
    let disk_size = if has_launch_template { Value::Null } else { from["disk_size"].clone() };
    let ami_type = if from["ami_type"] == "CUSTOM" { Value::Null } else { from["ami_type"].clone() };
    let fields = [
        ("name", json!(name)),
        ("instanceTypes", from["instance_types"].clone()),
        (
            "scaling",
            of("scaling_config", &[("min_size", "minSize"), ("max_size", "maxSize"), ("desired_size", "desiredSize")]),
        ),
        ("subnetIds", sorted(&from["subnet_ids"])),
        ("nodeRoleArn", from["node_role_arn"].clone()),
        ("amiType", ami_type),
        ("capacityType", from["capacity_type"].clone()),
        ("diskSize", not_zero(disk_size)),
        ("labels", from["labels"].clone()),
        ("taints", taints(&from["taint"])),
        ("tags", Value::Object(tags(&from["tags"]))),
        ("updateConfig", not_zero(of("update_config", &limits))),
        ("launchTemplate", of("launch_template", &[("id", "id"), ("version", "version")])),
        ("remoteAccess", remote_access(&from["remote_access"][0])),
        ("nodeRepairConfig", of("node_repair_config", &[("enabled", "enabled")])),
    ];
    let said = fields.into_iter().filter(|(_, value)| says_something(value));
    Value::Object(said.map(|(field, value)| (field.to_owned(), value)).collect())
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The fields of a block that say something, under other names.
fn renamed(block: &Value, names: &[(&str, &str)]) -> Value {
    let said = names.iter().filter_map(|(old, new)| {
        let value = block.get(*old).filter(|value| says_something(value))?;
        Some(((*new).to_owned(), value.clone()))
    });
    Value::Object(said.collect())
}

/// Where the provider says zero, nothing was said.
fn not_zero(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| *value != 0).collect()),
        value if value == 0 => Value::Null,
        value => value,
    }
}

fn sorted(list: &Value) -> Value {
    let mut items: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    items.sort_unstable();
    json!(items)
}

fn taints(list: &Value) -> Value {
    let taint = |taint: &Value| renamed(taint, &[("key", "key"), ("value", "value"), ("effect", "effect")]);
    Value::Array(list.as_array().into_iter().flatten().map(taint).collect())
}

/// Without captd's own, and those that AWS keeps for itself.
fn tags(tags: &Value) -> Map<String, Value> {
    let all = tags.as_object().into_iter().flatten();
    let is_own = |name: &str| name.starts_with("captd:") || name.starts_with("aws:") || name.starts_with("eks:");
    all.filter(|(name, _)| !is_own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn remote_access(from: &Value) -> Value {
    let Some(key) = from["ec2_ssh_key"].as_str().filter(|key| !key.is_empty()) else { return Value::Null };
    let groups = sorted(&from["source_security_group_ids"]);
    if groups == json!([]) {
        // That is so in the cloud, and is taken over as it is.
        return json!({"ec2SshKey": key, "openToWorld": true});
    }
    json!({"ec2SshKey": key, "sourceSecurityGroups": groups})
}

/// Gives each of `found` that no machine declares yet a name of its own. `taken` are names of machines that exist. Those
/// that would be called alike, or as one that exists, get the beginning of a digest of their id, whatever their order;
/// one that is called so in EKS keeps it.
pub fn name_apart(found: &mut [Discovered], taken: &BTreeSet<String>) {
    let names: Vec<String> = found.iter().map(|it| machine_name(&it.name)).collect();
    for (index, one) in found.iter_mut().enumerate().filter(|(_, one)| one.machine.is_none()) {
        let name = &names[index];
        let is_alone = names.iter().filter(|other| *other == name).count() == 1;
        if taken.contains(name) || !(is_alone || one.name == *name) {
            one.declaration["metadata"]["name"] = json!(with_digest(name, &one.id));
        }
    }
}

fn with_digest(name: &str, id: &str) -> String {
    let digest: String = Sha256::digest(id).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let room: String = name.chars().take(NAME_MAX - 1 - digest.len()).collect();
    format!("{}-{digest}", room.trim_end_matches('-'))
}

/// A name of captd's from one of EKS's, which may have capitals and underscores.
#[must_use]
pub fn machine_name(name: &str) -> String {
    let plain: String =
        name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain.trim_matches('-').to_owned()
}
