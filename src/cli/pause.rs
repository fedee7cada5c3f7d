//! `captd pause`: no run of a machine begins by itself.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::wire::Resource;
use super::{Exit, target};

/// `captd pause`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
}

/// Pauses.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let key = target::resource(&args.words, &session.namespace)?;
    let _: Resource = session.client.post(&target::path_of(&key, &["pause"]), None).await?;
    say(format_args!("{} paused", key.path()))?;
    Ok(Exit::Done)
}
