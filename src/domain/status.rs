//! Status: what is true of a machine, derived from what is stored. Nothing stores it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::health::{HealthIssue, health_issues};
use super::observation::{MISSES_MAX, Observation};
use super::run::{Kind, Outcome, Run, State};
use super::state::{Holder, Lock};
use super::time::plus_seconds;
use super::trouble::{Trouble, provider_of};
use super::workspace::Workspace;

/// A machine's status.
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
    /// Class of the failure of the newest run, if it failed.
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

/// A condition, as in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Synced`, `Drifted`, `StateDiverged`, `ProviderPaused`, `Paused`.
    #[serde(rename = "type")]
    pub condition_type: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Generation that it speaks of.
    pub observed_generation: u64,
    /// When its status last changed.
    pub last_transition_time: Timestamp,
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
    /// What is wrong with its provider configuration, if anything is.
    pub trouble: Option<&'a Trouble>,
    /// Why its open run has no place.
    pub held_back: Option<&'a str>,
    /// The lock on its state, if anybody holds it.
    pub lock: Option<&'a Lock>,
    /// Seconds between two looks at the cloud.
    pub observe_interval_seconds: u32,
    /// The time.
    pub now: Timestamp,
}

/// Derives the status.
#[must_use]
pub fn derive(view: View<'_>) -> Status {
    let observation = view.workspace.observation.as_ref();
    let ready = ready(view);
    let failed = failed_run(view);
    let failure = failed.and_then(Run::failure);
    // While a run is at work, its end says when the next is due; during a pause none is.
    let rests = !view.workspace.paused && !view.open.is_some_and(|open| open.kind.changes_things());
    let next_retry_at = failed.filter(|_| rests).and_then(|run| match run.ended().map(|ended| &ended.outcome) {
        Some(Outcome::Failed { retry_at, .. }) => *retry_at,
        _ => None,
    });
    let newest = view.open.or(view.last);
    let mut conditions = vec![ready, synced(view)];
    conditions.extend(drifted(view));
    conditions.extend(diverged(view));
    conditions.extend(locked(view));
    conditions.extend(provider_paused(view));
    if view.workspace.paused {
        conditions.push(condition(
            view,
            "Paused",
            "True",
            "Paused",
            "no run begins by itself; `captd resume` ends this",
            view.created_at,
        ));
    }
    Status {
        phase: phase(view, conditions[0].status),
        ready: conditions[0].status == "True",
        observed_generation: observation.map_or(0, |o| o.generation),
        observed_at: observation.map(|o| o.at),
        current_size: observation.and_then(Observation::current_size),
        last_scaling_time: observation.and_then(|o| o.scaled_at),
        last_update_time: observation.and_then(|o| o.applied_at),
        outputs: observation.map(|o| o.outputs.clone()).unwrap_or_default(),
        failure_reason: failure.map(|f| f.class.as_str().to_owned()),
        failure_message: failure.map(|f| format!("{} — {}", f.message, f.remedy)),
        health_issues: failure.map(|f| health_issues(&f.message)).unwrap_or_default(),
        next_retry_at,
        latest_run: newest.map(|run| LatestRun { id: run.id, kind: run.kind, state: run.state_word() }),
        conditions,
    }
}

/// The run whose failure is the machine's: the newest one, and for the spec that is wanted.
fn failed_run(view: View<'_>) -> Option<&Run> {
    view.last.filter(|run| run.failure().is_some() && run.generation == view.workspace.generation)
}

fn phase(view: View<'_>, ready: &str) -> Phase {
    let workspace = view.workspace;
    if workspace.deleting_since.is_some() {
        return Phase::Deleting;
    }
    let status = workspace.observation.as_ref().and_then(Observation::node_group_status);
    let made = workspace.observation.is_some();
    if let Some(open) = view.open.filter(|run| run.kind.changes_things()) {
        return match open.state {
            State::AwaitingApproval(..) => Phase::AwaitingApproval,
            _ if waits_for_provider(view) => Phase::Waiting,
            State::Queued if !made => Phase::Pending,
            _ if made => Phase::Updating,
            _ => Phase::Provisioning,
        };
    }
    if failed_run(view).is_some() || workspace.diverged.is_some() {
        return Phase::Failed;
    }
    match (made, status) {
        (false, _) => Phase::Pending,
        (true, Some("CREATING")) => Phase::Provisioning,
        (true, Some("UPDATING")) => Phase::Updating,
        (true, _) if ready == "False" => Phase::Failed,
        (true, _) => Phase::Ready,
    }
}

fn ready(view: View<'_>) -> Condition {
    let Some(seen) = &view.workspace.observation else {
        let reason = if failed_run(view).is_some() { "ProvisioningFailed" } else { "NotYetMade" };
        return condition(
            view,
            "Ready",
            "False",
            reason,
            "the node group was not seen in service yet",
            view.created_at,
        );
    };
    let stale_at = stale_at(seen, view.observe_interval_seconds);
    let unknown_since = seen.unknown_since.map_or(stale_at, |at| at.min(stale_at));
    if view.now > stale_at || seen.unknown_since.is_some() {
        let message = format!("last looked at {}; what is true now is not known", seen.at);
        return condition(view, "Ready", "Unknown", "ObservationStale", &message, unknown_since);
    }
    match seen.node_group_status() {
        None | Some("ACTIVE") => {
            condition(view, "Ready", "True", "NodeGroupActive", "the node group is ACTIVE", seen.serves_since)
        }
        Some("UPDATING") => condition(
            view,
            "Ready",
            "True",
            "NodeGroupUpdating",
            "the node group is UPDATING and serves",
            seen.serves_since,
        ),
        Some(other) => {
            let message = format!("the cloud says that the node group is {other}");
            condition(view, "Ready", "False", &reason_of(other), &message, seen.serves_since)
        }
    }
}

