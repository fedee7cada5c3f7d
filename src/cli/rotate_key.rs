//! `captd state rotate-key`: a new key for what is kept secret.

use anyhow::Result;
use serde::Deserialize;

use super::Exit;
use super::output::{note, say};
use super::session::Session;

/// `captd state rotate-key`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The new key goes first into the key file, then everything is sealed with it while the daemon serves, then older keys
leave the file. A key stays as long as a run is at work that has signed in with it; the daemon's next sweep or start
takes it out. When this is interrupted, the daemon goes on with it. A backup that was taken before opens with the old key only.")]
pub(super) struct Args {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    current: String,
    resealed: u64,
    broken: u64,
    kept: Vec<String>,
    runs_at_work: u64,
}

/// Asks for a new key, and waits until everything is sealed with it.
pub(super) async fn run(session: &Session) -> Result<Exit> {
    let done: Rotation = session.client.post(&["v1", "keys", "rotate"], None).await?;
    say(format_args!("key {} is the current one: {} states and plans were sealed again", done.current, done.resealed))?;
    if !done.kept.is_empty() {
        let kept = done.kept.join(", ");
        let why = match (done.runs_at_work, done.broken) {
            (0, _) => "what is damaged is sealed with it".to_owned(),
            (runs, 0) => format!("{runs} runs at work signed in with it, and it goes after their end"),
            (runs, _) => format!("{runs} runs at work signed in with it, and what is damaged is sealed with it"),
        };
        say(format_args!("key {kept} stays in the key file: {why}"))?;
    }
    say(
        "keep a copy of the key file as it is now; backups that were taken before open with the old key only: keep it with them",
    )?;
    if done.broken > 0 {
        note(format_args!("error: {} states or plans cannot be opened; the daemon's log names them", done.broken));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}
