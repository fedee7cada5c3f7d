//! When a failed run is tried again.

use super::failure::Failure;

/// How long to wait between tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub base_seconds: u32,
    /// No wait is longer.
    pub cap_seconds: u32,
    /// Tries after the first one; then a person is waited for.
    pub retries_max: u32,
}

/// What comes after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A further try, after so many seconds.
    Try(i64),
    /// Nothing: a further try cannot help.
    Wait,
    /// Nothing: it was tried as often as it may be.
    GiveUp,
}

/// What comes after the failure of `attempt` (1 for the first).
#[must_use]
pub fn next(failure: &Failure, attempt: u32, backoff: Backoff, fraction: f64) -> Next {
    if !failure.class.is_retryable() || !failure.unsure.is_empty() {
        return Next::Wait;
    }
    if attempt > backoff.retries_max {
        return Next::GiveUp;
    }
    Next::Try(wait_seconds(attempt, backoff, fraction))
}

/// Seconds to wait after `attempt` (1 for the first): doubled each time up to the cap, then moved
/// by up to a fifth either way, so that what failed together does not come back together.
/// `fraction` is in `0.0..1.0`.
#[must_use]
pub fn wait_seconds(attempt: u32, backoff: Backoff, fraction: f64) -> i64 {
    let doublings = attempt.saturating_sub(1).min(31);
    let plain = u64::from(backoff.base_seconds).saturating_mul(1 << doublings).min(u64::from(backoff.cap_seconds));
    let plain = u32::try_from(plain).unwrap_or(u32::MAX);
    let jittered = f64::from(plain) * (0.8 + 0.4 * fraction);
    #[expect(clippy::cast_possible_truncation, reason = "at most 1.2 times a u32 of seconds")]
    let seconds = jittered.round() as i64;
    seconds.max(1)
}
