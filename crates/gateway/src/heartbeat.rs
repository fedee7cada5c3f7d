//! Who hangs: asked again and again, with a short limit, whoever is silent three times in a row.
//!
//! **Invariant:** time is counted in turns of one's own loop: what this process could not count, because
//! the machine slept or had no time for it, is no silence of others.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use crate::client::Client;
use crate::grpc;
use crate::server::living;

/// How often one is asked, and how long it has to answer, where nobody says otherwise.
const BEAT: Duration = Duration::from_secs(4);
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

/// Waits until one that is asked by `ask`, once in each `beat`, has missed its answer three times in a row.
async fn until_silent<F: Future<Output = bool>>(beat: Duration, mut ask: impl FnMut() -> F) {
    let mut misses = 0;
    while misses < MISSES_MAX {
        tokio::time::sleep(beat).await;
        let answered = within(beat, ask()).await.unwrap_or(false);
        misses = if answered { 0 } else { misses + 1 };
    }
}

/// Whether the provider that listens on `socket` answers: with whatever, but it answers.
pub(crate) async fn provider_answers(socket: &Path) -> bool {
    grpc::responds(socket).await
}

/// Waits until the provider that listens on `socket` hangs.
pub(crate) async fn until_provider_hangs(socket: &Path, beat: Duration) {
    until_silent(beat, || provider_answers(socket)).await;
}

/// Waits until the gateway of `folder` hangs.
pub async fn until_gateway_hangs(folder: &Path) {
    until_silent(beat_of(folder), || Client::answers(folder)).await;
}

/// Whether the gateway of `folder` hangs: it is asked until it answers, or has been silent three times.
pub async fn gateway_hangs(folder: &Path) -> bool {
    let beat = beat_of(folder);
    for _ in 0..MISSES_MAX {
        if within(beat, Client::answers(folder)).await.unwrap_or(false) {
            return false;
        }
    }
    true
}

/// How often the gateway of `folder` is asked, as it was told itself.
fn beat_of(folder: &Path) -> Duration {
    living(folder).map_or(BEAT, |gateway| gateway.beat())
}

/// The same in seconds, for a gateway that does not say.
pub(crate) fn default_seconds() -> u32 {
    u32::try_from(BEAT.as_secs()).unwrap_or_default()
}
