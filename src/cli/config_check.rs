//! `captd config check`: every problem of the configuration at once; and how `serve` finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Exit;
use super::connection::Connection;
use super::output::say;
use crate::config::{Config, Sources};

/// What can be done with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List every problem at once, or say that there is none
    Check(Args),
}

/// `captd config check`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: File,
}

/// Where the settings are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct File {
    /// Settings in TOML [default: <data dir>/captd.toml, if it exists]
    #[arg(long, env = "CAPTD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl File {
    /// The file that holds for this data folder, if there is one.
    pub(super) fn path(&self, data_dir: &Path) -> Option<PathBuf> {
        let given = self.config.clone().filter(|path| !path.as_os_str().is_empty());
        given.or_else(|| Some(data_dir.join("captd.toml")).filter(|path| path.exists()))
    }
}

/// Checks.
pub(super) fn run(Command::Check(args): &Command, connection: &Connection) -> Result<Exit> {
    let data_dir = connection.data_dir()?;
    let file = args.file.path(&data_dir);
    let sources = Sources { file: file.clone(), environment: environment(), flags: Vec::new() };
    let config = Config::load(&data_dir, &sources)?;
    say("the configuration is fine")?;
    let file =
        file.map_or_else(|| "none; all settings have their defaults".to_owned(), |file| file.display().to_string());
    say(format_args!("  file:        {file}"))?;
    say(format_args!("  data folder: {}", config.data_dir.display()))?;
    say(format_args!("  listens on:  {}", config.server.listen))?;
    say(format_args!("  terraform:   {}", config.engine.binary))?;
    let engine = &config.engine;
    let at_once = format!("{} plans, {} applies", engine.plans_at_once, engine.applies_at_once);
    let warm = format!("{} and {}", engine.warm_plans_at_once, engine.warm_applies_at_once);
    say(format_args!("  at once:     {at_once}; while providers are warm, {warm}"))?;
    let providers: Vec<&str> = config.providers.aws.keys().map(String::as_str).collect();
    let providers = if providers.is_empty() { "none".to_owned() } else { providers.join(", ") };
    say(format_args!("  AWS:         {providers}"))?;
    Ok(Exit::Done)
}

/// The variables of this process that are text; others cannot be settings.
pub(super) fn environment() -> BTreeMap<String, String> {
    let variables = std::env::vars_os();
    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
