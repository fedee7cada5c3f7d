//! How a client finds its daemon: address, token, data folder, namespace.
//!
//! **Invariant:** a token is never printed by `--help`, in an error or in a log.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Usage;
use crate::domain::name::Name;

/// Where `captd serve` listens when nothing else was said.
pub(super) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8420";

/// Holds the admin token, in the data folder.
pub(super) const TOKEN_FILE: &str = "admin.token";

/// Flags of every client command. A value that is empty counts as not given.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// Where the daemon is [default: 127.0.0.1:8420]
    #[arg(long, global = true, env = "CAPTD_ADDR", value_name = "URL")]
    addr: Option<String>,
    /// Admin token; `ps` does not show it in the variable [default: <data dir>/admin.token]
    #[arg(long, global = true, env = "CAPTD_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// The daemon's data folder [default: ~/.local/share/captd]
    #[arg(long, global = true, env = "CAPTD_DATA_DIR", value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Namespace of the machines that are named [default: default]
    #[arg(short, long, global = true, env = "CAPTD_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
}

impl Connection {
    /// The daemon's address as it was said.
    pub(super) fn address(&self) -> &str {
        given(self.addr.as_deref()).unwrap_or(DEFAULT_ADDRESS)
    }

    /// Whether nothing leads elsewhere than to the daemon of the data folder.
    pub(super) fn is_local(&self) -> bool {
        given(self.addr.as_deref()).is_none() && given(self.token.as_deref()).is_none()
    }

    /// The data folder that was said.
    pub(super) fn given_data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// The data folder: as said, or below `$XDG_DATA_HOME` or the home folder.
    ///
    /// # Errors
    /// When there is no home folder to put it below.
    pub(super) fn data_dir(&self) -> Result<PathBuf> {
        if let Some(dir) = self.given_data_dir() {
            return Ok(dir.to_owned());
        }
        let below = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        match (below("XDG_DATA_HOME"), below("HOME")) {
            (Some(data), _) => Ok(data.join("captd")),
            (None, Some(home)) => Ok(home.join(".local/share/captd")),
            (None, None) => {
                bail!("neither XDG_DATA_HOME nor HOME names a folder: say with --data-dir where the data is")
            }
        }
    }

    /// The namespace.
    ///
    /// # Errors
    /// When it is no name.
    pub(super) fn namespace(&self) -> Result<Name> {
        match given(self.namespace.as_deref()) {
            Some(text) => Name::parse(text).map_err(|error| Usage::error(format!("--namespace: {error}"))),
            None => Ok(Name::default_namespace()),
        }
    }

    /// The token: as said, or from the data folder.
    ///
    /// # Errors
    /// Which file was looked at, and how else to pass it.
    pub(super) fn token(&self) -> Result<String> {
        if let Some(token) = given(self.token.as_deref()) {
            return Ok(token.trim().to_owned());
        }
        let file = self.data_dir().context("no token")?.join(TOKEN_FILE);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => bail!(
                "no token: cannot read {} ({error}); name the daemon's data folder with --data-dir, or pass its token in CAPTD_TOKEN or with --token",
                file.display()
            ),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}
