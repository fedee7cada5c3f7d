//! Waiting for something that will be true, with a limit for the case that it never is.

use std::future::Future;
use std::time::Duration;

/// Far more than anything takes on a loaded machine: reached only when something is wrong.
const GIVE_UP: Duration = Duration::from_mins(5);
/// Between two questions at first. What takes longer is asked for less often: a daemon that answers all the time has less
/// time for what is waited for.
const SOONEST: Duration = Duration::from_millis(20);
const LATEST: Duration = Duration::from_millis(250);

/// Asks until there is an answer.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        let mut pause = SOONEST;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(pause).await;
            // A fiftieth of what it has waited.
            pause = (pause + pause / 50).min(LATEST);
        }
    };
    tokio::time::timeout(GIVE_UP, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}
