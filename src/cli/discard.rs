//! `captd discard`: a plan that waits is not applied.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::{Exit, verdict};

/// `captd discard`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run; name of a machine, or workspace/NAME, whose run waits
    #[arg(required = true, value_name = "RUN|NAME")]
    words: Vec<String>,
}

/// Discards.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let run = verdict::send(session, &args.words, "discard", &[]).await?;
    say(format_args!(
        "run/{} discarded; change the {}, or `captd retry {}` plans again",
        run.id,
        run.key().kind.noun(),
        run.key().handle()
    ))?;
    Ok(Exit::Done)
}
