//! What is due for a workspace: a pure function of what is stored and the time. It leaves the
//! reconciler no choices, and knows no difference between the happy case and recovery.
//!
//! **Invariant:** no clock that was put back makes anything wait for longer than it would have: a
//! time that was worked out by what was the future is no time to wait for.

use jiff::Timestamp;

use super::failure::Class;
use super::needs::Standing;
use super::run::{Kind, Outcome, Run, Trigger};
use super::time::plus_seconds;
use super::workspace::Workspace;

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Its open run, if there is one.
    pub open: Option<&'a Run>,
    /// Its newest run that was meant to change something and is over.
    pub last: Option<&'a Run>,
    /// How it stands with others.
    pub standing: &'a Standing,
    /// Seconds between two looks at a workspace.
    pub observe_interval_seconds: u32,
    /// The time.
    pub now: Timestamp,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, for this reason; with a time when the next thing is due.
    Rest(&'static str, Option<Timestamp>),
    /// A run.
    Begin {
        /// What it does.
        kind: Kind,
        /// Why.
        trigger: Trigger,
        /// 1 for the first try.
        attempt: u32,
    },
    /// The workspace's resources are gone: its rows go too.
    Remove,
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rest(why, None) => write!(f, "rest: {why}"),
            Self::Rest(why, Some(until)) => write!(f, "rest until {until}: {why}"),
            Self::Begin { kind, trigger, attempt } => {
                write!(f, "begin {} run (trigger {}, attempt {attempt})", kind.as_str(), trigger.as_str())
            }
            Self::Remove => write!(f, "remove the rows"),
        }
    }
}

/// Decides. What is not allowed does not begin.
#[must_use]
pub fn decide(world: World<'_>) -> Decision {
    match (what_is_due(world), &world.standing.refused) {
        (Decision::Begin { kind, .. }, Some(refusal)) if refusal.blocks(kind) => {
            Decision::Rest("what is declared is not allowed", None)
        }
        (decision, _) => decision,
    }
}

fn what_is_due(world: World<'_>) -> Decision {
    let workspace = world.workspace;
    if world.open.is_some() {
        return Decision::Rest("a run is open", None);
    }
    if workspace.diverged.is_some() {
        return Decision::Rest("its state is in doubt", None);
    }
    let decision = if workspace.deleting_since.is_some() {
        destroy(world)
    } else if workspace.paused {
        Decision::Rest("paused", None)
    } else {
        match apply(world) {
            // What others are to give is not there yet.
            Decision::Begin { kind: Kind::Apply, .. } if !world.standing.unmet.is_empty() => {
                or_rest(observe(world), "waits for others")
            }
            decision => decision,
        }
    };
    match decision {
        // Whoever lets go of it wakes the reconciler.
        Decision::Begin { .. } if world.standing.locked.is_some() => {
            Decision::Rest("somebody holds the lock on its state", None)
        }
        decision => decision,
    }
}

