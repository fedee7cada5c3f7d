//! Whether the processes of the pool answer: each is asked again and again, whoever uses it.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Gateway;
use crate::heartbeat::{provider_answers, within};

/// Asks all of them, for as long as the gateway is at work.
pub(super) async fn watch(gateway: Arc<Gateway>) {
    let beat = gateway.beat();
    loop {
        tokio::time::sleep(beat).await;
        let mut asked = JoinSet::new();
        let sockets = gateway.pool().sockets();
        for socket in sockets {
            asked.spawn(async move {
                let answered = within(beat, provider_answers(&socket)).await.unwrap_or(false);
                (socket, answered)
            });
        }
        while let Some(Ok((socket, answered))) = asked.join_next().await {
            let now = gateway.now();
            gateway.pool().beat(&socket, answered, now);
        }
    }
}
