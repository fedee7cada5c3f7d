//! What runs leave on the disk in folders that they could write: it goes when they are over. Folders of workspaces, which
//! an earlier captd had, are taken over once.
//!
//! **Invariant:** no folder goes while a process of its run may be alive, and none before the states in it are in the
//! database or set aside.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::errored::{ERRORED, is_file_at};
use super::redaction::blocking;
use super::{Error, Result, Service};
use crate::domain::state::BYTES_MAX;
use crate::supervisor::confine::{sockets_dir, tmp_dir, work_dir};
use crate::supervisor::{self, ASIDE};

/// Runs that are cleared at the same time; a further one waits for its turn.
pub(super) const CLEARED_AT_ONCE: usize = 4;
/// How often it is looked whether the processes of a run that was ended are gone: so often at first.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 1_200;
/// And then, and when something else is in the way.
const LATER: Duration = Duration::from_secs(10);

/// The folders that a run could write.
fn writable(run_dir: &Path) -> [PathBuf; 3] {
    [work_dir(run_dir), tmp_dir(run_dir), sockets_dir(run_dir)]
}

/// How their names end.
const WRITABLE: [&str; 3] = ["w", "tmp", "g"];

impl Service {
    /// Removes what a run that is over has left, in the background.
    pub(super) fn clear_after(self: &Arc<Self>, run: Uuid) {
        let is_new = self.cleared.lock().expect("invariant: no holder of this lock panics").insert(run);
        if !is_new {
            return;
        }
        let service = Arc::clone(self);
        tokio::spawn(async move {
            service.until_gone(run).await;
            while let Err(error) = service.clear(run).await {
                tracing::warn!(%run, %error, "the folders of a run stay for now: the state in them cannot be kept");
                tokio::time::sleep(LATER).await;
            }
            service.cleared.lock().expect("invariant: no holder of this lock panics").remove(&run);
        });
    }

    /// Waits until the processes of a run are gone, which is over.
    async fn until_gone(&self, run: Uuid) {
        let run_dir = self.run_dir(run);
        let mut looks = 0;
        while lives(&run_dir).await {
            looks += 1;
            if looks == LOOKS {
                tracing::warn!(%run, "processes of a run that is over are alive; its folders go when they have ended");
            }
            tokio::time::sleep(if looks < LOOKS { LOOK } else { LATER }).await;
        }
    }

    async fn clear(&self, run: Uuid) -> Result<()> {
        let _turn = self.clearing.acquire().await;
        self.keep_untaken_state(run).await?;
        remove(&writable(&self.run_dir(run)), &self.aside()).await;
        Ok(())
    }

    /// Removes what runs that are over, and workspaces of an earlier captd, have left: for a start.
    ///
    /// # Errors
    /// When the database fails. What cannot be removed is named in the log.
    pub async fn clear_all(self: &Arc<Self>) -> Result<()> {
        // First what there is, then which runs are open: none that has begun meanwhile is taken for one that is over.
        let found = names_in(self.config.data_dir.join("runs")).await?;
        let mut open = HashSet::new();
        for run in self.store.read().await?.open_runs().await? {
            open.insert(run.run.id);
        }
        let is_writable = |path: &PathBuf| {
            path.extension().and_then(OsStr::to_str).is_some_and(|extension| WRITABLE.contains(&extension))
        };
        let (left, runs): (Vec<PathBuf>, Vec<PathBuf>) = found.into_iter().partition(is_writable);
        let mut left: HashSet<PathBuf> = left.into_iter().collect();
        for (run, run_dir) in runs.iter().filter_map(|run_dir| Some((id_of(run_dir)?, run_dir))) {
            let own = writable(run_dir);
            let has_left = own.iter().filter(|path| left.remove(*path)).count() > 0;
            if has_left && !open.contains(&run) {
                self.clear_after(run);
            }
        }
        left.retain(|path| id_of(&path.with_extension("")).is_none_or(|run| !open.contains(&run)));
        for folder in left {
            self.clear_unknown(&folder).await;
        }
        for folder in names_in(self.aside()).await? {
            remove(&[folder], &self.aside()).await;
        }
        let workspaces = self.config.data_dir.join("workspaces");
        let of_workspaces = names_in(workspaces.clone()).await?;
        if !of_workspaces.is_empty() {
            // Once for all of them: nothing begins to work there any more.
            let worked_in = self.worked_in().await?;
            for workspace in of_workspaces.iter().filter_map(|folder| id_of(folder)) {
                self.retire(workspace, worked_in.as_ref()).await?;
            }
        }
        // It goes when it is empty.
        tokio::fs::remove_dir(workspaces).await.ok();
        Ok(())
    }

