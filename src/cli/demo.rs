//! `captd demo`: a daemon in this process, and the story of one node group, told as it happens.
//!
//! **Invariant:** leaves nothing behind but what was put into a data folder that was asked for.

mod story;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::Exit;
use super::config_check::environment;
use super::connection::Connection;
use super::output::{note, say};
use super::serve::Signals;
use super::session::Session;
use crate::app;
use crate::config::{Config, Sources};
use crate::domain::name::Name;
use crate::telemetry::{self, Format};

/// Where it listens when that is free.
const USUAL_ADDRESS: &str = "127.0.0.1:8420";

/// Where it listens otherwise.
const ANY_ADDRESS: &str = "127.0.0.1:0";

/// How often is asked whether a run that is at work has ended.
const LOOK: Duration = Duration::from_millis(100);

/// `captd demo`
#[derive(Debug, clap::Args)]
#[command(after_help = "The data is in a temporary folder, which is removed at the end, unless --data-dir names one.")]
pub(super) struct Args {
    /// End when the story is told
    #[arg(long)]
    once: bool,
    /// Address and port [default: 127.0.0.1:8420, or a free port when that one is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Where the data is.
#[derive(Debug)]
enum Data {
    Kept(PathBuf),
    Passing(TempDir),
}

impl Data {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(dir) => dir.path(),
        }
    }
}

/// Tells the story.
pub(super) async fn run(args: Args, connection: &Connection) -> Result<Exit> {
    let mut signals = Signals::new()?;
    telemetry::start("warn", Format::Text);
    let data = match connection.given_data_dir() {
        Some(path) => Data::Kept(std::path::absolute(path).context("the data folder has no absolute path")?),
        None => Data::Passing(
            tempfile::Builder::new()
                .prefix("captd-demo-")
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir()
                .context("cannot make a temporary folder")?,
        ),
    };
    let flags = vec![("server.listen".to_owned(), args.listen.unwrap_or_else(free_address))];
    let environment = environment();
    let config = Config::load(data.path(), &Sources { file: None, environment: environment.clone(), flags })?;
    let running = tokio::select! {
        started = app::start(config, environment) => started?,
        // A terminal that is closed is an end too: a hangup has nothing to read again here.
        _ = signals.next() => return Ok(interrupted(args.once)),
    };
    let session = Session::with(&running.address().to_string(), running.token(), Name::default_namespace())?;
    let told = tokio::select! {
        told = tell(&session, &data, running.token(), args.once) => Some(told),
        _ = signals.next() => None,
    };
    let exit = match told {
        None => Ok(interrupted(args.once)),
        Some(Ok(Exit::Done)) if !args.once => {
            signals.next().await;
            Ok(Exit::Done)
        }
        Some(told) => told,
    };
    tokio::select! {
        () = let_runs_end(&session, &data) => {}
        _ = signals.next() => {}
    }
    running.stop().await;
    exit
}

/// An end before the end of the story is what was wanted, unless the story itself was.
fn interrupted(once: bool) -> Exit {
    if once { Exit::Failed } else { Exit::Done }
}

/// The usual address, or one with a free port when another program has it.
fn free_address() -> String {
    if TcpListener::bind(USUAL_ADDRESS).is_ok() {
        return USUAL_ADDRESS.to_owned();
    }
    note(format_args!("{USUAL_ADDRESS} is taken by another program; this demo takes a free port"));
    ANY_ADDRESS.to_owned()
}

async fn tell(session: &Session, data: &Data, token: &str, once: bool) -> Result<Exit> {
    let removed = if matches!(data, Data::Passing(_)) { ", removed at the end" } else { "" };
    let address = session.client.address();
    let terraform: serde_json::Value = session.client.get(&["v1", "version"], &[]).await?;
    let terraform = terraform["terraform"].as_str().unwrap_or_default();
    say(format_args!("captd {} listens on {address}", env!("CARGO_PKG_VERSION")))?;
    say(format_args!("its data is in {}{removed}", data.path().display()))?;
    say(format_args!("it drives Terraform {terraform}; this takes no cloud account and no network\n"))?;
    let exit = story::tell(session, data.path()).await?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    if once {
        say(format_args!("\nThat was the daemon on {address}; without --once it stays up."))?;
        return Ok(Exit::Done);
    }
    let captd = program();
    say(format_args!(
        "\nThe daemon stays up on {address} until Ctrl-C. Try it from another terminal:\n
  export CAPTD_ADDR={address} CAPTD_TOKEN={token}
  {captd} get machines
  {captd} describe machine demo-workers
  {captd} scale demo-workers --desired 1 --wait
  curl -s -H \"Authorization: Bearer $CAPTD_TOKEN\" $CAPTD_ADDR/v1/machines\n"
    ))?;
    Ok(Exit::Done)
}

/// How this program can be called from here.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "captd".to_owned() };
    let below = std::env::current_dir().ok().and_then(|dir| Some(path.strip_prefix(dir).ok()?.to_owned()));
    let text = below.map_or_else(|| path.display().to_string(), |below| format!("./{}", below.display()));
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Waits for runs that are at work, so that nobody writes into a folder that is removed. Kept data
/// needs no waiting: the next daemon finds the run again.
async fn let_runs_end(session: &Session, data: &Data) {
    if matches!(data, Data::Kept(_)) {
        return;
    }
    let query = [("state", "preparing,planning,applying".to_owned())];
    let mut is_said = false;
    while session.client.list(&["v1", "runs"], &query).await.is_ok_and(|runs| !runs.is_empty()) {
        if !std::mem::replace(&mut is_said, true) {
            note("a run is under way; waiting for its end (Ctrl-C again: at once)");
        }
        tokio::time::sleep(LOOK).await;
    }
}
