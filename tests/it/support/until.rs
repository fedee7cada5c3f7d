//! Waiting for something that will be true, with a limit for the case that it never is.

use std::future::Future;
use std::time::Duration;

/// Far more than anything takes on a loaded machine: reached only when something is wrong.
const GIVE_UP: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(GIVE_UP, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}
