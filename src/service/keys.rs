//! The keys of what is kept secret: the file that holds them, and its rotation.
//!
//! **Invariant:** at each moment every key that has sealed anything stands in the key file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use tokio::sync::Mutex;

use super::{DAEMON, Result, Service};
use crate::store::seal::{Keyring, SealError};
use crate::store::{Resealing, Store};
use crate::supervisor::{self, write_whole};

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there, and something is sealed.
    #[error(
        "the key file {path} is gone, and states are sealed with its keys ({used}); bring it back from where it is kept"
    )]
    Gone {
        /// The file.
        path: String,
        /// Ids of the keys.
        used: String,
    },
    /// It lacks a key that something is sealed with.
    #[error(
        "the key file {path} lacks the key `{missing}`, with which states are sealed; bring back the file that held it"
    )]
    Lacks {
        /// The file.
        path: String,
        /// Id of the key.
        missing: String,
    },
    /// It holds something else.
    #[error("the key file {0} cannot be used: {1}")]
    Damaged(String, String),
    /// It cannot be read.
    #[error("cannot read the key file {0}: {1}")]
    Read(String, std::io::Error),
    /// It cannot be written.
    #[error("cannot write the key file: {0}")]
    Write(#[from] supervisor::Error),
    /// There is no key to be had.
    #[error(transparent)]
    NoRandomness(#[from] SealError),
}

/// The keys, and the file that holds them.
#[derive(Debug)]
pub struct Keys {
    path: PathBuf,
    /// Never loses a key while the daemon lives: whoever reads an older row may still have to open it.
    known: RwLock<Arc<Keyring>>,
    /// What stands in the file. Whoever holds this changes the file, and nobody else.
    filed: Mutex<Keyring>,
}

/// What a rotation has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the key that seals from now on.
    pub current: String,
    /// States and plans that were sealed again with it.
    pub resealed: u64,
    /// Those that are damaged, and cannot be.
    pub broken: u64,
    /// Ids of older keys that stay in the key file.
    pub kept: Vec<String>,
    /// Runs at work that have signed in with one of them.
    pub runs: u64,
}

impl Keys {
    /// Loads the keys, and makes the first one. `used` are the ids of those that something is
    /// sealed with: with a missing one, nothing is started.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn load(path: &Path, used: &[String]) -> std::result::Result<Self, KeyFileError> {
        // A rotation replaces the file, and not a link to it.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let keys = if let Some(keys) = read_keys(&path, used)? {
            keys
        } else {
            let keys = Keyring::fresh()?;
            write_whole(&path, keys.render().as_bytes())?;
            keys
        };
        Ok(Self { path, known: RwLock::new(Arc::new(keys.clone())), filed: Mutex::new(keys) })
    }

    /// Where they are kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys of this moment. Whoever seals asks for them within the transaction that writes.
    pub(super) fn now(&self) -> Arc<Keyring> {
        Arc::clone(&self.known.read().expect("invariant: no holder of this lock panics"))
    }

    /// Puts a new key first, into the file and then into use.
    async fn renew(&self, filed: &mut Keyring, store: &Store) -> Result<()> {
        let next = filed.renewed().map_err(crate::store::Error::Seal)?;
        // It writes nothing. Nobody seals meanwhile: what is sealed later is sealed with the new key.
        let change = store.write(jiff::Timestamp::UNIX_EPOCH, DAEMON).await?;
        self.write(&next)?;
        let known = next.clone().with(&self.now());
        *self.known.write().expect("invariant: no holder of this lock panics") = Arc::new(known);
        *filed = next;
        drop(change);
        Ok(())
    }

    fn write(&self, keys: &Keyring) -> Result<()> {
        write_whole(&self.path, keys.render().as_bytes()).map_err(|cause| super::Error::KeyFile(cause.to_string()))
    }
}

/// Reads a key file, `None` when it is not there and nothing needs it.
///
/// # Errors
/// As [`Keys::load`]; nothing is made.
pub fn read_keys(path: &Path, used: &[String]) -> std::result::Result<Option<Keyring>, KeyFileError> {
    let shown = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && used.is_empty() => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(KeyFileError::Gone { path: shown, used: used.join(", ") });
        }
        Err(error) => return Err(KeyFileError::Read(shown, error)),
    };
    let keys = Keyring::parse(&text).map_err(|reason| KeyFileError::Damaged(shown.clone(), reason))?;
    match used.iter().find(|id| !keys.has(id)) {
        Some(missing) => Err(KeyFileError::Lacks { path: shown, missing: missing.clone() }),
        None => Ok(Some(keys)),
    }
}

impl Service {
    /// Makes a new key the current one, and seals everything with it. Runs at work keep their
    /// credentials. What does not come to its end here, [`Service::finish_rotation`] ends.
    ///
    /// # Errors
    /// When the key file or the database cannot be written; every key that is needed is in the file.
    pub async fn rotate_keys(&self) -> Result<Rotation> {
        let mut filed = self.keys.filed.lock().await;
        self.keys.renew(&mut filed, &self.store).await?;
        tracing::info!(key = filed.current(), "a new key seals what is secret");
        self.reseal_and_drop(&mut filed).await
    }

    /// Ends a rotation that was cut short, and takes keys out of the file that nothing needs any
    /// more.
    ///
    /// # Errors
    /// As [`Service::rotate_keys`].
    pub async fn finish_rotation(&self) -> Result<()> {
        let Ok(mut filed) = self.keys.filed.try_lock() else { return Ok(()) };
        if filed.older().next().is_some() {
            self.reseal_and_drop(&mut filed).await?;
        }
        Ok(())
    }

    async fn reseal_and_drop(&self, filed: &mut Keyring) -> Result<Rotation> {
        let mut change = self.write(DAEMON).await?;
        change.mark_rotation(filed.current()).await?;
        change.commit().await?;
        let keys = self.keys.now();
        let mut done = Resealing::default();
        loop {
            let mut change = self.write(DAEMON).await?;
            let more = change.reseal_some(&keys, &mut done).await?;
            change.commit().await?;
            if !more {
                break;
            }
        }
        // Nobody seals between the look and the writing of the file.
        let mut change = self.write(DAEMON).await?;
        let used = change.key_ids().await?;
        let runs = change.runs_of_older_keys(filed.current()).await?;
        let needed = filed.only(|id| runs > 0 || used.iter().any(|used| used == id));
        if needed != *filed {
            self.keys.write(&needed)?;
            *filed = needed;
        }
        drop(change);
        let kept = filed.older().map(str::to_owned).collect();
        Ok(Rotation { current: filed.current().to_owned(), resealed: done.resealed, broken: done.broken, kept, runs })
    }
}
