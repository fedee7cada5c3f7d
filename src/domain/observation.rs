//! An observation: what Terraform reported of a workspace, when, and for which generation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

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
    /// Outputs, without the sensitive ones.
    pub outputs: Map<String, Value>,
    /// What somebody changed outside captd, one text a resource.
    pub drift: Vec<String>,
    /// When that was first seen; none while there is no drift.
    pub drift_since: Option<Timestamp>,
    /// What its output `status` stands for.
    #[serde(default)]
    pub status: StatusOutput,
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
    /// The status of what was made, where it is one of [`OF_EKS`].
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
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Outputs, without the sensitive ones.
    pub outputs: Map<String, Value>,
    /// What differs from Terraform's state, by address.
    pub drift: Vec<String>,
    /// Whether the run brought its generation into force (an apply, or a plan without changes).
    pub in_force: bool,
    /// Whether it changed something.
    pub applied: bool,
    /// What its output `status` stands for.
    pub status: StatusOutput,
}

impl Observation {
    /// The status of what was made as the cloud says it (`ACTIVE`, `DEGRADED` …), from the output
    /// `status`; `None` for a template that has no such output.
    #[must_use]
    pub fn reported_status(&self) -> Option<&str> {
        status_in(&self.outputs, self.status)
    }

    /// Whether the cloud is still at work on it.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        matches!(self.reported_status(), Some("CREATING" | "UPDATING" | "DELETING"))
    }

    /// Whether the node group serves, as far as was seen.
    #[must_use]
    pub fn serves(&self) -> bool {
        serves(self.reported_status())
    }

    /// Nodes, from the output `current_size`.
    #[must_use]
    pub fn current_size(&self) -> Option<u64> {
        size_in(&self.outputs)
    }

    /// Takes in what a run saw at `at`, for `generation`.
    #[must_use]
    pub fn after(before: Option<Self>, seen: Seen, run: Uuid, generation: u64, at: Timestamp) -> Self {
        let serves = serves(status_in(&seen.outputs, seen.status));
        let rescaled = before.as_ref().is_some_and(|b| size_in(&b.outputs) != size_in(&seen.outputs));
        let scaled_at = before.as_ref().and_then(|b| b.scaled_at);
        let applied_at = before.as_ref().and_then(|b| b.applied_at);
        let drift_since = before.as_ref().and_then(|b| b.drift_since).unwrap_or(at);
        Self {
            at,
            run,
            generation: if seen.in_force { generation } else { before.as_ref().map_or(0, |b| b.generation) },
            outputs: seen.outputs,
            drift_since: (!seen.drift.is_empty()).then_some(drift_since),
            drift: seen.drift,
            status: seen.status,
            serves_since: before.filter(|b| b.serves() == serves).map_or(at, |b| b.serves_since),
            scaled_at: if rescaled { Some(at) } else { scaled_at },
            applied_at: if seen.applied { Some(at) } else { applied_at },
            misses: 0,
            unknown_since: None,
        }
    }

    /// Takes in that a look failed at `at`.
    #[must_use]
    pub fn missed(self, at: Timestamp) -> Self {
        let misses = self.misses.saturating_add(1);
        let unknown_since = self.unknown_since.or((misses >= MISSES_MAX).then_some(at));
        Self { misses, unknown_since, ..self }
    }
}

/// A node group serves while it is ACTIVE and while it is updated.
fn serves(status: Option<&str>) -> bool {
    matches!(status, None | Some("ACTIVE" | "UPDATING"))
}

fn status_in(outputs: &Map<String, Value>, of: StatusOutput) -> Option<&str> {
    let status = outputs.get("status").and_then(Value::as_str)?;
    match of {
        StatusOutput::OfNodeGroup => Some(status),
        StatusOutput::OfEks => OF_EKS.contains(&status).then_some(status),
        StatusOutput::Free => None,
    }
}

fn size_in(outputs: &Map<String, Value>) -> Option<u64> {
    outputs.get("current_size").and_then(Value::as_u64)
}
