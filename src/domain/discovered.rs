//! Node groups that were found in the cloud: whose they are, and the declaration that takes one over as it is.

use serde_json::{Map, Value, json};

use super::adoption::{INSTALLATION_TAG, tag_of};
use super::resource::ResourceKind;

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
            declaration: declaration(attributes, place),
        }
    }

    /// Whether captd, here or elsewhere, has it already.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.owner.is_some() || self.installation.is_some()
    }
}

/// What is not said is left out: EKS then keeps what it has. So are versions, which others may raise.
fn declaration(attributes: &Value, place: &Place) -> Value {
    let name = attributes["node_group_name"].as_str().unwrap_or_default();
    let spec = json!({
        "workspaceTemplateRef": {"name": super::machine::DEFAULT_TEMPLATE},
        "providerConfigRef": {"name": place.provider},
        "region": place.region,
        "clusterName": place.cluster,
        "nodeGroupConfig": group(attributes, name),
        "import": {},
    });
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": machine_name(name)}, "spec": spec})
}

fn group(from: &Value, name: &str) -> Value {
    let mut group = Map::new();
    let mut set = |field: &str, value: Value| {
        let is_empty = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if !is_empty {
            group.insert(field.to_owned(), value);
        }
    };
    let first = |name: &str| &from[name][0];
    let launch_template = first("launch_template");
    set("name", json!(name));
    set("instanceTypes", from["instance_types"].clone());
    let scaling = first("scaling_config");
    set(
        "scaling",
        renamed(scaling, &[("min_size", "minSize"), ("max_size", "maxSize"), ("desired_size", "desiredSize")]),
    );
    set("subnetIds", sorted(&from["subnet_ids"]));
    set("nodeRoleArn", from["node_role_arn"].clone());
    // A launch template with an image of its own says what it is.
    set("amiType", Some(&from["ami_type"]).filter(|it| **it != "CUSTOM").cloned().unwrap_or_default());
    set("capacityType", from["capacity_type"].clone());
    set(
        "diskSize",
        Some(&from["disk_size"]).filter(|it| **it != 0 && launch_template.is_null()).cloned().unwrap_or_default(),
    );
    set("labels", from["labels"].clone());
    set("taints", taints(&from["taint"]));
    set("tags", Value::Object(tags(&from["tags"])));
    let limits = [("max_unavailable", "maxUnavailable"), ("max_unavailable_percentage", "maxUnavailablePercentage")];
    set("updateConfig", renamed(first("update_config"), &limits));
    set("launchTemplate", renamed(launch_template, &[("id", "id"), ("version", "version")]));
    set("remoteAccess", remote_access(first("remote_access")));
    set("nodeRepairConfig", renamed(first("node_repair_config"), &[("enabled", "enabled")]));
    Value::Object(group)
}

/// Some fields of an object under other names; what is null, zero or empty in it is not said.
fn renamed(from: &Value, names: &[(&str, &str)]) -> Value {
    let is_said = |value: &&Value| !value.is_null() && *value != "";
    let fields =
        names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), from.get(*old).filter(is_said)?.clone())));
    let is_limit = names.iter().any(|(old, _)| old.starts_with("max_unavailable"));
    Value::Object(fields.filter(|(_, value)| !is_limit || *value != 0).collect())
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

/// A name of captd's from one of EKS's, which may have capitals and underscores.
#[must_use]
pub fn machine_name(name: &str) -> String {
    let plain: String =
        name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain.trim_matches('-').to_owned()
}