/// What is due for the spec.
fn apply(world: World<'_>) -> Decision {
    let workspace = world.workspace;
    let Some(last) = world.last.filter(|last| last.kind == Kind::Apply && last.generation == workspace.generation)
    else {
        return begin(Kind::Apply, Trigger::Spec, 1);
    };
    let ended = last.ended().map(|ended| &ended.outcome);
    match ended {
        // What may exist and cannot be looked for: nothing but a person's word goes on.
        Some(Outcome::Failed { failure, .. }) if !failure.unsure.is_empty() => {
            or_rest(observe(world), "the last run may have made what cannot be looked for; `retry` is needed")
        }
        // A person's word holds: what was stopped begins with neither.
        Some(Outcome::Succeeded | Outcome::Unchanged | Outcome::Failed { .. }) if has_other_template(world, last) => {
            begin(Kind::Apply, Trigger::Template, 1)
        }
        Some(Outcome::Succeeded | Outcome::Unchanged | Outcome::Failed { .. }) if has_other_inputs(world, last) => {
            begin(Kind::Apply, Trigger::Input, 1)
        }
        Some(Outcome::Failed { .. }) if is_mended(world, last) => begin(Kind::Apply, Trigger::Retry, 1),
        Some(Outcome::Superseded) | None => begin(Kind::Apply, Trigger::Spec, 1),
        Some(Outcome::Lost) => begin(Kind::Apply, Trigger::Rescue, last.next_attempt()),
        Some(Outcome::Failed { retry_at: Some(at), .. }) if is_due(*at, last, world.now) => {
            begin(Kind::Apply, Trigger::Retry, last.next_attempt())
        }
        Some(Outcome::Failed { retry_at: Some(at), .. }) => {
            earlier(Decision::Rest("the last run failed and is tried again", Some(*at)), observe(world))
        }
        Some(Outcome::Failed { retry_at: None, .. }) => {
            or_rest(observe(world), "the last run failed; a change or `retry` is needed")
        }
        Some(Outcome::Canceled | Outcome::Discarded) => {
            or_rest(observe(world), "the last run was stopped; a change or `retry` is needed")
        }
        Some(Outcome::Succeeded | Outcome::Unchanged) => or_rest(observe(world), "the spec is in force"),
    }
}

fn begin(kind: Kind, trigger: Trigger, attempt: u32) -> Decision {
    Decision::Begin { kind, trigger, attempt }
}

/// Whether it is to have another revision of its template than `last` was rendered from.
fn has_other_template(world: World<'_>, last: &Run) -> bool {
    let assigned = world.workspace.template.as_ref().map(|assigned| &assigned.revision);
    assigned.is_some_and(|assigned| last.revision.as_ref().is_some_and(|had| had != assigned))
}

/// Whether an output of another, that it takes, is another one than `last` was rendered with.
fn has_other_inputs(world: World<'_>, last: &Run) -> bool {
    world.standing.inputs.as_ref().is_some_and(|inputs| last.inputs.as_ref().is_some_and(|had| had != inputs))
}

/// Whether it is time for the try that follows `failed`. A run that ended in what is the future now
/// was followed by a clock that was put back: then it is.
fn is_due(at: Timestamp, failed: &Run, now: Timestamp) -> bool {
    at <= now || failed.ended().is_some_and(|ended| ended.at > now)
}

/// Whether something has changed since it began on which its runs depend, or what it had not got is there.
fn is_mended(world: World<'_>, failed: &Run) -> bool {
    // What came while it was at work may have come too late for it.
    let began = failed.begun_at().unwrap_or(failed.created_at);
    let had_none = failed.inputs.is_none() && failed.failure().is_some_and(|failure| failure.class == Class::Lock);
    let is_there_now = had_none && world.standing.unmet.is_empty() && world.standing.inputs.is_some();
    is_there_now || world.workspace.mended_at.is_some_and(|at| at > began && at <= world.now)
}

/// Whether the next destroy would work with something else than `last`.
fn has_other_basis(world: World<'_>, last: &Run) -> bool {
    let Some(basis) = &world.standing.basis else { return false };
    let differs = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
    let has_other_inputs = basis.inputs.is_some() && last.inputs.is_some() && basis.inputs != last.inputs;
    basis.generation != last.generation || differs(&basis.revision, &last.revision) || has_other_inputs
}

/// Whether its own declaration was edited since `last`, and the next destroy works with the edit.
fn is_edited_since(world: World<'_>, last: &Run) -> bool {
    let wanted = world.workspace.generation;
    wanted > last.generation && world.standing.basis.as_ref().is_some_and(|basis| basis.generation == wanted)
}

