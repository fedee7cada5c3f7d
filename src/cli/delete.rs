//! `captd delete`: what is in the cloud first, what is declared afterwards.

use anyhow::Result;

use super::judge::Until;
use super::output::{note, say};
use super::progress::Wait;
use super::session::Session;
use super::{Exit, target};
use crate::domain::resource::Key;

/// `captd delete`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of machines, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
    /// Delete also what needs them, in order
    #[arg(long)]
    cascade: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Asks for the deletion of each.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let mut asked: Vec<Key> = Vec::new();
    let mut exit = Exit::Done;
    let query = [("cascade", args.cascade.to_string())];
    for key in target::resources(&args.words, &session.namespace)? {
        match session.client.delete(&target::path_of(&key, &[]), &query).await {
            Ok(()) => {
                say(format_args!("{} is being deleted", key.path()))?;
                asked.push(key);
            }
            // The others are deleted all the same, as kubectl does.
            Err(error) if error.problem().is_some_and(|problem| problem.status != 401) => {
                note(format_args!("error: {}: {error}", key.path()));
                exit = Exit::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit.worse(args.wait.follow(session, &asked, Until::Gone).await?))
}
