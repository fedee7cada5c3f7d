//! Status: what is true of a machine or workspace, derived from what is stored. Nothing stores it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::conditions::{Condition, conditions, failed_run, waits_for_lock, waits_for_others, waits_for_provider};
use super::failure::Class;
use super::health::{HealthIssue, health_issues};
use super::needs::Standing;
use super::observation::Observation;
use super::resource::ResourceKind;
use super::run::{Kind, Outcome, Run, State};
use super::state::Lock;
use super::trouble::Trouble;
use super::warmth::Silent;
use super::workspace::Workspace;

/// Why a number of nodes is not known.
const NOT_COUNTED: &str = "the template's output `current_size` is not there or null: it does not count nodes, or was told not to (`variables: {count_instances: false}`)";

/// A status.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// One word for people.
    pub phase: Phase,
    /// Whether the node group serves. True during an update that leaves it in service.
    pub ready: bool,
    /// Generation of the spec that is in force; 0 before the first.
    pub observed_generation: u64,
    /// When the cloud was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// Nodes, as observed through Terraform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_size: Option<u64>,
    /// Why the number of nodes is not known, where one looked and it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_size_reason: Option<&'static str>,
    /// In detail, for programs.
    pub conditions: Vec<Condition>,
    /// When the number of nodes last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scaling_time: Option<Timestamp>,
    /// When something was last applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Timestamp>,
    /// Outputs that are not sensitive.
    pub outputs: Map<String, Value>,
    /// Class of the failure of the newest run, if it failed; `lock` while a person's lock is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// What happened and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// What EKS itself says is wrong, as far as that failure tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_issues: Vec<HealthIssue>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_retry_at: Option<Timestamp>,
    /// The newest run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_run: Option<LatestRun>,
}

/// One word for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Declared; nothing was done yet.
    Pending,
    /// Waits for something else.
    Waiting,
    /// Is made.
    Provisioning,
    /// Its plan waits for a person.
    AwaitingApproval,
    /// Serves as declared.
    Ready,
    /// Serves, and is changed.
    Updating,
    /// The newest run failed, or the cloud says that it is broken.
    Failed,
    /// Is destroyed.
    Deleting,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Waiting,
        Self::Provisioning,
        Self::AwaitingApproval,
        Self::Ready,
        Self::Updating,
        Self::Failed,
        Self::Deleting,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Waiting => "Waiting",
            Self::Provisioning => "Provisioning",
            Self::AwaitingApproval => "AwaitingApproval",
            Self::Ready => "Ready",
            Self::Updating => "Updating",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
        }
    }
}

/// The newest run in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LatestRun {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: Kind,
    /// Where it stands.
    pub state: &'static str,
}

/// All that a status depends on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// When it was declared.
    pub created_at: Timestamp,
    /// Its open run, if there is one.
    pub open: Option<&'a Run>,
    /// Its newest run that was meant to change something and is over.
    pub last: Option<&'a Run>,
    /// How it stands with others.
    pub standing: &'a Standing,
    /// What is wrong with its provider configuration, if anything is.
    pub trouble: Option<&'a Trouble>,
    /// Why its open run has no place.
    pub held_back: Option<&'a str>,
    /// The provider for which its open run waits though it hangs.
    pub silent: Option<&'a Silent>,
    /// The lock on its state, if anybody holds it.
    pub lock: Option<&'a Lock>,
    /// Declared fields that reach nothing in the template, as pointers.
    pub without_effect: &'a [&'a str],
    /// Seconds between two looks at the cloud.
    pub observe_interval_seconds: u32,
    /// The time.
    pub now: Timestamp,
}

/// Derives the status.
#[must_use]
pub fn derive(view: View<'_>) -> Status {
    let observation = view.workspace.observation.as_ref();
    let failed = failed_run(view);
    let failure = failed.and_then(Run::failure);
    // While a run is at work, its end says when the next is due; during a pause none is.
    let rests = !view.workspace.paused && !view.open.is_some_and(|open| open.kind.changes_things());
    let next_retry_at = failed.filter(|_| rests).and_then(|run| match run.ended().map(|ended| &ended.outcome) {
        Some(Outcome::Failed { retry_at, .. }) => *retry_at,
        _ => None,
    });
    let newest = view.open.or(view.last);
    // No try has failed by it, and yet that is why nothing goes on.
    let locked = waits_for_lock(view).zip(view.lock).map(|(why, lock)| format!("{} holds it: {why}", lock.holder));
    let conditions = conditions(view);
    let is_machine = view.workspace.kind == ResourceKind::Machine;
    Status {
        phase: phase(view, conditions[0].status),
        ready: conditions[0].status == "True",
        observed_generation: observation.map_or(0, |o| o.generation),
        observed_at: observation.map(|o| o.at),
        current_size: observation.and_then(Observation::current_size),
        current_size_reason: observation.filter(|o| is_machine && o.current_size().is_none()).map(|_| NOT_COUNTED),
        last_scaling_time: observation.and_then(|o| o.scaled_at),
        last_update_time: observation.and_then(|o| o.applied_at),
        outputs: observation.map(|o| o.outputs.clone()).unwrap_or_default(),
        failure_reason: failure
            .map(|f| f.class)
            .or(locked.as_ref().map(|_| Class::Lock))
            .map(|it| it.as_str().to_owned()),
        failure_message: failure.map(|f| format!("{} — {}", f.message, f.remedy)).or(locked),
        health_issues: failure.map(|f| health_issues(&f.message)).unwrap_or_default(),
        next_retry_at,
        latest_run: newest.map(|run| LatestRun { id: run.id, kind: run.kind, state: run.state_word() }),
        conditions,
    }
}

fn phase(view: View<'_>, ready: &str) -> Phase {
    let workspace = view.workspace;
    if workspace.deleting_since.is_some() {
        return Phase::Deleting;
    }
    let status = workspace.observation.as_ref().and_then(Observation::reported_status);
    let made = workspace.observation.is_some();
    if let Some(open) = view.open.filter(|run| run.kind.changes_things()) {
        return match open.state {
            State::AwaitingApproval(..) => Phase::AwaitingApproval,
            _ if waits_for_lock(view).is_some() => Phase::Waiting,
            _ if waits_for_provider(view) => Phase::Waiting,
            State::Queued if !made => Phase::Pending,
            _ if made => Phase::Updating,
            _ => Phase::Provisioning,
        };
    }
    if failed_run(view).is_some() || workspace.diverged.is_some() {
        return Phase::Failed;
    }
    let waits = waits_for_lock(view).is_some() || waits_for_others(view).is_some();
    if waits || (!made && view.standing.refused.is_some()) {
        return Phase::Waiting;
    }
    match (made, status) {
        (false, _) => Phase::Pending,
        (true, Some("CREATING")) => Phase::Provisioning,
        (true, Some("UPDATING")) => Phase::Updating,
        (true, _) if ready == "False" => Phase::Failed,
        (true, _) => Phase::Ready,
    }
}
