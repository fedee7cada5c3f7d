//! What is old enough to go.

use jiff::Timestamp;
use uuid::Uuid;

use super::row::{Reading, micros};
use super::{Change, Result};

impl Change {
    /// Removes runs beyond the newest `per_workspace` of each workspace, and those of deleted
    /// machines that ended before `deleted_before`. An open run stays, and so does the newest one
    /// that was meant to change something: the next decision needs it. So does the newest apply that
    /// went well: a deletion destroys with what it made. Gives back their ids, whose folders may go too.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_old_runs(&mut self, per_workspace: u32, deleted_before: Timestamp) -> Result<Vec<Uuid>> {
        let rows = sqlx::query(
            "DELETE FROM runs WHERE id IN (
               SELECT id FROM (
                 SELECT id, ended_at, row_number() OVER (PARTITION BY workspace_uid ORDER BY id DESC) AS age,
                   row_number() OVER (PARTITION BY workspace_uid,
                     kind IN ('apply', 'destroy') AND ended_at IS NOT NULL ORDER BY id DESC) AS age_of_change,
                   kind IN ('apply', 'destroy') AS changes,
                   kind = 'apply' AND state IN ('succeeded', 'unchanged') AS went_well,
                   row_number() OVER (PARTITION BY workspace_uid,
                     kind = 'apply' AND state IN ('succeeded', 'unchanged') ORDER BY id DESC) AS age_of_success,
                   EXISTS (SELECT 1 FROM workspaces w WHERE w.uid = workspace_uid) AS lives
                 FROM runs)
               WHERE ended_at IS NOT NULL
                 AND ((lives AND age > $1 AND NOT (changes AND age_of_change = 1)
                     AND NOT (went_well AND age_of_success = 1))
                   OR (NOT lives AND ended_at < $2)))
             RETURNING id",
        )
        .bind(i64::from(per_workspace))
        .bind(micros(deleted_before))
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Reading::of(row, "runs", "id").uuid("id")).collect()
    }

    /// Removes generations beyond the newest `per_workspace` of each workspace, but for those that a
    /// kept run serves.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_old_generations(&mut self, per_workspace: u32) -> Result<()> {
        sqlx::query(
            "DELETE FROM generations WHERE (workspace_uid, generation) IN (
               SELECT workspace_uid, generation FROM (
                 SELECT workspace_uid, generation,
                   row_number() OVER (PARTITION BY workspace_uid ORDER BY generation DESC) AS age
                 FROM generations) old
               WHERE age > $1 AND NOT EXISTS (
                 SELECT 1 FROM runs r
                 WHERE r.workspace_uid = old.workspace_uid AND r.generation = old.generation))",
        )
        .bind(i64::from(per_workspace))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
