//! `captd delete`: what is in the cloud first, what is declared afterwards.

use anyhow::Result;
use serde_json::Value;

use super::judge::Until;
use super::output::{note, say};
use super::progress::Wait;
use super::session::Session;
use super::{Exit, Usage, target};
use crate::domain::resource::{Key, ResourceKind};

/// `captd delete`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of machines, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
    /// Delete also what needs them, in order
    #[arg(long)]
    cascade: bool,
    /// Let go of it without destroying what it made, which stays in the cloud; its state is kept (`captd get retained`).
    /// Asks for --yes
    #[arg(long, conflicts_with = "cascade")]
    abandon: bool,
    /// With --abandon: nothing is to be destroyed, and I take care of what stays
    #[arg(long, requires = "abandon")]
    yes: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Asks for the deletion of each.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    if args.abandon && !args.yes {
        return Err(Usage::error(
            "--abandon destroys nothing: what was made stays in the cloud, costs money, and captd manages it no longer. Say so with --yes",
        ));
    }
    let mut asked: Vec<Key> = Vec::new();
    let mut exit = Exit::Done;
    let query = [("cascade", args.cascade.to_string()), ("abandon", args.abandon.to_string())];
    for key in target::resources(&args.words, &session.namespace)? {
        match session.client.delete(&target::path_of(&key, &[]), &query).await {
            Ok(answer) if args.abandon => {
                let what = answer["message"].as_str().unwrap_or("what it made may still exist");
                say(format_args!("{} is abandoned, and nothing was destroyed: {what}", key.path()))?;
            }
            Ok(answer) => {
                say(format_args!("{} is being deleted", key.path()))?;
                if let Some(why) = stays(&answer, &key) {
                    note(why);
                }
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

/// What a deletion leaves that was never in force: captd destroys what it made, and it made nothing.
fn stays(answer: &Value, key: &Key) -> Option<&'static str> {
    let status = &answer["status"];
    let never = status["observedGeneration"] == 0 && status["latestRun"]["kind"] != "destroy";
    (never && key.kind == ResourceKind::Machine).then_some(
        "it was never in force: captd has made nothing and destroys nothing; a node group of its name that exists in the cloud stays there as it is",
    )
}
