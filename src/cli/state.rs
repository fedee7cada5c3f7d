//! `captd state`: Terraform's state of a machine or workspace, version by version.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::config_check::File;
use super::connection::Connection;
use super::output::{Columns, note, say, write_bytes};
use super::session::Session;
use super::state_source::{Source, Version};
use super::target::path_of;
use super::{Exit, Usage, kubernetes_state, rotate_key, target, times};
use crate::domain::resource::Key;

/// `captd state`
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the versions that are kept, newest first
    List(Whose),
    /// List the resources of a version
    Show(OneVersion),
    /// Print a version as Terraform wrote it, secrets included
    Pull(OneVersion),
    /// Hand in a state
    Push(Push),
    /// Make an old version the newest: it is copied forward, nothing is lost
    Rollback(Rollback),
    /// Say that the state that is kept is the true one, when a run has left another
    Trust(Whose),
    /// End a person's lock, once the process that took it is gone; a run's own goes with its end
    Unlock(Whose),
    /// Seal every state and plan with a new key
    RotateKey(rotate_key::Args),
}

/// Names a machine or workspace.
#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// Name of a machine, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
}

/// Names a version of a state.
#[derive(Debug, clap::Args)]
pub(super) struct OneVersion {
    #[command(flatten)]
    whose: Whose,
    /// Which version; the newest when not said
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    #[command(flatten)]
    file: File,
}

/// `captd state push`
#[derive(Debug, clap::Args)]
pub(super) struct Push {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    given: Given,
    /// Take it as the next state, whatever lineage and serial it says it has
    #[arg(long)]
    forward: bool,
}

/// Where a state lies that is handed in.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Given {
    /// A file with a state
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A file with the Secret in which Terraform's Kubernetes backend keeps its state, as `kubectl get secret -o yaml`
    /// prints it; - for standard input
    #[arg(long, value_name = "FILE")]
    from_secret: Option<PathBuf>,
}

/// `captd state rollback`
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    whose: Whose,
    /// The version to go back to
    #[arg(long, value_name = "N")]
    to: u64,
}

/// Runs the command.
pub(super) async fn run(connection: &Connection, command: Command) -> Result<Exit> {
    match command {
        Command::List(whose) => {
            let key = target::resource(&whose.words, &connection.namespace()?)?;
            list(Source::find(connection).await?, &key).await
        }
        Command::Show(one) => show(&pull(connection, &one).await?),
        Command::Pull(one) => {
            write_bytes(&pull(connection, &one).await?)?;
            Ok(Exit::Done)
        }
        command => change(&Session::open(connection).await?, command).await,
    }
}

async fn pull(connection: &Connection, one: &OneVersion) -> Result<Vec<u8>> {
    let key = target::resource(&one.whose.words, &connection.namespace()?)?;
    Source::find(connection).await?.state(&key, one.version, &one.file).await
}

/// What only the daemon does.
async fn change(session: &Session, command: Command) -> Result<Exit> {
    match command {
        Command::RotateKey(_) => rotate_key::run(session).await,
        Command::Push(push) => hand_in(session, &target::resource(&push.whose.words, &session.namespace)?, &push).await,
        Command::Rollback(rollback) => {
            let key = target::resource(&rollback.whose.words, &session.namespace)?;
            let path = path_of(&key, &["state", "rollback"]);
            let kept: Version = session.client.post(&path, Some(&json!({"version": rollback.to}))).await?;
            say(format_args!(
                "{}: version {} is now version {}, serial {}",
                short(&key),
                rollback.to,
                kept.number,
                kept.serial
            ))?;
            Ok(Exit::Done)
        }
        Command::Unlock(whose) => {
            let key = target::resource(&whose.words, &session.namespace)?;
            session.client.delete(&path_of(&key, &["state", "lock"]), &[]).await?;
            say(format_args!("{}: its state is locked no more; runs go on", short(&key)))?;
            Ok(Exit::Done)
        }
        Command::Trust(whose) => {
            let key = target::resource(&whose.words, &session.namespace)?;
            let _: Value = session.client.post(&path_of(&key, &["state", "trust"]), None).await?;
            say(format_args!("{}: the state that is kept is the true one; runs go on", short(&key)))?;
            Ok(Exit::Done)
        }
        Command::List(_) | Command::Show(_) | Command::Pull(_) => Ok(Exit::Done),
    }
}

async fn list(mut source: Source, key: &Key) -> Result<Exit> {
    let versions = source.versions(key).await?;
    if versions.is_empty() {
        note(format_args!("{} has no state yet", short(key)));
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|v| {
            let age = times::age(v.created_at, source.now());
            vec![
                v.number.to_string(),
                v.serial.to_string(),
                v.bytes.to_string(),
                v.author.clone(),
                age,
                v.lineage.clone(),
            ]
        })
        .collect();
    let header = vec!["VERSION", "SERIAL", "BYTES", "AUTHOR", "AGE", "LINEAGE"];
    say(Columns::new(header).with_header(&rows))?;
    Ok(Exit::Done)
}

/// `machine/workers`
fn short(key: &Key) -> String {
    format!("{}/{}", key.kind.noun(), key.name)
}

/// Addresses, as `terraform state list` prints them.
fn show(state: &[u8]) -> Result<Exit> {
    let state: Value = serde_json::from_slice(state).context("the state is no JSON")?;
    for resource in state["resources"].as_array().into_iter().flatten() {
        let text = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
        let module = if text("module").is_empty() { String::new() } else { format!("{}.", text("module")) };
        let mode = if text("mode") == "data" { "data." } else { "" };
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let index = &instance["index_key"];
            let index = if index.is_null() { String::new() } else { format!("[{index}]") };
            let tainted = if instance["status"] == "tainted" { " (tainted)" } else { "" };
            say(format_args!("{module}{mode}{}.{}{index}{tainted}", text("type"), text("name")))?;
        }
    }
    Ok(Exit::Done)
}

async fn hand_in(session: &Session, key: &Key, push: &Push) -> Result<Exit> {
    let state = match (&push.given.from, &push.given.from_secret) {
        (Some(from), _) => std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?,
        (None, Some(secret)) => kubernetes_state::read(secret)?,
        (None, None) => return Err(Usage::error("say where the state is: --from FILE or --from-secret FILE")),
    };
    let query = [("forward", push.forward.to_string())];
    let kept: Version = session.client.send(&path_of(key, &["state"]), &query, state).await?;
    say(format_args!("{}: kept as version {}, serial {}", short(key), kept.number, kept.serial))?;
    Ok(Exit::Done)
}
