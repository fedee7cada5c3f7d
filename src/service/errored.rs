//! What Terraform leaves when it could not hand in its last state: `errored.tfstate`. It is taken
//! in where it is the next of the history; otherwise the workspace is frozen until a person has
//! said which state is true.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::redaction::blocking;
use super::{DAEMON, Error, Result, Service};
use crate::domain::run::Run;
use crate::domain::state::{BYTES_MAX, Divergence, Head, digest, placed};
use crate::supervisor;
use crate::supervisor::confine::work_dir;

/// The name that Terraform gives it.
pub(super) const ERRORED: &str = "errored.tfstate";
/// Holds the digest of what was taken in of a run.
const TAKEN_IN: &str = "errored-taken-in";

impl Service {
    /// Looks for a state that was left by a run's apply, before its end is kept.
    ///
    /// # Errors
    /// When the database or a file fails: that is to be tried again, since the file is still where it was. Only where no
    /// regular file lies there, that does not pass.
    pub async fn take_in_errored_state(&self, run: &Run) -> Result<()> {
        let run_dir = self.run_dir(run.id);
        self.take_in_from(run, &work_dir(&run_dir)).await?;
        // An apply that an earlier captd has begun works in the folder of its workspace, which is not the run's alone.
        let folder = self.workspace_dir(run.workspace);
        let taken = self.take_in_from(run, &folder).await;
        if taken.as_ref().err().is_none_or(|error| !error.may_pass()) {
            let path = folder.join(ERRORED);
            if let Err(error) = moved(&path, &folder.join(format!("{ERRORED}.of-{}", run.id))).await {
                tracing::warn!(%error, "what one run has left is looked at after the next one, too");
            }
        }
        taken?;
        // What comes to lie there later is nothing that this apply has left. Not synced: where it is lost, it is looked at
        // once more.
        let mark = run_dir.join(TAKEN_IN);
        blocking(move || {
            if !mark.exists() {
                std::fs::write(&mark, "").ok();
            }
            Ok(())
        })
        .await
    }

    async fn take_in_from(&self, run: &Run, folder: &Path) -> Result<()> {
        let path = folder.join(ERRORED);
        let bytes = match supervisor::read_left(folder, ERRORED, BYTES_MAX as u64).await {
            Ok(None) => return Ok(()),
            Ok(Some(bytes)) => bytes,
            Err(cause) if is_for_good(&cause) && is_file_at(&path) => {
                return self.set_unread_aside(run, &path, &cause.to_string()).await;
            }
            Err(cause) => return Err(not_taken("cannot read", &path, cause)),
        };
        // Noted where no run can write, when it was taken in: whenever this ends early, it is done again.
        let (mark, digest) = (self.run_dir(run.id).join(TAKEN_IN), digest(&bytes));
        let noted = mark.clone();
        let noted = blocking(move || Ok(std::fs::read(noted).ok())).await?;
        if noted.is_none_or(|taken| taken != digest.as_bytes()) {
            self.take_in_errored(run, &bytes).await?;
            write("cannot note", mark, digest.into_bytes()).await?;
        }
        Ok(())
    }

    /// Sets aside what the apply of a run has left, where nobody has taken it in.
    ///
    /// # Errors
    /// When the database or a file fails: it is then still where it was.
    pub async fn keep_untaken_state(&self, run: Uuid) -> Result<()> {
        let run_dir = self.run_dir(run);
        let path = work_dir(&run_dir).join(ERRORED);
        let looked_at = path.clone();
        let is_untaken = blocking(move || {
            Ok(is_file_at(&looked_at) && !run_dir.join(TAKEN_IN).exists() && run_dir.join(supervisor::APPLY).exists())
        });
        if !is_untaken.await? {
            return Ok(());
        }
        let Some(known) = self.store.read().await?.run(run).await? else {
            return self.set_unknown_aside(&path, &run.to_string()).await;
        };
        self.set_unread_aside(&known, &path, "its run ended before it was taken in").await
    }

    /// Moves a state as it is to where a person finds it, and freezes the workspace. That is kept first: where this ends
    /// in between, it is done again.
    async fn set_unread_aside(&self, run: &Run, path: &Path, why: &str) -> Result<()> {
        let aside = self.unread_aside(&run.id.to_string()).await?;
        let (since, file) = (self.clock.now(), aside.display().to_string());
        let divergence = Divergence { run: run.id, since, reason: why.to_owned(), file };
        let mut change = self.write(DAEMON).await?;
        change.set_diverged(run.workspace, Some(&divergence)).await?;
        change.commit().await?;
        moved(path, &aside).await?;
        tracing::error!(run = %run.id, why, path = %aside.display(), "terraform left a state that was not taken in");
        Ok(())
    }

