//! Conditions: what is true of a machine or workspace, one by one, as Kubernetes has them.

use jiff::Timestamp;
use serde::Serialize;

use super::decide::{Decision, World, decide};
use super::needs::Standing;
use super::observation::{MISSES_MAX, Observation};
use super::resource::{ResourceKind, told};
use super::run::{FORCED_SECONDS, Kind, Outcome, Run, State};
use super::status::View;
use super::time::plus_seconds;
use super::trouble::{Trouble, provider_of};

/// A condition, as in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Synced`, `Waiting`, `Drifted`, `ChecksFailed`, `StateDiverged`, `StateLocked`, `ForcedToEnd`,
    /// `ProviderSilent`, `ProviderPaused`, `LimitExceeded`, `Paused`, `FieldsWithoutEffect`, `NotAllowed`, `DiskLow`.
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

/// All of them; `Ready` is the first.
pub(super) fn conditions(view: View<'_>) -> Vec<Condition> {
    let mut conditions = vec![ready(view), synced(view)];
    conditions.extend(waiting(view));
    conditions.extend(drifted(view));
    conditions.extend(checks_failed(view));
    conditions.extend(diverged(view));
    conditions.extend(locked(view));
    conditions.extend(forced(view));
    conditions.extend(silent(view));
    conditions.extend(provider_paused(view));
    conditions.extend(limit_exceeded(view));
    conditions.extend(paused(view));
    conditions.extend(without_effect(view));
    conditions.extend(not_allowed(view));
    conditions
}

/// The run whose failure is the owner's: the newest one, and for the spec that is wanted.
pub(super) fn failed_run(view: View<'_>) -> Option<&Run> {
    let is_of_it = |run: &Run| run.generation == view.workspace.generation || run.kind == Kind::Destroy;
    view.last.filter(|run| run.failure().is_some() && is_of_it(run) && waits_for_lock(view).is_none())
}

/// Whose lock keeps it from what is due, if somebody's does: a wait, and no failure.
pub(super) fn waits_for_lock(view: View<'_>) -> Option<&str> {
    let locked = view.standing.locked.as_deref()?;
    let workspace = view.workspace;
    let in_force = workspace.observation.as_ref().is_some_and(|seen| seen.generation == workspace.generation);
    let open_waits = view
        .open
        .is_some_and(|open| open.kind.changes_things() && matches!(open.state, State::Queued | State::Planned(_)));
    let at_it = view.open.is_some_and(|open| open.kind.changes_things());
    let failed = view.last.is_some_and(|run| run.failure().is_some());
    let is_due = (!in_force || failed || workspace.deleting_since.is_some()) && !waits_for_a_person(view);
    (open_waits || (is_due && !at_it && !workspace.paused)).then_some(locked)
}

/// Whether what failed or was stopped waits for a person's word: it would not begin without the lock either.
fn waits_for_a_person(view: View<'_>) -> bool {
    let (workspace, Some(last)) = (view.workspace, view.last) else { return false };
    let is_of_it = match workspace.deleting_since {
        Some(_) => last.kind == Kind::Destroy,
        None => last.kind == Kind::Apply && last.generation == workspace.generation,
    };
    let outcome = last.ended().map(|ended| &ended.outcome);
    let is_over =
        matches!(outcome, Some(Outcome::Failed { retry_at: None, .. } | Outcome::Canceled | Outcome::Discarded));
    if !is_of_it || !is_over {
        return false;
    }
    // A revision, an input or an edit may have come since.
    let standing = Standing { locked: None, ..view.standing.clone() };
    let world = World {
        workspace,
        open: view.open,
        last: view.last,
        standing: &standing,
        observe_interval_seconds: view.observe_interval_seconds,
        now: view.now,
    };
    !matches!(decide(world), Decision::Begin { kind, .. } if kind.changes_things())
}

