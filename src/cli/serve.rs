//! `captd serve`: the daemon in the foreground, until it is told to end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use super::config_check::{File, environment};
use super::connection::{Connection, TOKEN_FILE};
use super::output::say;
use crate::app::{self, Running};
use crate::config::{Config, Sources};
use crate::telemetry::{self, Format};

/// `captd serve`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends on SIGTERM or Ctrl-C; a terraform that is at work goes on, and the next daemon finds it. On SIGHUP the provider
configurations are read again. Each setting can be a variable too: CAPTD_ENGINE__PLANS_AT_ONCE is engine.plans_at_once.")]
pub(super) struct Args {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    file: File,
    /// What is logged to standard error, such as info or captd=debug
    #[arg(long, env = "CAPTD_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// How log lines are written
    #[arg(long, env = "CAPTD_LOG_FORMAT", default_value = "text", value_enum)]
    log_format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// Where the daemon's settings come from, to be read again.
#[derive(Debug)]
struct Settings {
    data_dir: PathBuf,
    file: File,
    flags: Vec<(String, String)>,
    environment: BTreeMap<String, String>,
}

impl Settings {
    fn load(&self) -> Result<Config> {
        let file = self.file.path(&self.data_dir);
        let sources = Sources { file, environment: self.environment.clone(), flags: self.flags.clone() };
        Ok(Config::load(&self.data_dir, &sources)?)
    }
}

/// Runs the daemon.
pub(super) async fn run(args: Args, connection: &Connection) -> Result<Exit> {
    // Heard from the beginning on: a start that takes long can be ended too.
    let mut signals = Signals::new()?;
    telemetry::start(&args.log, args.log_format.into());
    let data_dir = std::path::absolute(connection.data_dir()?).context("the data folder has no absolute path")?;
    let flags = args.listen.map(|listen| ("server.listen".to_owned(), listen)).into_iter().collect();
    let settings = Settings { data_dir, file: args.file, flags, environment: environment() };
    let config = settings.load()?;
    let running = tokio::select! {
        started = app::start(config, settings.environment.clone()) => started?,
        () = signals.end() => return Ok(Exit::Done),
    };
    announce(&running, &settings.data_dir);
    while signals.next().await == Word::Reload {
        reload(&running, &settings).await;
    }
    tracing::info!("ending; a second signal ends at once");
    tokio::select! {
        () = running.stop() => {}
        () = signals.end() => tracing::warn!("ended at once"),
    }
    Ok(Exit::Done)
}

/// Says where it is. With standard output closed there is nobody to tell, and it serves all the
/// same.
fn announce(running: &Running, data_dir: &Path) {
    let lines = format!(
        "captd {} listens on http://{}\nthe token is in {}",
        env!("CARGO_PKG_VERSION"),
        running.address(),
        data_dir.join(TOKEN_FILE).display()
    );
    if let Err(error) = say(lines) {
        tracing::warn!(%error, address = %running.address(), "listens, and cannot say so");
    }
}

/// Takes the provider configurations as they are now; when something is wrong, all stays.
async fn reload(running: &Running, settings: &Settings) {
    match settings.load() {
        Ok(config) => {
            let names: Vec<String> = config.providers.aws.keys().cloned().collect();
            if let Err(error) = running.set_providers(config.providers).await {
                tracing::error!(%error, "what failed with the provider configurations of before is not tried at once");
            }
            tracing::info!(aws = ?names, "provider configurations read again; other settings need a restart");
        }
        Err(error) => tracing::error!(%error, "the configuration stays as it was"),
    }
}

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    End,
    Reload,
}

/// The signals that a daemon listens to.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.interrupt.recv() => Word::End,
            _ = self.terminate.recv() => Word::End,
            _ = self.hangup.recv() => Word::Reload,
        }
    }

    /// Waits for one that says to end.
    pub(super) async fn end(&mut self) {
        while self.next().await != Word::End {}
    }
}
