//! Locks on states in the database.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::row::{Reading, micros};
use super::{Change, Result, Snapshot};
use crate::domain::state::{Divergence, Holder, Lock};

impl Snapshot {
    /// The lock on a workspace's state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn state_lock(&mut self, workspace: Uuid) -> Result<Option<Lock>> {
        let row = sqlx::query("SELECT * FROM state_locks WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let r = Reading::of(&row, "state_locks", "workspace_uid");
            Ok(Lock {
                id: r.text("lock_id")?,
                info: r.json("info")?,
                holder: Holder::parse(&r.text("holder")?),
                locked_at: r.time("locked_at")?,
                released: r.flag("released")?,
            })
        })
        .transpose()
    }

    /// Workspaces on whose state a person holds the lock.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn locked_by_hand(&mut self) -> Result<BTreeSet<Uuid>> {
        let rows = sqlx::query("SELECT workspace_uid FROM state_locks WHERE released = 0 AND holder NOT LIKE 'run/%'")
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(|row| Reading::of(row, "state_locks", "workspace_uid").uuid("workspace_uid")).collect()
    }
}

impl Change {
    /// Keeps a lock; the one before it, if there is one, is gone.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_state_lock(&mut self, workspace: Uuid, lock: &Lock) -> Result<()> {
        sqlx::query(
            "INSERT OR REPLACE INTO state_locks (workspace_uid, lock_id, info, holder, locked_at, released)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(workspace.to_string())
        .bind(&lock.id)
        .bind(lock.info.to_string())
        .bind(lock.holder.to_string())
        .bind(micros(lock.locked_at))
        .bind(i64::from(lock.released))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes the lock on a workspace's state.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_state_lock(&mut self, workspace: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM state_locks WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Keeps that a workspace's state is in doubt, or no longer.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_diverged(&mut self, workspace: Uuid, divergence: Option<&Divergence>) -> Result<()> {
        sqlx::query("UPDATE workspaces SET diverged = $2 WHERE uid = $1")
            .bind(workspace.to_string())
            .bind(divergence.map(serde_json::to_string).transpose()?)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
