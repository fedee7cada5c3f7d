//! What the queue reads: the open runs, with what decides about their places.

use super::row::Reading;
use super::{Result, Snapshot, runs};
use crate::domain::run::Run;

/// An open run and the cluster that it works on.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// The run.
    pub run: Run,
    /// Its workspace's cluster.
    pub cluster: String,
}

impl Snapshot {
    /// Every open run, in the order of arrival.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_runs(&mut self) -> Result<Vec<OpenRun>> {
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE state IN
               ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying') ORDER BY id",
        )
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| Ok(OpenRun { run: runs::read(row)?, cluster: Reading::of(row, "runs", "id").text("cluster")? }))
            .collect()
    }

    /// How many runs are in an open state, and the oldest of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn runs_that_are(&mut self, state: &str) -> Result<(u64, Option<Run>)> {
        let row = sqlx::query("SELECT count(*) AS n FROM runs WHERE state = $1")
            .bind(state)
            .fetch_one(self.connection())
            .await?;
        let count = Reading::of(&row, "runs", "count").count("n")?;
        let oldest = sqlx::query("SELECT * FROM runs WHERE state = $1 ORDER BY id LIMIT 1")
            .bind(state)
            .fetch_optional(self.connection())
            .await?;
        Ok((count, oldest.as_ref().map(runs::read).transpose()?))
    }

    /// How many runs are open.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_run_count(&mut self) -> Result<u64> {
        let row = sqlx::query(
            "SELECT count(*) AS n FROM runs WHERE state IN
               ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying')",
        )
        .fetch_one(self.connection())
        .await?;
        Reading::of(&row, "runs", "count").count("n")
    }
}