fn destroy(world: World<'_>) -> Decision {
    if !world.standing.needed_by.is_empty() {
        return Decision::Rest("others still need it", None);
    }
    if world.standing.retains {
        return Decision::Remove;
    }
    // No apply has begun: one that has leaves a state, or doubt.
    let was_never_made = world.workspace.observation.is_none() && !world.standing.has_state;
    if was_never_made && world.workspace.in_doubt.is_none() {
        return Decision::Remove;
    }
    let Some(last) = world.last.filter(|last| last.kind == Kind::Destroy) else {
        return begin(Kind::Destroy, Trigger::Delete, 1);
    };
    match last.ended().map(|ended| &ended.outcome) {
        Some(Outcome::Succeeded | Outcome::Unchanged) => Decision::Remove,
        Some(Outcome::Failed { .. }) if has_other_basis(world, last) && !world.workspace.paused => {
            begin(Kind::Destroy, Trigger::Spec, 1)
        }
        // What was stopped begins again by the word of somebody who edits it, and by nothing that others do.
        Some(Outcome::Canceled | Outcome::Discarded) if is_edited_since(world, last) && !world.workspace.paused => {
            begin(Kind::Destroy, Trigger::Spec, 1)
        }
        Some(Outcome::Failed { .. }) if is_mended(world, last) && !world.workspace.paused => {
            begin(Kind::Destroy, Trigger::Retry, 1)
        }
        Some(Outcome::Failed { retry_at: None, .. }) => Decision::Rest("the deletion failed; `retry` is needed", None),
        Some(Outcome::Canceled | Outcome::Discarded) => {
            Decision::Rest("the deletion was stopped; `retry` is needed", None)
        }
        // The deletion itself was a person's word; further tries begin by themselves.
        Some(Outcome::Failed { .. } | Outcome::Lost) if world.workspace.paused => Decision::Rest("paused", None),
        Some(Outcome::Failed { retry_at: Some(at), .. }) if !is_due(*at, last, world.now) => {
            Decision::Rest("the deletion failed and is tried again", Some(*at))
        }
        Some(Outcome::Lost) => begin(Kind::Destroy, Trigger::Rescue, last.next_attempt()),
        Some(Outcome::Failed { .. }) => begin(Kind::Destroy, Trigger::Retry, last.next_attempt()),
        Some(Outcome::Superseded) | None => begin(Kind::Destroy, Trigger::Delete, 1),
    }
}

/// A look at the cloud, if anything was ever seen there and it is time. No look is farther away than
/// the longest interval, unless the clock was put back.
fn observe(world: World<'_>) -> Decision {
    let farthest = next_look(world.now, world.observe_interval_seconds, 1.0);
    match (&world.workspace.observation, world.workspace.observe_at) {
        (Some(_), Some(at)) if at <= world.now || at > farthest => begin(Kind::Refresh, Trigger::Observe, 1),
        (Some(_), Some(at)) => Decision::Rest("", Some(at)),
        _ => Decision::Rest("", None),
    }
}

fn or_rest(decision: Decision, why: &'static str) -> Decision {
    match decision {
        Decision::Rest(_, until) => Decision::Rest(why, until),
        other => other,
    }
}

/// Of two rests, the one that ends first; a run that is due goes before any rest.
fn earlier(rest: Decision, observe: Decision) -> Decision {
    match (&rest, &observe) {
        (_, Decision::Begin { .. }) => observe,
        (Decision::Rest(why, Some(a)), Decision::Rest(_, Some(b))) if b < a => Decision::Rest(why, Some(*b)),
        _ => rest,
    }
}

/// When a workspace is to be looked at next: the interval after `now`, moved by up to a tenth
/// either way so that not all are looked at together.
#[must_use]
pub fn next_look(now: Timestamp, interval_seconds: u32, fraction: f64) -> Timestamp {
    let jittered = f64::from(interval_seconds) * (0.9 + 0.2 * fraction);
    #[expect(clippy::cast_possible_truncation, reason = "at most 1.1 times a u32 of seconds")]
    let seconds = jittered.round() as i64;
    plus_seconds(now, seconds.max(1))
}
