//! What `--wait` makes of what it sees: whether it goes on, and how it ends.
//!
//! **Invariant:** pure; asks nobody, prints nothing, reads no clock.

use jiff::Timestamp;

use super::Exit;
use super::output::one_line;
use super::times;
use super::wire::{Resource, Run};
use crate::domain::status::Phase;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The spec is in force and what it makes is ready.
    InForce,
    /// It is no more.
    Gone,
}

/// What was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on. A key that is new means that the line is news.
    GoesOn { key: String, line: String },
    /// Waiting has an end; the lines say why.
    Ends(Exit, Vec<String>),
}

/// Judges a machine or workspace and its newest run. Tries that are due after `deadline` do not count.
pub(super) fn judge(
    resource: &Resource,
    run: Option<&Run>,
    until: Until,
    deadline: Timestamp,
    now: Timestamp,
) -> Verdict {
    if let Some(run) = run.filter(|run| !run.is_over() && run.kind.changes_things()) {
        return judge_open(resource, run);
    }
    let status = &resource.status;
    if let Some(message) = &status.failure_message {
        return judge_failed(resource, run, message, deadline, now);
    }
    if let Some(stopped) = stopped(resource, run) {
        return Verdict::Ends(Exit::Failed, vec![stopped]);
    }
    if until == Until::Gone {
        return goes_on("deleting");
    }
    if resource.metadata.deletion_timestamp.is_some() {
        return Verdict::Ends(Exit::Failed, vec!["it is being deleted".to_owned()]);
    }
    let in_force = status.observed_generation >= resource.metadata.generation;
    if in_force && status.ready {
        return Verdict::Ends(Exit::Done, vec![resource.ready_line()]);
    }
    let ready = status.condition("Ready");
    match (in_force, ready) {
        (true, Some(ready)) if status.phase == Phase::Failed => {
            Verdict::Ends(Exit::Failed, vec![ready.message.clone()])
        }
        (true, Some(ready)) => goes_on(&ready.message),
        _ => goes_on(&status.phase.as_str().to_ascii_lowercase()),
    }
}

fn goes_on(line: &str) -> Verdict {
    Verdict::GoesOn { key: line.to_owned(), line: line.to_owned() }
}

fn judge_open(resource: &Resource, run: &Run) -> Verdict {
    if run.state == "awaiting_approval" {
        return Verdict::Ends(Exit::AwaitsApproval, approval_lines(run));
    }
    if let Some(paused) =
        resource.status.condition("ProviderPaused").filter(|_| resource.status.phase == Phase::Waiting)
    {
        let key = format!("{} waits for its provider", run.id);
        return Verdict::GoesOn { key, line: format!("{}: {}", run.state, one_line(&paused.message)) };
    }
    let line = match run.state.as_str() {
        state @ ("planned" | "applying") => format!("{state}: {}", run.changes()),
        state => state.to_owned(),
    };
    match held(resource, run) {
        Some(why) => Verdict::GoesOn { key: format!("{} {} {why}", run.id, run.state), line: format!("{line}; {why}") },
        None => Verdict::GoesOn { key: format!("{} {}", run.id, run.state), line },
    }
}

/// Why a run goes no further until a person says so: a hold, or a drain.
fn held(resource: &Resource, run: &Run) -> Option<String> {
    let synced = resource.status.condition("Synced").filter(|_| matches!(run.state.as_str(), "queued" | "planned"))?;
    let (_, why) = synced.message.split_once(&format!("run {} is {}: ", run.id, run.state))?;
    let ends = [("held ", "captd release"), ("draining ", "captd drain --release")];
    let (_, command) = ends.into_iter().find(|(word, _)| why.starts_with(word))?;
    Some(format!("{}; `{command}` ends this", one_line(why)))
}

/// What waits, why, and the commands that go on from there.
pub(super) fn approval_lines(run: &Run) -> Vec<String> {
    let mut lines = vec![format!("the plan waits for approval: {}", run.changes())];
    lines.extend(run.because.iter().map(|why| format!("  because {why}")));
    lines.extend([
        format!("  see it:     captd plan {}", run.id),
        format!("  approve it: captd approve {}", run.id),
        format!("  refuse it:  captd discard {}", run.id),
    ]);
    lines
}

fn judge_failed(resource: &Resource, run: Option<&Run>, message: &str, deadline: Timestamp, now: Timestamp) -> Verdict {
    let class = resource.status.failure_reason.as_deref().unwrap_or("unknown");
    match resource.status.next_retry_at {
        Some(at) if at <= deadline => {
            let wait = times::age(now, at);
            let line = format!("failed ({class}): {}; next try in {wait}", one_line(message));
            let id = run.map(|run| run.id.to_string()).unwrap_or_default();
            Verdict::GoesOn { key: format!("{id} failed"), line }
        }
        next => {
            let mut lines = match run.and_then(|run| run.failure.as_ref()) {
                Some(failure) => {
                    vec![format!("failed ({class}): {}", failure.message), format!("  {}", failure.remedy)]
                }
                None => vec![format!("failed ({class}): {message}")],
            };
            lines.extend(next.map(|at| format!("  next try {}, which is after --timeout", times::ahead(at, now))));
            let paused = resource.status.condition("Paused").filter(|paused| paused.status == "True");
            lines.extend(paused.map(|_| format!("  it is paused; `captd resume {}` ends this", resource.handle())));
            lines.extend(run.map(|run| format!("  its log: captd logs {}", run.id)));
            Verdict::Ends(Exit::Failed, lines)
        }
    }
}

/// Why nothing will happen any more by itself, when a person has stopped it.
fn stopped(resource: &Resource, run: Option<&Run>) -> Option<String> {
    let synced = resource.status.condition("Synced").filter(|synced| synced.status != "True");
    if let Some(synced) = synced.filter(|synced| matches!(synced.reason.as_str(), "Discarded" | "Canceled")) {
        return Some(synced.message.clone());
    }
    let deleting = resource.metadata.deletion_timestamp.is_some();
    if deleting {
        let run = run.filter(|run| matches!(run.state.as_str(), "canceled" | "discarded"))?;
        return Some(format!("its deletion was {}; `captd retry {}` goes on with it", run.state, resource.handle()));
    }
    let paused = resource.status.condition("Paused").filter(|paused| paused.status == "True");
    let behind = resource.status.observed_generation < resource.metadata.generation;
    paused.filter(|_| behind).map(|_| format!("it is paused; `captd resume {}` ends this", resource.handle()))
}
