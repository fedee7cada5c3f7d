//! Redacts the logs of runs that are over, beside the queue: no run waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Service;

/// How long until logs are tried again that could not be redacted, as on a full disk.
const AGAIN: Duration = Duration::from_secs(15);

/// Redacts until `shutdown`, first what an earlier daemon has left.
pub async fn redact(service: Arc<Service>, shutdown: CancellationToken) {
    if let Err(error) = service.find_unredacted().await {
        tracing::warn!(%error, "cannot look for logs that are to be redacted");
    }
    loop {
        let woken = service.wakes.ended.notified();
        if let Err(error) = service.redact_logs().await {
            tracing::warn!(%error, "cannot redact the logs of runs that are over");
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(AGAIN) => {}
            () = shutdown.cancelled() => return,
        }
    }
}
