//! `captd cancel`: a run stops; what is under way ends, nothing new begins.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::{Exit, verdict};

/// `captd cancel`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run, or name of a machine whose run is open
    #[arg(required = true, value_name = "RUN|MACHINE")]
    words: Vec<String>,
}

/// Cancels.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let run = verdict::send(session, &args.words, "cancel").await?;
    if run.is_over() {
        say(format_args!("run/{} {}", run.id, run.state))?;
    } else {
        say(format_args!(
            "run/{} is {} and is asked to stop: what is under way ends, nothing new begins",
            run.id, run.state
        ))?;
    }
    Ok(Exit::Done)
}