    /// Removes a folder of a run that nothing is known of any more.
    async fn clear_unknown(&self, folder: &Path) {
        let (state, name) = (folder.join(ERRORED), folder.file_stem().unwrap_or_default().to_string_lossy());
        if is_file_at(&state)
            && let Err(error) = self.set_unknown_aside(&state, &name).await
        {
            tracing::warn!(path = %folder.display(), %error, "a folder stays: the state in it cannot be kept");
            return;
        }
        remove(&[folder.to_owned()], &self.aside()).await;
    }

    /// Removes the folder that an earlier captd had for a workspace, once nothing in it is needed. Whoever asks has done
    /// what he was to do, whatever becomes of it: what goes wrong is logged.
    pub async fn retire_workspace_folder(&self, workspace: Uuid) {
        if fs::symlink_metadata(self.workspace_dir(workspace)).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return;
        }
        let retired = match self.worked_in().await {
            Ok(worked_in) => self.retire(workspace, worked_in.as_ref()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = retired {
            tracing::warn!(%workspace, %error, "cannot look for the folder of an earlier captd");
        }
    }

    /// The same, with the folders in which commands may work; without them, it may be any.
    async fn retire(&self, workspace: Uuid, worked_in: Option<&HashSet<PathBuf>>) -> Result<()> {
        let folder = self.workspace_dir(workspace);
        let mut snapshot = self.store.read().await?;
        let is_there = snapshot.workspace(workspace).await?.is_some();
        let is_at_work = snapshot.open_run(workspace).await?.is_some();
        drop(snapshot);
        if is_at_work || worked_in.is_none_or(|folders| folders.contains(&folder)) {
            return Ok(());
        }
        let taken = if is_there { self.take_in_local_state(workspace).await } else { Ok(()) };
        if let Err(error) = async { taken.and(self.set_states_aside(workspace, &folder).await) }.await {
            tracing::warn!(path = %folder.display(), %error, "the folder of a workspace stays: a state in it cannot be kept");
            return Ok(());
        }
        remove(&[folder], &self.aside()).await;
        Ok(())
    }

    /// The folders in which commands of any run work and are not proven to be gone; `None` where that cannot be told.
    async fn worked_in(&self) -> Result<Option<HashSet<PathBuf>>> {
        let runs = names_in(self.config.data_dir.join("runs")).await?;
        blocking(move || {
            let mut found = HashSet::new();
            for run in runs.iter().filter(|run| id_of(run).is_some()) {
                let Some(folders) = supervisor::worked_in(run) else { return Ok(None) };
                found.extend(folders);
            }
            Ok(Some(found))
        })
        .await
    }

    /// Copies the states that lie in a folder to where a person finds them.
    async fn set_states_aside(&self, workspace: Uuid, folder: &Path) -> Result<()> {
        for name in [ERRORED, "terraform.tfstate"] {
            let failed = |cause| Error::File { doing: format!("read {name} in {}", folder.display()), cause };
            if let Some(bytes) = supervisor::read_left(folder, name, BYTES_MAX as u64).await.map_err(failed)? {
                let aside = self.set_aside(&format!("{workspace}.{name}"), &bytes).await?;
                tracing::warn!(path = %aside.display(), "a state that an earlier captd had left was set aside");
            }
        }
        Ok(())
    }

    fn aside(&self) -> PathBuf {
        self.config.data_dir.join(ASIDE)
    }
}

/// Whose folder it is, by its name.
fn id_of(folder: &Path) -> Option<Uuid> {
    Uuid::try_parse(folder.file_name()?.to_str()?).ok()
}

async fn lives(run_dir: &Path) -> bool {
    let run_dir = run_dir.to_owned();
    // Where nobody can look, nothing is proven.
    blocking(move || Ok(supervisor::lives(&run_dir))).await.unwrap_or(true)
}

async fn names_in(folder: PathBuf) -> Result<Vec<PathBuf>> {
    blocking(move || match fs::read_dir(&folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(Error::File { doing: format!("cannot list {}", folder.display()), cause }),
    })
    .await
}

async fn remove(folders: &[PathBuf], aside: &Path) {
    for (path, why) in supervisor::remove_left(folders, aside).await {
        tracing::warn!(path = %path.display(), why, "what a run has left cannot be removed, and was set aside");
    }
}
