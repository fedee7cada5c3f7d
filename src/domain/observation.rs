//! An observation: what Terraform reported of a workspace, when, and for which generation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::resource::ResourceKind;

/// Looks in a row that may fail before it is no longer known whether the node group serves.
pub const MISSES_MAX: u32 = 3;

/// What was last seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// When the cloud was looked at.
    pub at: Timestamp,
    /// The run that looked.
    pub run: Uuid,
    /// Generation of the spec that is in force in the cloud.
    pub generation: u64,
    /// Outputs as the state has them, without the sensitive ones: what others take, and what `captd output` gives.
    pub outputs: Map<String, Value>,
    /// Of those that are there to be watched: what the last look found, where it was one that changes no state.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub watched: Map<String, Value>,
    /// What somebody changed outside captd, one text a resource or output.
    pub drift: Vec<String>,
    /// When that was first seen; none while there is no drift.
    pub drift_since: Option<Timestamp>,
    /// What its output `status` stands for.
    #[serde(default)]
    pub status: StatusOutput,
    /// `check` blocks that do not hold, one text each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_checks: Vec<String>,
    /// Since when there are such; none while all hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_failed_since: Option<Timestamp>,
    /// When the node group last began or ceased to serve.
    pub serves_since: Timestamp,
    /// When the number of nodes last changed.
    pub scaled_at: Option<Timestamp>,
    /// When something was last applied.
    pub applied_at: Option<Timestamp>,
    /// Looks in a row that failed since.
    pub misses: u32,
    /// When the last of the looks failed that may fail ([`MISSES_MAX`]).
    pub unknown_since: Option<Timestamp>,
}

/// What an output `status` stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatusOutput {
    /// The status of a node group, whatever it says.
    #[default]
    OfNodeGroup,
    /// The status of what was made, where it is one of `OF_EKS`.
    OfEks,
    /// Whatever the template's author likes.
    Free,
}

/// The statuses of what EKS makes.
const OF_EKS: [&str; 10] = [
    "ACTIVE",
    "CREATE_FAILED",
    "CREATING",
    "DEGRADED",
    "DELETE_FAILED",
    "DELETING",
    "FAILED",
    "PENDING",
    "UPDATING",
    "UPDATE_FAILED",
];

/// What one run saw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Outputs of the state, without the sensitive ones.
    pub outputs: Map<String, Value>,
    /// Those that are watched as they are now, where that is not in the state.
    pub watched: Map<String, Value>,
    /// What differs from Terraform's state, by address.
    pub drift: Vec<String>,
    /// `check` blocks that do not hold.
    pub failed_checks: Vec<String>,
    /// Whether the run brought its generation into force (an apply, or a plan without changes).
    pub in_force: bool,
    /// Whether it changed something.
    pub applied: bool,
    /// What its output `status` stands for.
    pub status: StatusOutput,
}

/// Outputs that are there to be watched, since they change by themselves: that they do is neither drift nor a reason to
/// apply, and the newest look counts.
#[must_use]
pub fn watched_outputs(kind: ResourceKind) -> &'static [&'static str] {
    match kind {
        ResourceKind::Machine => &["status", "current_size", "desired_size"],
        ResourceKind::Workspace => &["status"],
    }
}

impl Observation {
    /// The status of what was made as the cloud says it (`ACTIVE`, `DEGRADED` …), from the output
    /// `status`; `None` for a template that has no such output.
    #[must_use]
    pub fn reported_status(&self) -> Option<&str> {
        let status = self.newest("status").and_then(Value::as_str)?;
        match self.status {
            StatusOutput::OfNodeGroup => Some(status),
            StatusOutput::OfEks => OF_EKS.contains(&status).then_some(status),
            StatusOutput::Free => None,
        }
    }

    /// An output as it was last seen.
    fn newest(&self, output: &str) -> Option<&Value> {
        self.watched.get(output).or_else(|| self.outputs.get(output))
    }

    /// Whether the cloud is still at work on it.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        matches!(self.reported_status(), Some("CREATING" | "UPDATING" | "DELETING"))
    }

    /// Whether the node group serves, as far as was seen: while it is ACTIVE, and while it is updated.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self.reported_status(), None | Some("ACTIVE" | "UPDATING"))
    }

    /// Nodes, from the output `current_size`.
    #[must_use]
    pub fn current_size(&self) -> Option<u64> {
        self.newest("current_size").and_then(Value::as_u64)
    }

    /// Takes in what a run saw at `at`, for `generation`.
    #[must_use]
    pub fn after(before: Option<Self>, seen: Seen, run: Uuid, generation: u64, at: Timestamp) -> Self {
        let earlier = |since: fn(&Self) -> Option<Timestamp>| before.as_ref().and_then(since);
        let drift_since = (!seen.drift.is_empty()).then(|| earlier(|b| b.drift_since).unwrap_or(at));
        let checks_failed_since =
            (!seen.failed_checks.is_empty()).then(|| earlier(|b| b.checks_failed_since).unwrap_or(at));
        let mut now = Self {
            at,
            run,
            generation: if seen.in_force { generation } else { before.as_ref().map_or(0, |b| b.generation) },
            outputs: seen.outputs,
            watched: seen.watched,
            drift_since,
            drift: seen.drift,
            status: seen.status,
            failed_checks: seen.failed_checks,
            checks_failed_since,
            serves_since: at,
            scaled_at: earlier(|b| b.scaled_at),
            applied_at: if seen.applied { Some(at) } else { earlier(|b| b.applied_at) },
            misses: 0,
            unknown_since: None,
        };
        if let Some(before) = before {
            if before.serves() == now.serves() {
                now.serves_since = before.serves_since;
            }
            if before.current_size() != now.current_size() {
                now.scaled_at = Some(at);
            }
        }
        now
    }

    /// Takes in that a look failed at `at`.
    #[must_use]
    pub fn missed(self, at: Timestamp) -> Self {
        let misses = self.misses.saturating_add(1);
        let unknown_since = self.unknown_since.or((misses >= MISSES_MAX).then_some(at));
        Self { misses, unknown_since, ..self }
    }
}
