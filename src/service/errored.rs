//! What Terraform leaves when it could not hand in its last state: `errored.tfstate`. It is taken
//! in where it is the next of the history; otherwise the workspace is frozen until a person has
//! said which state is true.

use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::{DAEMON, Error, Result, Service};
use crate::domain::run::Run;
use crate::domain::state::{BYTES_MAX, Divergence, Head, placed};

/// The name that Terraform gives it.
const ERRORED: &str = "errored.tfstate";

impl Service {
    /// Looks for a state that was left by a run's apply, before its end is kept.
    ///
    /// # Errors
    /// When the database or a file fails; the file is then still where it was.
    pub async fn take_in_errored_state(&self, run: &Run) -> Result<()> {
        let path = self.workspace_dir(run.workspace).join(ERRORED);
        let Some(bytes) = read_plain(&path).await.map_err(|cause| failed("cannot read", &path, cause))? else {
            return Ok(());
        };
        let mut change = self.write(DAEMON).await?;
        match self.keep_errored(&mut change, run, &bytes).await {
            Ok(()) => {
                change.commit().await?;
                tracing::warn!(run = %run.id, "took in the state that terraform could not hand in");
                tokio::fs::remove_file(&path).await.map_err(|cause| failed("cannot remove", &path, cause))
            }
            Err(Error::Conflict { detail, .. }) => {
                // Kept aside first, and removed last: whenever this ends early, it is done again.
                let aside = self.set_aside(run, &bytes).await?;
                let divergence = Divergence {
                    run: run.id,
                    since: self.clock.now(),
                    reason: detail,
                    file: aside.display().to_string(),
                };
                tracing::error!(run = %run.id, reason = divergence.reason, "terraform left a state that cannot be taken in");
                change.set_diverged(run.workspace, Some(&divergence)).await?;
                change.commit().await?;
                tokio::fs::remove_file(&path).await.map_err(|cause| failed("cannot remove", &path, cause))
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

    async fn set_aside(&self, run: &Run, bytes: &[u8]) -> Result<PathBuf> {
        let folder = self.config.data_dir.join("diverged");
        tokio::fs::create_dir_all(&folder).await.map_err(|cause| failed("cannot make", &folder, cause))?;
        let aside = folder.join(format!("{}.tfstate", run.id));
        crate::supervisor::write_whole(&aside, bytes)
            .map_err(|error| failed("cannot keep", &aside, std::io::Error::other(error)))?;
        Ok(aside)
    }

    /// Takes in the state of a workspace that an earlier captd kept in its folder.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn take_in_local_state(&self, workspace: Uuid) -> Result<()> {
        let path = self.workspace_dir(workspace).join("terraform.tfstate");
        let Some(bytes) = read_plain(&path).await.map_err(|cause| failed("cannot read", &path, cause))? else {
            return Ok(());
        };
        let mut change = self.write(DAEMON).await?;
        if change.newest_state(workspace).await?.is_none()
            && let Ok(head) = Head::parse(&bytes)
        {
            self.keep(&mut change, workspace, &head, &bytes, super::DAEMON).await?;
            change.commit().await?;
        }
        let aside = path.with_extension("tfstate.taken-in");
        tokio::fs::rename(&path, &aside).await.map_err(|cause| failed("cannot rename", &path, cause))
    }
}

/// Reads a file of a workspace, where a template may have laid anything: a link is not followed,
/// a pipe not waited for, and nothing endless read. `None` when it is not there.
async fn read_plain(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = tokio::fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).await;
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let about = file.metadata().await?;
    if !about.is_file() || about.len() > BYTES_MAX as u64 {
        return Err(std::io::Error::other(format!("it is no plain file of at most {BYTES_MAX} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX as u64).read_to_end(&mut bytes).await?;
    Ok(Some(bytes))
}

fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::File { doing: format!("{doing} {}", path.display()), cause }
}
