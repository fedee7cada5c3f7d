//! What must never be shown: in logs as they are served, in failures, in what captd says itself.
//!
//! A log is redacted once, when its run is over, in the files themselves: what the run knew then may be forgotten later,
//! as a secret is that was rotated. Until then it is redacted as it is read. What an open run knows is kept sealed in its
//! folder, for a daemon that comes after a rotation.
//!
//! **Invariant:** nothing that a run knew stands in clear in its folder once its log is redacted.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Error, Result, Service};
use crate::config::Providers;
use crate::config::providers::Credentials;
use crate::domain::redaction::{Secrets, secrets_in_variable};
use crate::domain::run::Run;
use crate::domain::secret::is_marked;
use crate::store::seal::Sealed;
use crate::supervisor;
use crate::terraform::environment::Environment;

/// What a run knows, sealed, in its folder.
const KNOWN: &str = "known.sealed";
/// Marks the folder of a run whose log is redacted.
const REDACTED: &str = "redacted";

/// What is known from the start on.
pub(super) fn at_start(own: &[String], environment: &Environment, providers: &Providers) -> Secrets {
    let mut secrets = Secrets::default();
    for value in own {
        secrets.add(value);
    }
    for (name, value) in environment {
        secrets.add_variable(name, value);
    }
    add_providers(&mut secrets, providers);
    secrets
}

/// Those of provider configurations, too. Older ones stay: they stand in the logs of open runs.
pub(super) fn add_providers(secrets: &mut Secrets, providers: &Providers) {
    for provider in providers.aws.values() {
        if let Credentials::Key { access_key, secret_key } = &provider.credentials {
            secrets.add(access_key);
            secrets.add(secret_key);
        }
        // `http://user:password@proxy`
        let user = provider.proxy.as_deref().and_then(|proxy| proxy.rsplit_once('@')).map(|(user, _)| user);
        if let Some((_, password)) = user.and_then(|user| user.rsplit_once(':')) {
            secrets.add(password);
        }
    }
}

/// The texts of secrets among a run's inputs: those that were only named `before` they were `opened`.
pub(super) fn texts_among(before: &Map<String, Value>, opened: &Map<String, Value>) -> Vec<String> {
    let names = before.iter().filter(|(_, value)| is_marked(value)).map(|(name, _)| name);
    names.filter_map(|name| opened.get(name)?.as_str().map(str::to_owned)).collect()
}

impl Service {
    /// What must not be shown of a run: what is known, and its own passwords.
    #[must_use]
    pub fn secrets_of(&self, run: Uuid) -> Secrets {
        let passwords = self.run_passwords(run).unwrap_or_default();
        self.known_secrets().and(passwords.iter().map(String::as_str))
    }

    /// What must not be shown of anything.
    pub(super) fn known_secrets(&self) -> Secrets {
        self.secrets.read().expect("invariant: no holder of this lock panics").clone()
    }

    /// Keeps what a run knows that a later daemon may not know any more. Where that cannot be kept, the run goes on: its
    /// log is redacted by what is known at its end.
    pub(super) async fn remember(&self, run: Uuid, environment: &Environment, mut texts: Vec<String>) {
        let password = self.run_passwords(run).unwrap_or_default();
        let of_environment = environment.iter().flat_map(|(name, value)| secrets_in_variable(name, value));
        texts.extend(of_environment.filter(|text| !password.iter().any(|own| own == text)).map(str::to_owned));
        if texts.is_empty() {
            return;
        }
        // A run is prepared more than once, and what it had before stands in its log.
        texts.extend(self.remembered(run).unwrap_or_default());
        texts.sort_unstable();
        texts.dedup();
        let folder = self.run_dir(run);
        let sealed = serde_json::to_vec(&texts).map_err(|error| error.to_string()).and_then(|json| {
            let sealed = self.keys.now().seal(&json, &place(run)).map_err(|error| error.to_string())?;
            Ok([format!("{}\n", sealed.key_id).into_bytes(), sealed.bytes].concat())
        });
        let kept = match sealed {
            Ok(text) => blocking(move || keep_known(&folder, &text)).await.map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = kept {
            tracing::warn!(%run, why, "what a run knows cannot be kept for the redaction of its log");
        }
    }

    fn remembered(&self, run: Uuid) -> Option<Vec<String>> {
        let bytes = std::fs::read(self.run_dir(run).join(KNOWN)).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let key_id = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let sealed = Sealed { bytes: bytes[end + 1..].to_vec(), key_id };
        let opened = self.keys.now().open(&sealed, &place(run)).inspect_err(
            |error| tracing::warn!(%run, %error, "what a run knew when it began is not known to the redaction any more"),
        );
        serde_json::from_slice(&opened.ok()?).ok()
    }

    /// Knows what the open runs of an earlier daemon knew.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn learn_of_open_runs(&self) -> Result<()> {
        for open in self.store.read().await?.open_runs().await? {
            if let Some(texts) = self.remembered(open.run.id) {
                self.know(texts.iter());
            }
        }
        Ok(())
    }

