//! A person's word on a run: shared by `approve`, `discard` and `cancel`.

use anyhow::Result;

use super::client::Query;
use super::session::Session;
use super::target::RunOrMachine;
use super::wire::Run;

/// Sends `verb` to the run that the words name: by its id, or by its machine.
pub(super) async fn send(session: &Session, words: &[String], verb: &str, query: Query<'_>) -> Result<Run> {
    let id = RunOrMachine::parse(words)?.run(session).await?;
    Ok(session.client.ask(&["v1", "runs", &id.to_string(), verb], query).await?)
}
