//! Who hangs: asked again and again, with a short limit, whoever is silent three times in a row.
//!
//! **Invariant:** time is counted in turns of one's own loop: what this process could not count, because
//! the machine slept or had no time for it, is no silence of others.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use crate::client::Client;
use crate::grpc;

/// How often one is asked.
pub(crate) const BEAT: Duration = Duration::from_secs(4);
/// How long one has to answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(4);
/// Answers missed in a row after which one hangs.
pub(crate) const MISSES_MAX: u32 = 3;
/// A turn of the loop in which time is counted.
const TURN: Duration = Duration::from_millis(100);

/// What comes of `asked` within the limit, in turns of this loop; `None` when nothing does.
pub(crate) async fn within<T>(limit: Duration, asked: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(asked);
    let mut left = limit;
    loop {
        tokio::select! {
            biased;
            answer = asked.as_mut() => return Some(answer),
            () = tokio::time::sleep(TURN) => {}
        }
        left = left.checked_sub(TURN).filter(|left| !left.is_zero())?;
    }
}

/// Waits until one that is asked by `ask` has missed its answer three times in a row.
async fn until_silent<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    let mut misses = 0;
    while misses < MISSES_MAX {
        tokio::time::sleep(BEAT).await;
        let answered = within(ANSWER, ask()).await.unwrap_or(false);
        misses = if answered { 0 } else { misses + 1 };
    }
}

/// Whether the provider that listens on `socket` answers: with whatever, but it answers.
pub(crate) async fn provider_answers(socket: &Path) -> bool {
    grpc::responds(socket).await
}

/// Waits until the provider that listens on `socket` hangs.
pub(crate) async fn until_provider_hangs(socket: &Path) {
    until_silent(|| provider_answers(socket)).await;
}

/// Waits until the gateway of `folder` hangs.
pub async fn until_gateway_hangs(folder: &Path) {
    until_silent(|| Client::answers(folder)).await;
}

/// Whether the gateway of `folder` hangs: it is asked until it answers, or has been silent three times.
pub async fn gateway_hangs(folder: &Path) -> bool {
    for _ in 0..MISSES_MAX {
        if within(ANSWER, Client::answers(folder)).await.unwrap_or(false) {
            return false;
        }
    }
    true
}