    /// Notes that a run is over, whose log is to be redacted and whose folders are to go.
    pub(super) fn to_be_redacted(&self, run: &Run) {
        self.unredacted.lock().expect("invariant: no holder of this lock panics").insert(run.id);
    }

    /// Notes the same of those that an earlier daemon has left.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn find_unredacted(&self) -> Result<()> {
        let folder = self.config.data_dir.join("runs");
        let found = blocking(move || {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
                Err(cause) => return Err(failed("cannot read", &folder, cause)),
            };
            let unmarked = entries.flatten().filter(|entry| !entry.path().join(REDACTED).exists());
            Ok(unmarked.filter_map(|entry| Uuid::try_parse(entry.file_name().to_str()?).ok()).collect())
        });
        let mut over: BTreeSet<Uuid> = found.await?;
        // Those are noted at their end.
        for open in self.store.read().await?.open_runs().await? {
            over.remove(&open.run.id);
        }
        // What they knew goes with their redaction, and may be known nowhere else since a rotation.
        for run in &over {
            if let Some(texts) = self.remembered(*run) {
                self.know(texts.iter());
            }
        }
        self.unredacted.lock().expect("invariant: no holder of this lock panics").extend(over);
        Ok(())
    }

    /// Removes what runs that are over have left in folders that they could write, and redacts their logs. Those that
    /// cannot be written stay noted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn redact_logs(self: &Arc<Self>) -> Result<()> {
        let noted = std::mem::take(&mut *self.unredacted.lock().expect("invariant: no holder of this lock panics"));
        let mut later = BTreeSet::new();
        for id in noted {
            let run = self.store.read().await?.run(id).await?;
            if run.is_some_and(|run| run.is_open()) {
                // Its end is about to be kept.
                later.insert(id);
                continue;
            }
            self.clear_after(id);
            let (folder, secrets) = (self.run_dir(id), self.secrets_of(id));
            if let Err(error) = blocking(move || redact_folder(&folder, &secrets)).await {
                tracing::warn!(run = %id, %error, "the log of a run cannot be redacted on the disk yet");
                later.insert(id);
            }
        }
        self.unredacted.lock().expect("invariant: no holder of this lock panics").extend(later);
        Ok(())
    }
}

fn keep_known(folder: &Path, text: &[u8]) -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| failed("cannot make", folder, cause))?;
    // Not synced: what does not survive a power failure is what the run's processes do not either.
    let known = folder.join(KNOWN);
    std::fs::write(&known, text).map_err(|cause| failed("cannot write", &known, cause))
}

/// What a run's sealed texts are bound to.
fn place(run: Uuid) -> String {
    format!("known/{run}")
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| {
        Err(Error::File { doing: "a file could not be worked on".to_owned(), cause: std::io::Error::other(panic) })
    })
}

fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::File { doing: format!("{doing} {}", path.display()), cause }
}

/// Redacts what the commands of a run have said.
fn redact_folder(folder: &Path, secrets: &Secrets) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing of it was begun.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed("cannot read", folder, cause)),
    };
    for step in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        for log in [supervisor::STDOUT, supervisor::STDERR, supervisor::SUPERVISOR_LOG] {
            let path = step.path().join(log);
            super::run_logs::redact(&path, secrets).map_err(|cause| failed("cannot redact", &path, cause))?;
        }
    }
    let known: PathBuf = folder.join(KNOWN);
    match std::fs::remove_file(&known) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed("cannot remove", &known, cause));
        }
        _ => {}
    }
    std::fs::write(folder.join(REDACTED), "").map_err(|cause| failed("cannot mark", folder, cause))
}
