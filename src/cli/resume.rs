//! `captd resume`: ends a pause.

use anyhow::Result;

use super::output::say;
use super::session::Session;
use super::wire::Machine;
use super::{Exit, target};

/// `captd resume`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the machine; `machine NAME` and machine/NAME are read too
    #[arg(required = true, value_name = "MACHINE")]
    words: Vec<String>,
}

/// Resumes.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let name = target::machine(&args.words)?;
    let path = ["v1", "namespaces", session.namespace.as_str(), "machines", name.as_str(), "resume"];
    let machine: Machine = session.client.post(&path, None).await?;
    say(format_args!("machine/{}/{name} resumed", machine.metadata.namespace))?;
    Ok(Exit::Done)
}