fn ready(view: View<'_>) -> Condition {
    let Some(seen) = &view.workspace.observation else {
        let reason = if failed_run(view).is_some() { "ProvisioningFailed" } else { "NotYetMade" };
        let message = format!("{} was not seen in service yet", subject(view));
        return condition(view, "Ready", "False", reason, &message, view.created_at);
    };
    let stale_at = stale_at(seen, view.observe_interval_seconds);
    let unknown_since = seen.unknown_since.map_or(stale_at, |at| at.min(stale_at));
    if view.now > stale_at || seen.unknown_since.is_some() {
        let message = format!("last looked at {}; what is true now is not known", seen.at);
        return condition(view, "Ready", "Unknown", "ObservationStale", &message, unknown_since);
    }
    let (subject, since) = (subject(view), seen.serves_since);
    let (status, word, message) = match seen.reported_status() {
        None if view.workspace.kind == ResourceKind::Workspace => ("True", "MADE", format!("{subject} is made")),
        None | Some("ACTIVE") => ("True", "ACTIVE", format!("{subject} is ACTIVE")),
        Some("UPDATING") => ("True", "UPDATING", format!("{subject} is UPDATING and serves")),
        Some(other) => ("False", other, format!("the cloud says that {subject} is {other}")),
    };
    condition(view, "Ready", status, &reason_of(view, word), &message, since)
}

/// An apply is not ended for what it takes of the machine: a person hears of it.
fn limit_exceeded(view: View<'_>) -> Option<Condition> {
    let run = view.open?;
    let step = run.steps.iter().find(|step| step.exceeded.is_some() && step.duration_ms.is_none())?;
    let what = step.exceeded.as_deref().unwrap_or_default();
    let message = format!(
        "terraform {} of run {} goes on, since its end would lose what it has made, but takes more than it may: {what}",
        step.name, run.id
    );
    Some(condition(view, "LimitExceeded", "True", "TakesMoreThanItMay", &message, step.started_at))
}

/// What is spoken of.
fn subject(view: View<'_>) -> &'static str {
    match view.workspace.kind {
        ResourceKind::Machine => "the node group",
        ResourceKind::Workspace => "what the workspace declares",
    }
}

/// Three looks were missed, with room for their jitter.
fn stale_at(seen: &Observation, interval_seconds: u32) -> Timestamp {
    plus_seconds(seen.at, i64::from(interval_seconds) * i64::from(MISSES_MAX) + i64::from(interval_seconds) / 2)
}

/// `CREATE_FAILED` → `NodeGroupCreateFailed`.
fn reason_of(view: View<'_>, status: &str) -> String {
    let words = status.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| format!("{first}{}", letters.as_str().to_ascii_lowercase()))
    });
    let subject = if view.workspace.kind == ResourceKind::Machine { "NodeGroup" } else { "Workspace" };
    format!("{subject}{}", words.collect::<String>())
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
            _ if waits_for_lock(view).is_some() => (
                "StateLocked",
                format!("run {} is {} until the lock on its state is let go", open.id, open.state_word()),
            ),
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
        _ if waits_for_lock(view).is_some() => ("Waiting", "its run begins when the lock on its state is let go"),
        Some(Outcome::Discarded) => ("Discarded", "its plan was discarded; change the spec or retry"),
        Some(Outcome::Canceled) => ("Canceled", "its run was canceled; change the spec or retry"),
        _ if view.standing.refused.is_some() => ("NotAllowed", "its run begins when what it declares is allowed"),
        _ if view.workspace.paused => ("Paused", "its run begins when it is resumed"),
        _ if !view.standing.unmet.is_empty() => ("Waiting", "its run begins when what it waits for is there"),
        _ => ("Pending", "its run is due"),
    };
    condition(view, "Synced", "False", reason, message, since)
}

/// What it waits for, while its spec is not in force and no run is at it.
pub(super) fn waits_for_others(view: View<'_>) -> Option<String> {
    let workspace = view.workspace;
    let in_force = workspace.observation.as_ref().is_some_and(|seen| seen.generation == workspace.generation);
    let at_it = view.open.is_some_and(|open| open.kind.changes_things());
    if in_force || at_it || workspace.deleting_since.is_some() { None } else { view.standing.waits_for() }
}

fn waiting(view: View<'_>) -> Option<Condition> {
    let since = view.last.and_then(Run::ended).map_or(view.created_at, |ended| ended.at);
    if let Some(why) = waits_for_lock(view) {
        let since = view.lock.map_or(since, |lock| lock.locked_at);
        return Some(condition(view, "Waiting", "True", "StateLocked", &format!("waits: {why}"), since));
    }
    if let Some(message) = waits_for_others(view) {
        return Some(condition(view, "Waiting", "True", "WaitsForOthers", &message, since));
    }
    let deleting_since = view.workspace.deleting_since.filter(|_| !view.standing.needed_by.is_empty())?;
    // A status is read by whoever may read here.
    let others = told(&view.standing.needed_by, &view.workspace.namespace, |_| false);
    let message = format!("is deleted when those are gone that need it: {others}");
    Some(condition(view, "Waiting", "True", "NeededByOthers", &message, deleting_since))
}

