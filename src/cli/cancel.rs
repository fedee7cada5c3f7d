//! `captd cancel`: a run stops; what is under way ends, nothing new begins.

use anyhow::Result;

use super::output::{note, say};
use super::session::Session;
use super::target::RunOrOwner;
use super::{Exit, verdict};

/// `captd cancel`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run; name of a machine, or workspace/NAME, whose run is open
    #[arg(required = true, value_name = "RUN|NAME")]
    words: Vec<String>,
    /// A second request, for a run that applies and was asked before: it ends at once, is killed after 60 s,
    /// and what is under way goes on in the cloud and is recorded nowhere
    #[arg(long)]
    force: bool,
}

/// Cancels.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let query: &[(&str, String)] = if args.force { &[("force", "true".to_owned())] } else { &[] };
    if args.force {
        // Before it is done: afterwards nobody could say.
        let id = RunOrOwner::parse(&args.words, &session.namespace)?.run(session).await?;
        let run = session.run(id).await?;
        if !run.under_way.is_empty() {
            note(format!("may be made and recorded nowhere: {}", run.under_way.join(", ")));
        }
    }
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
        if !run.under_way.is_empty() {
            say(format_args!("under way: {}", run.under_way.join(", ")))?;
        }
    }
    Ok(Exit::Done)
}
