//! `[retention]`: how much of the past is kept.

use crate::domain::fields::Fields;

/// `[retention]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Runs kept of each workspace, with plan and log; the newest that changed something stays.
    pub runs_per_workspace: u32,
    /// Days for which the runs and states of a deleted machine are kept.
    pub deleted_days: u32,
    /// Versions kept of each workspace's state.
    pub states_per_workspace: u32,
    /// Events kept, the newest of all.
    pub events: u32,
    /// Generations kept of each machine; those that a kept run names stay.
    pub generations_per_machine: u32,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Retention> {
    Some(Retention {
        runs_per_workspace: super::number(f, "runs_per_workspace", 50, 2, 100_000),
        deleted_days: super::number(f, "deleted_days", 30, 0, 36_500),
        states_per_workspace: super::number(f, "states_per_workspace", 100, 1, 100_000),
        events: super::number(f, "events", 100_000, 1_000, 100_000_000),
        generations_per_machine: super::number(f, "generations_per_machine", 50, 1, 100_000),
    })
}
