//! `captd retry`: another try at a machine's spec, or at its deletion.

use anyhow::{Context, Result};

use super::judge::Until;
use super::output::say;
use super::progress::Wait;
use super::session::Session;
use super::wire::Started;
use super::{Exit, plan, target};
use crate::domain::run::Kind;

/// `captd retry`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the machine; `machine NAME` and machine/NAME are read too
    #[arg(required = true, value_name = "MACHINE")]
    words: Vec<String>,
    #[command(flatten)]
    wait: Wait,
}

/// Tries again.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let name = target::machine(&args.words)?;
    let started: Started = plan::ask(session, &name, "retry").await?;
    let run = started.run.context("the daemon has started no run, and does not say why")?;
    say(format_args!("machine/{}/{name}: {} run/{} is {}", session.namespace, run.kind.as_str(), run.id, run.state))?;
    let until = if run.kind == Kind::Destroy { Until::Gone } else { Until::InForce };
    args.wait.follow(session, &[(session.namespace.clone(), name)], until).await
}
