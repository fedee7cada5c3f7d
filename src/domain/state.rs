//! Terraform's state as captd keeps it: its history has one name (lineage) and one count (serial),
//! and never forks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::outputs::visible;

/// Bytes of a state that is taken.
pub const BYTES_MAX: usize = 128 << 20;

/// What a state says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name of its history; empty in an `errored.tfstate` of a first apply.
    pub lineage: String,
    /// Count of its changes.
    pub serial: u64,
}

/// The bytes are no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no Terraform state of version 4: {0}")]
pub struct NotAState(String);

impl Head {
    /// Reads the head of a state.
    ///
    /// # Errors
    /// When it is no state of format version 4.
    pub fn parse(state: &[u8]) -> Result<Self, NotAState> {
        let value: Value = serde_json::from_slice(state).map_err(|error| NotAState(error.to_string()))?;
        if value["version"] != 4 {
            return Err(NotAState(format!("its format version is {}", value["version"])));
        }
        let lineage = value["lineage"].as_str().ok_or_else(|| NotAState("it has no lineage".to_owned()))?;
        let serial = value["serial"].as_u64().ok_or_else(|| NotAState("it has no serial".to_owned()))?;
        if !value["resources"].is_array() {
            return Err(NotAState("it has no list of resources".to_owned()));
        }
        Ok(Self { lineage: lineage.to_owned(), serial })
    }
}

/// What a run must know of a state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Types of its resources and data sources.
    pub types: BTreeSet<String>,
    /// Whether it has any resource, or what is left over of one; data sources are none.
    pub has_resources: bool,
    /// Addresses of its resources, as [`addresses`] has them.
    pub addresses: BTreeSet<String>,
    /// Addresses of their providers, without the one that is part of Terraform.
    pub providers: BTreeSet<String>,
    /// Outputs, without the sensitive ones.
    pub outputs: Map<String, Value>,
    /// `check` blocks that did not hold when it was written, one text each.
    pub failed_checks: Vec<String>,
}

/// Terraform's own provider, which needs no installing.
const BUILT_IN: &str = "terraform.io/builtin/";

/// What is in a state; nothing, when it is none.
#[must_use]
pub fn contents(state: &[u8]) -> Contents {
    let value: Value = serde_json::from_slice(state).unwrap_or_default();
    let mut found =
        Contents { outputs: value["outputs"].as_object().map(visible).unwrap_or_default(), ..Contents::default() };
    found.addresses = addresses_in(&value);
    for resource in value["resources"].as_array().into_iter().flatten() {
        let instances = resource["instances"].as_array().is_some_and(|instances| !instances.is_empty());
        found.has_resources |= resource["mode"] == "managed" && instances;
        found.types.extend(resource["type"].as_str().map(str::to_owned));
        // `module.a.provider["registry.terraform.io/hashicorp/aws"].alias`
        let provider = resource["provider"].as_str().and_then(|text| text.split('"').nth(1));
        found.providers.extend(provider.filter(|address| !address.starts_with(BUILT_IN)).map(str::to_owned));
    }
    for check in value["check_results"].as_array().into_iter().flatten() {
        let objects = check["objects"].as_array().into_iter().flatten();
        let said = objects.flat_map(|object| object["failure_messages"].as_array().into_iter().flatten());
        let messages: Vec<String> = said.filter_map(|text| Some(text.as_str()?.trim().to_owned())).collect();
        let (address, status) = (check["config_addr"].as_str(), check["status"].as_str());
        found
            .failed_checks
            .extend(address.zip(status).and_then(|(address, status)| failed_check(address, status, &messages)));
    }
    found
}

/// `check.name: what it says`; none for a check that holds, or that nothing is known of yet.
#[must_use]
pub fn failed_check(address: &str, status: &str, messages: &[String]) -> Option<String> {
    match (status, messages) {
        ("fail" | "error", []) => Some(format!("{address}: it cannot be evaluated")),
        ("fail" | "error", messages) => Some(format!("{address}: {}", messages.join("; "))),
        _ => None,
    }
}

/// Addresses of the resources in a state, without data sources and without what is only left over of a replacement.
#[must_use]
pub fn addresses(state: &[u8]) -> BTreeSet<String> {
    addresses_in(&serde_json::from_slice(state).unwrap_or_default())
}

fn addresses_in(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in value["resources"].as_array().into_iter().flatten().filter(|it| it["mode"] == "managed") {
        let text = |name: &str| resource[name].as_str().unwrap_or_default();
        let module = resource["module"].as_str().map(|module| format!("{module}.")).unwrap_or_default();
        let address = format!("{module}{}.{}", text("type"), text("name"));
        for instance in resource["instances"].as_array().into_iter().flatten() {
            if instance["deposed"].is_string() {
                continue;
            }
            found.insert(match &instance["index_key"] {
                Value::Null => address.clone(),
                key => format!("{address}[{key}]"),
            });
        }
    }
    found
}

