//! A person's word on a run: shared by `approve`, `discard` and `cancel`.

use anyhow::Result;

use super::client::Query;
use super::session::Session;
use super::target::RunOrOwner;
use super::wire::Run;

/// Sends `verb` to the run that the words name: by its id, or by whose it is.
pub(super) async fn send(session: &Session, words: &[String], verb: &str, query: Query<'_>) -> Result<Run> {
    let id = RunOrOwner::parse(words, &session.namespace)?.run(session).await?;
    Ok(session.client.ask(&["v1", "runs", &id.to_string(), verb], query).await?)
}
