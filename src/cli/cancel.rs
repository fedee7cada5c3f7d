//! `captd cancel`: a run stops; what is under way ends, nothing new begins.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::{Exit, verdict};

/// `captd cancel`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run; name of a machine, or workspace/NAME, whose run is open
    #[arg(required = true, value_name = "RUN|NAME")]
    words: Vec<String>,
    /// A second request, for a run that applies and was asked before: it ends at once, and what is
    /// under way goes on in the cloud and is recorded nowhere
    #[arg(long)]
    force: bool,
}

/// Cancels.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let query: &[(&str, String)] = if args.force { &[("force", "true".to_owned())] } else { &[] };
    let run = verdict::send(session, &args.words, "cancel", query).await?;
    if run.is_over() {
        say(format_args!("run/{} {}", run.id, run.state))?;
    } else if let Some(warning) = &run.warning {
        say(format_args!("run/{} is {} and is forced to stop: {warning}", run.id, run.state))?;
    } else {
        say(format_args!(
            "run/{} is {} and is asked to stop: what is under way ends, nothing new begins",
            run.id, run.state
        ))?;
    }
    Ok(Exit::Done)
}