/// Hex SHA-256 of a state as it came.
#[must_use]
pub fn digest(state: &[u8]) -> String {
    Sha256::digest(state).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same state with another place in another history: how an old version is copied forward, and
/// how a state without a history gets one.
///
/// # Errors
/// When it is no state.
pub fn placed(state: &[u8], head: &Head) -> Result<Vec<u8>, NotAState> {
    Head::parse(state)?;
    let mut value: Value = serde_json::from_slice(state).map_err(|error| NotAState(error.to_string()))?;
    value["lineage"] = Value::from(head.lineage.clone());
    value["serial"] = Value::from(head.serial);
    serde_json::to_vec_pretty(&value).map_err(|error| NotAState(error.to_string()))
}

/// A state that is kept, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Counts what was kept, from 1.
    pub version: u64,
    /// Name of its history.
    pub lineage: String,
    /// Terraform's count.
    pub serial: u64,
    /// Hex SHA-256 of the state.
    pub digest: String,
    /// Length of the state.
    pub bytes: u64,
    /// `run/<id>`, or who pushed it.
    pub author: String,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// What becomes of a state that is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Keep,
    /// It is there already, byte for byte: the answer to it was lost, and it came again.
    Same,
}

/// Why a state is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to another history.
    #[error(
        "its lineage is {given}, and the state that is kept has {kept}: it belongs to another workspace, or to another beginning of this one"
    )]
    Lineage {
        /// What was handed in.
        given: String,
        /// What is kept.
        kept: String,
    },
    /// It is older than what is kept.
    #[error("its serial is {given}, and the state that is kept has {kept}: it is older")]
    Older {
        /// What was handed in.
        given: u64,
        /// What is kept.
        kept: u64,
    },
    /// Two changes claim the same place.
    #[error(
        "its serial is {0} like that of the state that is kept, and its content is another one: the history would fork"
    )]
    Fork(u64),
    /// It has no history.
    #[error("its lineage is empty")]
    NoLineage,
}

/// Judges a state that is handed in against the one that is kept.
///
/// # Errors
/// Why it is not taken.
pub fn judge(kept: Option<&Version>, given: &Head, digest: &str) -> Result<Verdict, Refusal> {
    if given.lineage.is_empty() {
        return Err(Refusal::NoLineage);
    }
    let Some(kept) = kept else { return Ok(Verdict::Keep) };
    if kept.lineage != given.lineage {
        return Err(Refusal::Lineage { given: given.lineage.clone(), kept: kept.lineage.clone() });
    }
    match given.serial.cmp(&kept.serial) {
        std::cmp::Ordering::Greater => Ok(Verdict::Keep),
        std::cmp::Ordering::Less => Err(Refusal::Older { given: given.serial, kept: kept.serial }),
        std::cmp::Ordering::Equal if kept.digest == digest => Ok(Verdict::Same),
        std::cmp::Ordering::Equal => Err(Refusal::Fork(given.serial)),
    }
}

/// A lock on a workspace's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Terraform's id of it.
    pub id: String,
    /// What Terraform said when it took it.
    pub info: Value,
    /// Who has it.
    pub holder: Holder,
    /// Since when.
    pub locked_at: Timestamp,
    /// Whether Terraform let go of it. A run's lock stays until the run's end was looked at.
    pub released: bool,
}

/// Who speaks to the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A run of captd's.
    Run(Uuid),
    /// Somebody with the admin's token.
    Person(String),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(id) => write!(f, "run/{id}"),
            Self::Person(name) => f.write_str(name),
        }
    }
}

impl Holder {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let run = text.strip_prefix("run/").and_then(|id| id.parse().ok());
        run.map_or_else(|| Self::Person(text.to_owned()), Self::Run)
    }
}

impl Lock {
    /// Who of the people holds it, for one who waits until it is let go.
    #[must_use]
    pub fn by_hand(&self) -> Option<String> {
        self.held_by_hand("it goes on by itself when that is let go, and")
    }

    /// Who of the people holds it, what follows from that (`so`), and how it ends, in a sentence; none for a run's own, and
    /// for one that was let go.
    #[must_use]
    pub fn held_by_hand(&self, so: &str) -> Option<String> {
        let Holder::Person(holder) = &self.holder else { return None };
        let with = self.info["Who"].as_str().map(|who| format!(" ({who})")).unwrap_or_default();
        (!self.released).then(|| {
            format!(
                "{holder}{with} holds the lock on its state since {}; {so} `captd state unlock` ends it, which is safe once that process is gone",
                self.locked_at
            )
        })
    }

    /// Whether `asker` may take the lock over: it was let go and nobody else's end is to be looked
    /// at, or it is the asker's own. A run has one terraform at a time, so what it finds locked by
    /// itself was left by one that is gone.
    #[must_use]
    pub fn yields_to(&self, asker: &Holder) -> bool {
        match (&self.holder, asker) {
            (Holder::Run(held), Holder::Run(asking)) => held == asking,
            (Holder::Person(_), _) => self.released,
            (Holder::Run(_), Holder::Person(_)) => false,
        }
    }
}

/// Why a workspace's state is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The run that left a state which could not be taken in.
    pub run: Uuid,
    /// When that was found.
    pub since: Timestamp,
    /// Why it could not be taken in.
    pub reason: String,
    /// Where it lies.
    pub file: String,
}