    /// Moves the state of a run that is not known any more to where a person finds it.
    pub(super) async fn set_unknown_aside(&self, path: &Path, name: &str) -> Result<()> {
        let aside = self.unread_aside(name).await?;
        moved(path, &aside).await?;
        tracing::error!(path = %aside.display(), "a state was left by an apply of which nothing is known any more");
        Ok(())
    }

    async fn unread_aside(&self, name: &str) -> Result<PathBuf> {
        Ok(self.diverged_dir().await?.join(format!("{name}.{}.tfstate", self.clock.id())))
    }

    async fn diverged_dir(&self) -> Result<PathBuf> {
        let folder = self.config.data_dir.join("diverged");
        tokio::fs::create_dir_all(&folder).await.map_err(|cause| not_taken("cannot make", &folder, cause))?;
        Ok(folder)
    }

    async fn take_in_errored(&self, run: &Run, bytes: &[u8]) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        match self.keep_errored(&mut change, run, bytes).await {
            Ok(()) => {
                change.commit().await?;
                tracing::warn!(run = %run.id, "took in the state that terraform could not hand in");
                Ok(())
            }
            Err(Error::Conflict { detail, .. }) => {
                let aside = self.set_aside(&format!("{}.tfstate", run.id), bytes).await?;
                let divergence = Divergence {
                    run: run.id,
                    since: self.clock.now(),
                    reason: detail,
                    file: aside.display().to_string(),
                };
                tracing::error!(run = %run.id, reason = divergence.reason, "terraform left a state that cannot be taken in");
                change.set_diverged(run.workspace, Some(&divergence)).await?;
                Ok(change.commit().await?)
            }
            Err(other) => Err(other),
        }
    }

    async fn keep_errored(&self, change: &mut crate::store::Change, run: &Run, bytes: &[u8]) -> Result<()> {
        let refused = |error: &dyn std::fmt::Display| Error::conflict("state_refused", error.to_string());
        let head = Head::parse(bytes).map_err(|error| refused(&error))?;
        let author = format!("run/{}", run.id);
        let kept = change.newest_state(run.workspace).await?;
        let begins = run.id.to_string();
        if head.lineage.is_empty() && kept.is_none_or(|kept| kept.lineage == begins) {
            // A first apply whose every save failed: its history begins here, and what is taken in twice is the same.
            let head = Head { lineage: begins, serial: head.serial.max(1) };
            let bytes = placed(bytes, &head).map_err(|error| refused(&error))?;
            self.keep(change, run.workspace, &head, &bytes, &author).await?;
        } else {
            self.keep(change, run.workspace, &head, bytes, &author).await?;
        }
        Ok(())
    }

    /// Keeps a state where a person finds it.
    pub(super) async fn set_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let aside = self.diverged_dir().await?.join(name);
        write("cannot keep", aside.clone(), bytes.to_vec()).await?;
        Ok(aside)
    }

    /// Takes in the state of a workspace that an earlier captd kept in its folder.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn take_in_local_state(&self, workspace: Uuid) -> Result<()> {
        let folder = self.workspace_dir(workspace);
        let path = folder.join("terraform.tfstate");
        let read = supervisor::read_left(&folder, "terraform.tfstate", BYTES_MAX as u64).await;
        let Some(bytes) = read.map_err(|cause| not_taken("cannot read", &path, cause))? else { return Ok(()) };
        let mut change = self.write(DAEMON).await?;
        match Head::parse(&bytes) {
            Ok(head) if change.newest_state(workspace).await?.is_none() => {
                self.keep(&mut change, workspace, &head, &bytes, super::DAEMON).await?;
                change.commit().await?;
            }
            _ => drop(self.set_aside(&format!("{workspace}.terraform.tfstate"), &bytes).await?),
        }
        moved(&path, &path.with_extension("tfstate.taken-in")).await
    }
}

/// Whether it is proven that a file can never be read, or taken in.
fn is_for_good(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::InvalidData | ErrorKind::FileTooLarge)
}

/// Whether a file lies there that is no link, or nothing proves that none does. It is not opened.
pub(super) fn is_file_at(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(about) => about.is_file(),
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

async fn write(doing: &'static str, path: PathBuf, bytes: Vec<u8>) -> Result<()> {
    blocking(move || {
        supervisor::write_whole(&path, &bytes).map_err(|error| not_taken(doing, &path, error.into_cause()))
    })
    .await
}

/// Moves a file; what is not there is not to be moved any more.
async fn moved(from: &Path, to: &Path) -> Result<()> {
    match tokio::fs::rename(from, to).await {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(not_taken("cannot move", from, cause)),
        _ => Ok(()),
    }
}

fn not_taken(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::State { doing: format!("{doing} {}", path.display()), cause }
}
