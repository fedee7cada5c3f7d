//! `captd delete`: node groups first, machines afterwards.

use anyhow::Result;

use super::judge::Until;
use super::output::{note, say};
use super::progress::Wait;
use super::session::Session;
use super::{Exit, target};
use crate::domain::name::Name;

/// `captd delete`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of machines; `machine NAME` and machine/NAME are read too
    #[arg(required = true, value_name = "MACHINE")]
    words: Vec<String>,
    #[command(flatten)]
    wait: Wait,
}

/// Asks for the deletion of each.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let namespace = &session.namespace;
    let mut asked: Vec<(Name, Name)> = Vec::new();
    let mut exit = Exit::Done;
    for name in target::machines(&args.words)? {
        match session.client.delete(&["v1", "namespaces", namespace.as_str(), "machines", name.as_str()]).await {
            Ok(()) => {
                say(format_args!("machine/{namespace}/{name} is being deleted"))?;
                asked.push((namespace.clone(), name));
            }
            // The others are deleted all the same, as kubectl does.
            Err(error) if error.problem().is_some_and(|problem| problem.status != 401) => {
                note(format_args!("error: machine/{namespace}/{name}: {error}"));
                exit = Exit::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit.worse(args.wait.follow(session, &asked, Until::Gone).await?))
}
