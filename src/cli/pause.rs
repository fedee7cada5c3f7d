//! `captd pause`: no run of a machine begins by itself.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::wire::Machine;
use super::{Exit, target};

/// `captd pause`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the machine; `machine NAME` and machine/NAME are read too
    #[arg(required = true, value_name = "MACHINE")]
    words: Vec<String>,
}

/// Pauses.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let name = target::machine(&args.words)?;
    let path = ["v1", "namespaces", session.namespace.as_str(), "machines", name.as_str(), "pause"];
    let machine: Machine = session.client.post(&path, None).await?;
    say(format_args!("machine/{}/{name} paused", machine.metadata.namespace))?;
    Ok(Exit::Done)
}
