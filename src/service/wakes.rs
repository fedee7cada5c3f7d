//! Hints that something may be due, without data. Whoever waits registers first, then reads the
//! tables, and looks again after a while even without a hint.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The hints.
#[derive(Debug, Default)]
pub struct Wakes {
    /// A run may be waiting for a place, or an open one for attention.
    pub queue: Notify,
    /// A workspace may need a decision.
    pub reconciler: Notify,
    /// Something may have happened.
    pub events: Notify,
    /// A run may be over.
    pub ended: Notify,
    /// Other provider configurations hold.
    pub providers: Notify,
    rounds: AtomicU64,
}

impl Wakes {
    /// Says that the queue has made a round.
    pub fn round_made(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// How many rounds the queue has made: a queue that hangs makes none.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Wakes all.
    pub(super) fn all(&self) {
        self.queue.notify_one();
        self.ended.notify_one();
        self.reconciler.notify_one();
        self.events.notify_waiters();
    }
}
