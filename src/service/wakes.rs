//! Hints that something may be due, without data. Whoever waits registers first, then reads the
//! tables, and looks again after a while even without a hint.

use tokio::sync::Notify;

/// The hints.
#[derive(Debug, Default)]
pub struct Wakes {
    /// A run may be waiting for a place, or an open one for attention.
    pub queue: Notify,
    /// A workspace may need a decision.
    pub reconciler: Notify,
}

impl Wakes {
    /// Wakes both.
    pub(super) fn all(&self) {
        self.queue.notify_one();
        self.reconciler.notify_one();
    }
}
