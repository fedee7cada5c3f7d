//! The reconciler: tick or wake → what is stored → decision → run. It takes no input.
//!
//! **Invariant:** one path for the happy case and for recovery; what fails in a round is tried in
//! the next.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Service;

/// Rounds between two sweeps of what is old.
const ROUNDS_PER_SWEEP: u32 = 100;

/// Runs rounds until `shutdown`.
pub async fn run(service: Arc<Service>, shutdown: CancellationToken) {
    let tick = Duration::from_secs(u64::from(service.config().reconcile.tick_seconds));
    let mut rounds = 0_u32;
    loop {
        // Registered before the tables are read, so that no hint is missed.
        let woken = service.wakes.reconciler.notified();
        round(&service).await;
        if rounds.is_multiple_of(ROUNDS_PER_SWEEP)
            && let Err(error) = service.sweep().await
        {
            tracing::warn!(%error, "cannot remove what is old");
        }
        rounds = rounds.wrapping_add(1);
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(tick) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// One round: rollouts go on, and every idle workspace gets its decision.
async fn round(service: &Service) {
    if let Err(error) = service.look_at_disk().await {
        tracing::warn!(%error, "cannot keep that there is room on the disk again");
    }
    if let Err(error) = service.roll_out().await {
        tracing::warn!(%error, "cannot bring on those that follow a template");
    }
    let due = match service.due().await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "cannot read what is due");
            return;
        }
    };
    for workspace in due {
        if let Err(error) = service.carry_out(workspace).await {
            tracing::warn!(%workspace, %error, "cannot carry out a decision");
        }
    }
}
