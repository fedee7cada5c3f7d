//! `captd approve`: a plan that waits may be applied.

use anyhow::Result;

use super::judge::Until;
use super::output::say;
use super::progress::Wait;
use super::session::Session;
use super::{Exit, verdict};
use crate::domain::run::Kind;

/// `captd approve`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run; name of a machine, or workspace/NAME, whose run waits
    #[arg(required = true, value_name = "RUN|NAME")]
    words: Vec<String>,
    #[command(flatten)]
    wait: Wait,
}

/// Approves.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let run = verdict::send(session, &args.words, "approve", &[]).await?;
    say(format_args!("run/{} approved: {}", run.id, run.changes()))?;
    let until = if run.kind == Kind::Destroy { Until::Gone } else { Until::InForce };
    args.wait.follow(session, &[run.key()], until).await
}