/// Three looks were missed, with room for their jitter.
fn stale_at(seen: &Observation, interval_seconds: u32) -> Timestamp {
    plus_seconds(seen.at, i64::from(interval_seconds) * i64::from(MISSES_MAX) + i64::from(interval_seconds) / 2)
}

/// `CREATE_FAILED` → `NodeGroupCreateFailed`.
fn reason_of(status: &str) -> String {
    let words = status.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| format!("{first}{}", letters.as_str().to_ascii_lowercase()))
    });
    format!("NodeGroup{}", words.collect::<String>())
}

fn synced(view: View<'_>) -> Condition {
    let wanted = view.workspace.generation;
    let in_force = view.workspace.observation.as_ref().map_or(0, |o| o.generation);
    // It is true from the end of a run on, and false from the beginning of the one that is to make
    // it true again.
    let since = view.last.map_or(view.created_at, |run| run.created_at);
    if let Some(open) = view.open.filter(|run| run.kind.changes_things()) {
        let (reason, message) = match &open.state {
            State::AwaitingApproval(_, because) => {
                ("AwaitingApproval", format!("{}; approve or discard run {}", because.join("; "), open.id))
            }
            _ if waits_for_provider(view) => (
                "ProviderPaused",
                format!("run {} is {} until its provider configuration works", open.id, open.state_word()),
            ),
            _ => {
                let why = view.held_back.map(|why| format!(": {why}")).unwrap_or_default();
                ("Running", format!("run {} is {}{why}", open.id, open.state_word()))
            }
        };
        return condition(view, "Synced", "False", reason, &message, open.created_at);
    }
    if let Some(failure) = failed_run(view).and_then(Run::failure) {
        let message = format!("{} — {}", failure.message, failure.remedy);
        return condition(view, "Synced", "False", "RunFailed", &message, since);
    }
    if in_force == wanted {
        return condition(
            view,
            "Synced",
            "True",
            "SpecInForce",
            "the spec is in force",
            view.last.and_then(Run::ended).map_or(since, |ended| ended.at),
        );
    }
    let stopped = view.last.and_then(Run::ended).filter(|_| view.last.is_some_and(|run| run.generation == wanted));
    let (reason, message) = match stopped.map(|ended| &ended.outcome) {
        Some(Outcome::Discarded) => ("Discarded", "its plan was discarded; change the spec or retry"),
        Some(Outcome::Canceled) => ("Canceled", "its run was canceled; change the spec or retry"),
        _ if view.workspace.paused => ("Paused", "its run begins when the machine is resumed"),
        _ => ("Pending", "its run is due"),
    };
    condition(view, "Synced", "False", reason, message, since)
}

fn drifted(view: View<'_>) -> Option<Condition> {
    let seen = view.workspace.observation.as_ref().filter(|seen| !seen.drift.is_empty())?;
    let message =
        format!("changed outside captd: {}; `captd retry` brings the spec back into force", seen.drift.join(", "));
    Some(condition(view, "Drifted", "True", "ChangedOutside", &message, seen.drift_since.unwrap_or(seen.at)))
}

/// A person's lock keeps every run from its work; a run's own is a part of that run.
fn locked(view: View<'_>) -> Option<Condition> {
    let lock = view.lock.filter(|lock| matches!(lock.holder, Holder::Person(_)) && !lock.released)?;
    let with = lock.info["Who"].as_str().map(|who| format!(" ({who})")).unwrap_or_default();
    let message = format!(
        "{}{with} holds the lock on its state since {}; whether that process lives, captd cannot see. Runs wait for it; `captd state unlock` ends it, which is safe once that process is gone",
        lock.holder, lock.locked_at
    );
    Some(condition(view, "StateLocked", "True", "LockedByHand", &message, lock.locked_at))
}

fn diverged(view: View<'_>) -> Option<Condition> {
    let doubt = view.workspace.diverged.as_ref()?;
    let message = format!(
        "run {} left a state that is not the next of its history ({}); it lies in {}. No run begins until a person says which is true: `captd state trust` for the one that is kept, `captd state push --forward --from FILE` for the other",
        doubt.run, doubt.reason, doubt.file
    );
    Some(condition(view, "StateDiverged", "True", "StateInDoubt", &message, doubt.since))
}

/// Whether the open run waits because its provider configuration fails as a whole.
fn waits_for_provider(view: View<'_>) -> bool {
    let waits = view.open.is_some_and(|open| matches!(open.state, State::Queued | State::Planned(_)));
    waits && view.trouble.is_some_and(Trouble::stops)
}

fn provider_paused(view: View<'_>) -> Option<Condition> {
    let trouble = view.trouble?;
    let (reason, message) = trouble.in_words(provider_of(&view.workspace.cluster)?)?;
    Some(condition(view, "ProviderPaused", "True", reason, &message, trouble.pause?.since))
}

fn condition(
    view: View<'_>,
    condition_type: &'static str,
    status: &'static str,
    reason: &str,
    message: &str,
    since: Timestamp,
) -> Condition {
    Condition {
        condition_type,
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: view.workspace.generation,
        last_transition_time: since,
    }
}
