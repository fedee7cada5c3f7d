//! `captd retry`: another try at a machine's spec or at its deletion, for one or for many.

use anyhow::Result;
use serde::Deserialize;

use super::judge::Until;
use super::output::{note, one_line, say};
use super::progress::Wait;
use super::session::Session;
use super::wire::{Run, Started, kind_of};
use super::{Exit, Usage, plan, target};
use crate::domain::name::Name;
use crate::domain::resource::Key;
use crate::domain::run::Kind;
use crate::domain::selector::Selector;

/// `captd retry`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME
    #[arg(value_name = "NAME", required_unless_present_any = ["selector", "all"], conflicts_with_all = ["selector", "all"])]
    words: Vec<String>,
    /// Those with these labels that have something to try: team=data,tier!=web,env in (a, b)
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "all")]
    selector: Option<String>,
    /// All that have something to try
    #[arg(long)]
    all: bool,
    /// With --selector or --all: of every namespace
    #[arg(short = 'A', long, conflicts_with = "words")]
    all_namespaces: bool,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Deserialize)]
struct Answer {
    items: Vec<Item>,
}

/// A machine or workspace and its run, or why it has none.
#[derive(Debug, Deserialize)]
struct Item {
    kind: String,
    namespace: Name,
    name: Name,
    run: Option<Run>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    reason: String,
}

impl Item {
    fn key(&self) -> Key {
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        Key { kind: kind_of(&self.kind), namespace, name }
    }
}

/// Tries again.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    if args.selector.is_some() || args.all {
        return many(session, args).await;
    }
    let key = target::resource(&args.words, &session.namespace)?;
    let started: Started = plan::ask(session, &key, "retry").await?;
    let Some(run) = started.run else { anyhow::bail!("the daemon has started no run, and does not say why") };
    say_started(&key, &run)?;
    args.wait.follow(session, &[key], until(&run)).await
}

async fn many(session: &Session, args: &Args) -> Result<Exit> {
    let selector = args.selector.clone().unwrap_or_default();
    Selector::parse(&selector).map_err(|error| Usage::error(format!("-l: {error}")))?;
    let namespaced = ["v1", "namespaces", session.namespace.as_str(), "retry"];
    let path: &[&str] = if args.all_namespaces { &["v1", "retry"] } else { &namespaced };
    let answer: Answer = session.client.send(path, &[("labelSelector", selector)], Vec::new()).await?;
    if answer.items.is_empty() {
        note("No machines or workspaces found.");
    }
    let mut exit = Exit::Done;
    let (mut applied, mut destroyed) = (Vec::new(), Vec::new());
    for item in answer.items {
        let key = item.key();
        let Item { run, code, reason, .. } = item;
        let Some(run) = run else {
            say(format_args!("{}: not tried: {}", key.path(), one_line(&reason)))?;
            if matches!(code.as_str(), "state_diverged" | "queue_full") {
                exit = Exit::Failed;
            }
            continue;
        };
        say_started(&key, &run)?;
        let followed = if until(&run) == Until::Gone { &mut destroyed } else { &mut applied };
        followed.push(key);
    }
    let exit = exit.worse(args.wait.follow(session, &applied, Until::InForce).await?);
    Ok(exit.worse(args.wait.follow(session, &destroyed, Until::Gone).await?))
}

fn say_started(key: &Key, run: &Run) -> Result<()> {
    say(format_args!("{}: {} run/{} is {}", key.path(), run.kind.as_str(), run.id, run.state))
}

fn until(run: &Run) -> Until {
    if run.kind == Kind::Destroy { Until::Gone } else { Until::InForce }
}
