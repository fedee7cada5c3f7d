//! What the daemon answers, as far as the commands look into it. Fields that a newer daemon adds
//! do not disturb.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::health::HealthIssue;
use crate::domain::name::Name;
use crate::domain::plan::Summary;
use crate::domain::resource::{Key, ResourceKind};
use crate::domain::run::{Kind, Step, Stop};
use crate::domain::status::Phase;

/// A machine or a workspace.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Value,
    pub(super) status: Status,
}

impl Resource {
    /// As a person writes it on the command line, where a machine needs no kind.
    pub(super) fn handle(&self) -> String {
        let Metadata { namespace, name, .. } = &self.metadata;
        Key { kind: kind_of(&self.kind), namespace: namespace.clone(), name: name.clone() }.handle()
    }

    /// That it is ready, and how many nodes it has.
    pub(super) fn ready_line(&self) -> String {
        if self.is_machine() { format!("Ready, {}", self.status.nodes()) } else { "Ready".to_owned() }
    }

    pub(super) fn is_machine(&self) -> bool {
        kind_of(&self.kind) == ResourceKind::Machine
    }
}

/// Name, versions, times.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: Name,
    pub(super) namespace: Name,
    #[serde(default)]
    pub(super) labels: Map<String, Value>,
    #[serde(default)]
    pub(super) annotations: Map<String, Value>,
    pub(super) uid: Uuid,
    pub(super) generation: u64,
    pub(super) creation_timestamp: Timestamp,
    pub(super) deletion_timestamp: Option<Timestamp>,
}

/// What is true of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Phase,
    pub(super) ready: bool,
    pub(super) observed_generation: u64,
    pub(super) observed_at: Option<Timestamp>,
    pub(super) current_size: Option<u64>,
    #[serde(default)]
    pub(super) conditions: Vec<Condition>,
    #[serde(default)]
    pub(super) outputs: Map<String, Value>,
    pub(super) failure_reason: Option<String>,
    pub(super) failure_message: Option<String>,
    #[serde(default)]
    pub(super) health_issues: Vec<HealthIssue>,
    pub(super) next_retry_at: Option<Timestamp>,
    pub(super) latest_run: Option<LatestRun>,
}

impl Status {
    /// The condition of this type.
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// `2 nodes`, as far as they were counted.
    pub(super) fn nodes(&self) -> String {
        match self.current_size {
            Some(1) => "1 node".to_owned(),
            Some(size) => format!("{size} nodes"),
            None => "nodes not counted".to_owned(),
        }
    }
}

/// A condition, as in Kubernetes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) last_transition_time: Timestamp,
}

/// A newest run in short.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct LatestRun {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    pub(super) state: String,
}

/// The kind that a word of the API names; a daemon of before workspaces knew machines alone.
pub(super) fn kind_of(title: &str) -> ResourceKind {
    ResourceKind::ALL.into_iter().find(|kind| kind.title() == title).unwrap_or(ResourceKind::Machine)
}

/// Whose a run is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: Name,
}

/// A run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    pub(super) namespace: Name,
    pub(super) owner: Owner,
    pub(super) generation: u64,
    pub(super) state: String,
    pub(super) trigger: String,
    pub(super) attempt: u32,
    #[serde(default)]
    pub(super) author: String,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    pub(super) summary: Option<Summary>,
    #[serde(default)]
    pub(super) because: Vec<String>,
    pub(super) approved_by: Option<String>,
    pub(super) stop: Option<Stop>,
    pub(super) warning: Option<String>,
    /// What it has begun and not ended.
    #[serde(default)]
    pub(super) under_way: Vec<String>,
    pub(super) failure: Option<Failure>,
    pub(super) next_retry_at: Option<Timestamp>,
}

impl Run {
    /// Whose it is.
    pub(super) fn key(&self) -> Key {
        Key { kind: kind_of(&self.owner.kind), namespace: self.namespace.clone(), name: self.owner.name.clone() }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        is_over(&self.state)
    }

    /// Whether it is open and has a plan.
    pub(super) fn has_plan(&self) -> bool {
        matches!(self.state.as_str(), "planned" | "awaiting_approval" | "applying")
    }

    /// What its plan would do; `nothing yet` before there is one.
    pub(super) fn changes(&self) -> String {
        self.summary.map_or_else(|| "no plan yet".to_owned(), in_words)
    }
}

/// Whether a run in this state is over.
pub(super) fn is_over(state: &str) -> bool {
    matches!(state, "unchanged" | "succeeded" | "failed" | "canceled" | "discarded" | "superseded" | "lost")
}

/// Why a run failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Failure {
    pub(super) class: String,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// Answer of a verb that starts a run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Started {
    pub(super) run: Option<Run>,
    /// What became of the declaration, where one was written.
    pub(super) result: Option<String>,
}

/// `3 to create, 1 to delete`, without what is 0.
pub(super) fn in_words(summary: Summary) -> String {
    let counts = [
        (summary.create, "create"),
        (summary.update, "update"),
        (summary.replace, "replace"),
        (summary.delete, "delete"),
    ];
    let mut words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, verb)| format!("{count} to {verb}")).collect();
    if let Some(deleted) = words.last_mut().filter(|_| summary.delete > 0) {
        deleted.push_str(&summary.of_them_deposed());
    }
    words.extend(summary.further());
    if words.is_empty() { "nothing to change".to_owned() } else { words.join(", ") }
}
