//! `[reconcile]`: how often the cloud is looked at, and how failed runs are tried again.

use crate::domain::fields::Fields;
use crate::domain::retry::Backoff;

/// `[reconcile]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconcile {
    /// Seconds between two looks at a workspace.
    pub observe_interval_seconds: u32,
    /// Seconds between two rounds of the reconciler, when nothing wakes it earlier.
    pub tick_seconds: u32,
    /// How failed runs are tried again.
    pub backoff: Backoff,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Reconcile> {
    let backoff = Backoff {
        base_seconds: super::number(f, "retry_base_seconds", 15, 1, 3_600),
        cap_seconds: super::number(f, "retry_cap_seconds", 900, 1, 86_400),
        retries_max: super::number(f, "retries_max", 8, 0, 1_000_000),
    };
    if backoff.base_seconds > backoff.cap_seconds {
        f.problem("retry_base_seconds", "out_of_range", "is greater than retry_cap_seconds");
    }
    Some(Reconcile {
        observe_interval_seconds: super::number(f, "observe_interval_seconds", 600, 1, 86_400),
        tick_seconds: super::number(f, "tick_seconds", 5, 1, 3_600),
        backoff,
    })
}
