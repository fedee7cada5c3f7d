//! A rollout: those that follow a template's current revision are brought to it, a few at a time,
//! and no further once some have failed.

use serde::Serialize;
use uuid::Uuid;

use super::resource::Key;
use super::run::{Outcome, Run};
use super::template::UpdatePolicy;

/// Somebody who follows a template's current revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// Its workspace.
    pub workspace: Uuid,
    /// Who it is.
    pub key: Key,
    /// How far it is.
    pub stage: Stage,
}

/// How far a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It has another revision.
    Behind,
    /// It is to have the current one, and is on its way.
    Busy,
    /// It is to have the current one, and that failed or was stopped.
    Failed,
    /// It has it.
    Done,
    /// A pause keeps it from its run; it holds up nobody.
    Paused,
}

/// How far a follower is that is to have `assigned`: by its newest run that was meant to change
/// something, whether one is open, and whether it is paused.
#[must_use]
pub fn stage(current: &str, assigned: &str, last: Option<&Run>, is_open: bool, is_paused: bool) -> Stage {
    if assigned != current {
        return Stage::Behind;
    }
    if is_open {
        return Stage::Busy;
    }
    let ended = last.filter(|run| run.revision.as_deref() == Some(current)).and_then(Run::ended);
    match ended.map(|ended| &ended.outcome) {
        Some(Outcome::Failed { .. } | Outcome::Canceled | Outcome::Discarded) => Stage::Failed,
        Some(Outcome::Succeeded | Outcome::Unchanged) => Stage::Done,
        _ if is_paused => Stage::Paused,
        _ => Stage::Busy,
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These are to have the current revision from now on.
    Assign(Vec<Uuid>),
    /// As many as may be are on their way.
    Wait,
    /// As many have failed as end it.
    Stop,
    /// All have it.
    Done,
}

/// What is to be done next for `followers`, which come in the order in which they are brought on.
#[must_use]
pub fn next(followers: &[Follower], policy: UpdatePolicy) -> Next {
    let count = |stage: Stage| followers.iter().filter(|follower| follower.stage == stage).count();
    let behind = followers.iter().filter(|follower| follower.stage == Stage::Behind);
    if count(Stage::Behind) == 0 {
        return if count(Stage::Failed) > 0 {
            Next::Stop
        } else if count(Stage::Busy) > 0 {
            Next::Wait
        } else {
            Next::Done
        };
    }
    if count(Stage::Failed) >= policy.stop_after_failures as usize {
        return Next::Stop;
    }
    let room = (policy.max_at_once as usize).saturating_sub(count(Stage::Busy) + count(Stage::Failed));
    let chosen: Vec<Uuid> = behind.take(room).map(|follower| follower.workspace).collect();
    if chosen.is_empty() { Next::Wait } else { Next::Assign(chosen) }
}
