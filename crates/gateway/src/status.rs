//! What the gateway says of itself. No secret is in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the gateway is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of its captd.
    pub captd: String,
    /// Its process id.
    pub pid: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// The processes that it lends.
    pub processes: Vec<ProcessStatus>,
    /// What it has done since it began.
    pub counts: Counts,
    /// Processes that were retired, the last ones first.
    pub retirements: Vec<Retirement>,
}

/// A provider process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Its name.
    pub id: String,
    /// Its process id.
    pub pid: u32,
    /// `registry.terraform.io/hashicorp/aws 5.100.0`
    pub provider: String,
    /// The provider configurations that it was configured for; none while it is not configured.
    pub configurations: BTreeSet<String>,
    /// Namespaces that it has served.
    pub namespaces: BTreeSet<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last in use.
    pub last_used_at: Timestamp,
    /// How often it was lent.
    pub uses: u64,
    /// Whether a run has it now.
    pub in_use: bool,
    /// Resident bytes.
    pub resident_bytes: u64,
    /// Why it is lent to nobody any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<String>,
    /// Since when it does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs_since: Option<Timestamp>,
    /// The end of what it wrote to its standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<String>,
}

/// What it has done since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Processes that were lent, each time that they were.
    pub lent: u64,
    /// Processes that were started to serve.
    pub started: u64,
    /// Processes that were started for one question and thrown away.
    pub thrown_away: u64,
    /// Calls that configured a process.
    pub configured: u64,
    /// Calls that were answered by what an equal one had been answered.
    pub configure_hits: u64,
    /// Checks of provider blocks that were answered from the cache.
    pub check_hits: u64,
    /// And those that were not.
    pub check_misses: u64,
    /// Schemas that were answered from the cache.
    pub schema_hits: u64,
    /// And those that were not.
    pub schema_misses: u64,
    /// Bytes of schemas before they were cut.
    pub schema_bytes_before: u64,
    /// And afterwards.
    pub schema_bytes_after: u64,
    /// Commands that were given whole schemas, since a plan of their run had failed without.
    pub whole_schemas: u64,
    /// Requests that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Reasons of refusals that are told apart, and the characters of each.
const REASONS_MAX: usize = 32;
const REASON_CHARS_MAX: usize = 300;
/// What all further reasons are counted as.
const OTHER_REASONS: &str = "other reasons";

impl Counts {
    /// Counts a refusal.
    pub(crate) fn refuse(&mut self, why: &str) {
        let why: String = why.chars().take(REASON_CHARS_MAX).collect();
        let is_known = self.refused.contains_key(&why) || self.refused.len() < REASONS_MAX;
        *self.refused.entry(if is_known { why } else { OTHER_REASONS.to_owned() }).or_default() += 1;
    }
}

/// A process that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retirement {
    /// Its name.
    pub id: String,
    /// `registry.terraform.io/hashicorp/aws 5.100.0`
    pub provider: String,
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}
