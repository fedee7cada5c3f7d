//! Where `captd state` reads: from the daemon, or from its data folder while no daemon works there.

use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::at_rest::{AtRest, database};
use super::config_check::{File, environment};
use super::connection::Connection;
use super::output::note;
use super::problem::Problem;
use super::session::Session;
use super::target::path_of;
use crate::config::{Config, Sources};
use crate::domain::resource::Key;
use crate::domain::time::{Clock, SystemClock};
use crate::service::{KeyFileError, read_keys};
use crate::store::{Snapshot, Store};

/// A version that is kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    #[serde(rename = "version")]
    pub(super) number: u64,
    pub(super) lineage: String,
    pub(super) serial: u64,
    pub(super) bytes: u64,
    pub(super) author: String,
    pub(super) created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Versions {
    items: Vec<Version>,
}

/// Where states are read.
#[derive(Debug)]
pub(super) enum Source {
    /// A daemon answers.
    Daemon(Session),
    /// No daemon works there.
    Folder(Folder),
}

/// A data folder at rest.
#[derive(Debug)]
pub(super) struct Folder {
    data_dir: PathBuf,
    snapshot: Snapshot,
    _at_rest: AtRest,
}

impl Source {
    /// The data folder, when neither an address nor a token was said and no daemon works there;
    /// otherwise the daemon.
    ///
    /// # Errors
    /// When the one cannot be read, or the other is not to be found.
    pub(super) async fn find(connection: &Connection) -> Result<Self> {
        if !connection.is_local() {
            return Ok(Self::Daemon(Session::open(connection).await?));
        }
        let data_dir = std::path::absolute(connection.data_dir()?)?;
        let database = database(&data_dir);
        let at_rest = if database.is_file() { AtRest::take(&data_dir) } else { None };
        let Some(at_rest) = at_rest else {
            return Ok(Self::Daemon(Session::open(connection).await?));
        };
        let snapshot = Store::look(&database, true).await?;
        note(format_args!("no daemon works in {}: this is what its database holds", data_dir.display()));
        Ok(Self::Folder(Folder { data_dir, snapshot, _at_rest: at_rest }))
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Daemon(session) => session.now(),
            Self::Folder(_) => SystemClock.now(),
        }
    }

    /// The versions of a state, newest first.
    ///
    /// # Errors
    /// When what it is of does not exist.
    pub(super) async fn versions(&mut self, key: &Key) -> Result<Vec<Version>> {
        match self {
            Self::Daemon(session) => {
                let versions: Versions = session.client.get(&path_of(key, &["state", "versions"]), &[]).await?;
                Ok(versions.items)
            }
            Self::Folder(folder) => {
                let workspace = folder.workspace(key).await?;
                let versions = folder.snapshot.state_versions(workspace).await?;
                Ok(serde_json::from_value(serde_json::to_value(versions)?)?)
            }
        }
    }

    /// A version of a state, the newest when none is said. `file` names the configuration
    /// that says where the key is; only a data folder needs it.
    ///
    /// # Errors
    /// When there is none, or its key is missing.
    pub(super) async fn state(&mut self, key: &Key, version: Option<u64>, file: &File) -> Result<Vec<u8>> {
        match self {
            Self::Daemon(session) => {
                let query: Vec<(&str, String)> =
                    version.into_iter().map(|version| ("version", version.to_string())).collect();
                Ok(session.client.bytes(&path_of(key, &["state"]), &query).await?)
            }
            Self::Folder(folder) => folder.state(key, version, file).await,
        }
    }
}

impl Folder {
    async fn workspace(&mut self, key: &Key) -> Result<Uuid> {
        if let Some(resource) = self.snapshot.resource(key).await? {
            return Ok(resource.workspace);
        }
        if self.snapshot.namespace(&key.namespace).await?.is_none() {
            return Err(missing("namespace", key.namespace.as_str()));
        }
        Err(missing(key.kind.noun(), &format!("{}/{}", key.namespace, key.name)))
    }

    async fn state(&mut self, key: &Key, version: Option<u64>, file: &File) -> Result<Vec<u8>> {
        let workspace = self.workspace(key).await?;
        let none = || missing("state of", &key.to_string());
        let version = match version {
            Some(version) => version,
            None => self.snapshot.newest_state(workspace).await?.ok_or_else(none)?.version,
        };
        let key_file = key_file(&self.data_dir, file)?;
        let Some(keys) = read_keys(&key_file, &[])? else {
            let used = self.snapshot.key_ids().await?.join(", ");
            return Err(KeyFileError::Gone { path: key_file.display().to_string(), used }.into());
        };
        self.snapshot.state_content(workspace, version, &keys).await?.ok_or_else(none)
    }
}

fn key_file(data_dir: &Path, file: &File) -> Result<PathBuf> {
    let sources = Sources { file: file.path(data_dir), environment: environment(), flags: Vec::new() };
    Ok(Config::load(data_dir, &sources)?.state.key_file)
}

/// What the daemon answers for it.
fn missing(what: &str, name: &str) -> anyhow::Error {
    let detail = format!("there is no {what} `{name}`");
    Problem {
        title: "Not Found".to_owned(),
        status: 404,
        detail,
        code: "not_found".to_owned(),
        errors: Vec::new(),
        more: 0,
    }
    .into()
}
