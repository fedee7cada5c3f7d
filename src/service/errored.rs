//! What Terraform leaves when it could not hand in its last state: `errored.tfstate`. It is taken
//! in where it is the next of the history; otherwise the workspace is frozen until a person has
//! said which state is true.

use std::path::{Path, PathBuf};

use uuid::Uuid;

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
    /// When the database or a file fails; the file is then still where it was.
    pub async fn take_in_errored_state(&self, run: &Run) -> Result<()> {
        let run_dir = self.run_dir(run.id);
        // An apply that an earlier captd has begun works in the folder of its workspace.
        for folder in [work_dir(&run_dir), self.workspace_dir(run.workspace)] {
            let path = folder.join(ERRORED);
            let read = supervisor::read_left(&folder, ERRORED, BYTES_MAX as u64).await;
            let Some(bytes) = read.map_err(|cause| failed("cannot read", &path, cause))? else { continue };
            // Noted where no run can write, when it was taken in: whenever this ends early, it is done again.
            let (mark, digest) = (run_dir.join(TAKEN_IN), digest(&bytes));
            if std::fs::read(&mark).ok().is_none_or(|taken| taken != digest.as_bytes()) {
                self.take_in_errored(run, &bytes).await?;
                supervisor::write_whole(&mark, digest.as_bytes())
                    .map_err(|error| failed("cannot note", &mark, std::io::Error::other(error)))?;
            }
        }
        Ok(())
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
        if kept.is_none() && head.lineage.is_empty() {
            // A first apply whose every save failed: its history begins here.
            let head = Head { lineage: self.clock.id().to_string(), serial: head.serial.max(1) };
            let bytes = placed(bytes, &head).map_err(|error| refused(&error))?;
            self.keep(change, run.workspace, &head, &bytes, &author).await?;
        } else {
            self.keep(change, run.workspace, &head, bytes, &author).await?;
        }
        Ok(())
    }

    /// Keeps a state where a person finds it.
    pub(super) async fn set_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let folder = self.config.data_dir.join("diverged");
        tokio::fs::create_dir_all(&folder).await.map_err(|cause| failed("cannot make", &folder, cause))?;
        let aside = folder.join(name);
        supervisor::write_whole(&aside, bytes)
            .map_err(|error| failed("cannot keep", &aside, std::io::Error::other(error)))?;
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
        let Some(bytes) = read.map_err(|cause| failed("cannot read", &path, cause))? else { return Ok(()) };
        let mut change = self.write(DAEMON).await?;
        match Head::parse(&bytes) {
            Ok(head) if change.newest_state(workspace).await?.is_none() => {
                self.keep(&mut change, workspace, &head, &bytes, super::DAEMON).await?;
                change.commit().await?;
            }
            _ => drop(self.set_aside(&format!("{workspace}.terraform.tfstate"), &bytes).await?),
        }
        let aside = path.with_extension("tfstate.taken-in");
        match tokio::fs::rename(&path, &aside).await {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(failed("cannot rename", &path, cause)),
            _ => Ok(()),
        }
    }
}

fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::File { doing: format!("{doing} {}", path.display()), cause }
}
