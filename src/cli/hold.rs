//! `captd hold` and `captd release`: whether anything is applied.

use anyhow::Result;
use serde_json::Value;

use super::Exit;
use super::output::say;
use super::session::Session;

/// Holds everything back.
pub(super) async fn hold(session: &Session) -> Result<Exit> {
    let answer: Value = session.client.put(&["v1", "hold"], None).await?;
    let why = answer["why"].as_str().unwrap_or_default();
    say(format_args!("{why}: runs plan, and nothing is applied; `captd release` ends this"))?;
    Ok(Exit::Done)
}

/// Releases everything.
pub(super) async fn release(session: &Session) -> Result<Exit> {
    session.client.delete(&["v1", "hold"], &[]).await?;
    say("released: what was planned is applied")?;
    Ok(Exit::Done)
}
