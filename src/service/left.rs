//! What runs leave on the disk in folders that they could write: it goes when they are over. Folders of workspaces, which
//! an earlier captd had, are taken over once.
//!
//! **Invariant:** no folder goes while a process of its run is proven alive, and none of a workspace before the states in
//! it are in the database or set aside.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::errored::ERRORED;
use super::{Error, Result, Service};
use crate::domain::state::BYTES_MAX;
use crate::supervisor::confine::{sockets_dir, tmp_dir, work_dir};
use crate::supervisor::{self, ASIDE};

/// Runs that are cleared at the same time; a further one waits for its turn.
pub(super) const CLEARED_AT_ONCE: usize = 4;
/// How often it is looked whether the processes of a run that was ended are gone, and how often at most.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 1_200;

/// The folders that a run could write.
fn writable(run_dir: &Path) -> [PathBuf; 3] {
    [work_dir(run_dir), tmp_dir(run_dir), sockets_dir(run_dir)]
}

impl Service {
    /// Removes what a run that is over has left, in the background.
    pub(super) fn clear_after(&self, run: Uuid) {
        let run_dir = self.run_dir(run);
        let (aside, turns) = (self.aside(), std::sync::Arc::clone(&self.clearing));
        tokio::spawn(async move {
            let _turn = turns.acquire().await;
            for _ in 0..LOOKS_MAX {
                if !supervisor::lives(&run_dir) {
                    remove(&writable(&run_dir), &aside).await;
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
            tracing::warn!(%run, "processes of a run that is over are alive; its folders go with the next start");
        });
    }

    /// Removes what runs that are over, and workspaces of an earlier captd, have left: for a start.
    ///
    /// # Errors
    /// When the database fails. What cannot be removed is named in the log.
    pub async fn clear_all(&self) -> Result<()> {
        // First what there is, then which runs are open: none that has begun meanwhile is taken for one that is over.
        let runs = names_in(&self.config.data_dir.join("runs"));
        let open = self.store.read().await?.open_runs().await?;
        let kept: HashSet<PathBuf> = open.iter().flat_map(|open| writable(&self.run_dir(open.run.id))).collect();
        let alive = runs.iter().filter(|run| run.extension().is_none() && supervisor::lives(run));
        let alive: HashSet<PathBuf> = alive.flat_map(|run| writable(run)).collect();
        let is_over = |path: &&PathBuf| path.extension().is_some() && !kept.contains(*path) && !alive.contains(*path);
        let mut left: Vec<PathBuf> = runs.iter().filter(is_over).cloned().collect();
        left.extend(names_in(&self.aside()));
        remove(&left, &self.aside()).await;
        for folder in names_in(&self.config.data_dir.join("workspaces")) {
            let name = folder.file_name().and_then(std::ffi::OsStr::to_str).and_then(|name| Uuid::try_parse(name).ok());
            if let Some(workspace) = name {
                self.retire_workspace_folder(workspace).await?;
            }
        }
        // It goes when it is empty.
        fs::remove_dir(self.config.data_dir.join("workspaces")).ok();
        Ok(())
    }

    /// Removes the folder that an earlier captd had for a workspace, once nothing in it is needed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_workspace_folder(&self, workspace: Uuid) -> Result<()> {
        let folder = self.workspace_dir(workspace);
        if fs::symlink_metadata(&folder).is_err() {
            return Ok(());
        }
        let mut snapshot = self.store.read().await?;
        let is_there = snapshot.workspace(workspace).await?.is_some();
        let is_at_work = snapshot.open_runs().await?.iter().any(|open| open.run.workspace == workspace);
        drop(snapshot);
        if is_at_work {
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

fn names_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

async fn remove(folders: &[PathBuf], aside: &Path) {
    for (path, why) in supervisor::remove_left(folders, aside).await {
        tracing::warn!(path = %path.display(), why, "what a run has left cannot be removed, and was set aside");
    }
}
