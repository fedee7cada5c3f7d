//! Sweeping: what is older than the retention goes, rows first, then folders.

use std::path::PathBuf;

use super::{DAEMON, Result, Service};
use crate::domain::time::plus_seconds;

const DAY_SECONDS: i64 = 86_400;

impl Service {
    /// Removes what is older than the configuration keeps, and keys that nothing needs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self) -> Result<()> {
        let retention = &self.config.retention;
        let deleted_before = plus_seconds(self.clock.now(), -i64::from(retention.deleted_days) * DAY_SECONDS);
        let mut change = self.write(DAEMON).await?;
        let runs = change.remove_old_runs(retention.runs_per_workspace, deleted_before).await?;
        change.remove_old_generations(retention.generations_per_machine).await?;
        change.remove_old_states(retention.states_per_workspace, deleted_before).await?;
        change.remove_old_events(retention.events).await?;
        change.commit().await?;
        self.finish_rotation().await?;
        for run in runs {
            remove_folder(self.run_dir(run)).await;
        }
        Ok(())
    }
}

/// Removes the folder of a run, in which nothing but captd and its supervisors write.
async fn remove_folder(path: PathBuf) {
    match tokio::fs::remove_dir_all(&path).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove a folder"),
    }
}