fn paused(view: View<'_>) -> Option<Condition> {
    let message = "no run begins by itself; `captd resume` ends this";
    view.workspace.paused.then(|| condition(view, "Paused", "True", "Paused", message, view.created_at))
}

fn drifted(view: View<'_>) -> Option<Condition> {
    let seen = view.workspace.observation.as_ref().filter(|seen| !seen.drift.is_empty())?;
    let message =
        format!("changed outside captd: {}; `captd retry` brings the spec back into force", seen.drift.join(", "));
    Some(condition(view, "Drifted", "True", "ChangedOutside", &message, seen.drift_since.unwrap_or(seen.at)))
}

/// `check` blocks stop nothing: that one does not hold is told, and the rest goes on.
fn checks_failed(view: View<'_>) -> Option<Condition> {
    let seen = view.workspace.observation.as_ref().filter(|seen| !seen.failed_checks.is_empty())?;
    let message = seen.failed_checks.join("; ");
    let since = seen.checks_failed_since.unwrap_or(seen.at);
    Some(condition(view, "ChecksFailed", "True", "CheckFailed", &message, since))
}

/// A person's lock keeps every run from its work; a run's own is a part of that run.
fn locked(view: View<'_>) -> Option<Condition> {
    let lock = view.lock?;
    let message = lock.held_by_hand("whether that process lives, captd cannot see. Runs wait for it;")?;
    Some(condition(view, "StateLocked", "True", "LockedByHand", &message, lock.locked_at))
}

/// What was forced to end may take its time, and costs something.
fn forced(view: View<'_>) -> Option<Condition> {
    let run = view.open.filter(|run| matches!(run.state, State::Applying(_)))?;
    let stop = run.stop.as_ref().filter(|stop| stop.force)?;
    let message = format!(
        "{} has forced run {} to end: terraform was interrupted a second time, and is killed at {} if it has not ended by then. What it has under way goes on in the cloud and is recorded nowhere; the next run looks for it",
        stop.by,
        run.id,
        plus_seconds(stop.at, FORCED_SECONDS)
    );
    Some(condition(view, "ForcedToEnd", "True", "StopForced", &message, stop.at))
}

/// An apply is not ended because its provider hangs: that would lose what it has begun.
fn silent(view: View<'_>) -> Option<Condition> {
    let (run, silent) = (view.open?, view.silent?);
    let message = format!(
        "run {} waits for the provider {}, which does not answer since {}. It is not ended for that: it goes on when the provider answers, and fails as `provider_lost` when that process ends; `captd cancel`, and then `captd cancel --force`, give it up",
        run.id, silent.provider, silent.since
    );
    Some(condition(view, "ProviderSilent", "True", "ProviderHangs", &message, silent.since))
}

fn diverged(view: View<'_>) -> Option<Condition> {
    let doubt = view.workspace.diverged.as_ref()?;
    let message = format!(
        "run {} left a state that is not the next of its history ({}); it lies in {}. No run begins until a person says which is true: `captd state trust` for the one that is kept, `captd state push --forward --from FILE` for the other",
        doubt.run, doubt.reason, doubt.file
    );
    Some(condition(view, "StateDiverged", "True", "StateInDoubt", &message, doubt.since))
}

/// What keeps its runs from beginning, though it was taken in once.
fn not_allowed(view: View<'_>) -> Option<Condition> {
    let refusal = view.standing.refused.as_ref()?;
    let message = format!("its next run waits: {}", refusal.message);
    Some(condition(view, "NotAllowed", "True", refusal.reason(), &message, view.created_at))
}

/// What is declared and reaches nothing.
fn without_effect(view: View<'_>) -> Option<Condition> {
    let message = format!("the template has no variable that takes {}", view.without_effect.join(", "));
    let is_one = !view.without_effect.is_empty();
    is_one.then(|| condition(view, "FieldsWithoutEffect", "True", "NotTakenByTemplate", &message, view.created_at))
}

/// Whether the open run waits because its provider configuration fails as a whole.
pub(super) fn waits_for_provider(view: View<'_>) -> bool {
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
