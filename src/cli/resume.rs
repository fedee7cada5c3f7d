//! `captd resume`: ends a pause.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::wire::Resource;
use super::{Exit, target};

/// `captd resume`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
}

/// Resumes.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let key = target::resource(&args.words, &session.namespace)?;
    let _: Resource = session.client.post(&target::path_of(&key, &["resume"]), None).await?;
    say(format_args!("{} resumed", key.path()))?;
    Ok(Exit::Done)
}
