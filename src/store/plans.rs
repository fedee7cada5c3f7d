//! Saved plans in the database, from planning to the end of the run.

use sqlx::Row;
use uuid::Uuid;

use super::row::{Reading, integer};
use super::seal::{Keyring, Sealed};
use super::{Change, Error, Result, Snapshot};

/// A plan as Terraform saved it.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// The file.
    pub content: Vec<u8>,
    /// Hex SHA-256 of the file.
    pub digest: String,
    /// Serial of the state that it was made for; `None` before the first state.
    pub serial: Option<u64>,
}

pub(super) fn place(run: Uuid) -> String {
    format!("captd/plan/1/{run}")
}

fn unsealable(run: Uuid, reason: impl std::fmt::Display) -> Error {
    Error::Row { table: "plans", column: "sealed", row: run.to_string(), reason: reason.to_string() }
}

impl Snapshot {
    /// The saved plan of a run.
    ///
    /// # Errors
    /// When the database cannot be read, or the plan cannot be opened.
    pub async fn saved_plan(&mut self, run: Uuid, keys: &Keyring) -> Result<Option<SavedPlan>> {
        let row = sqlx::query("SELECT * FROM plans WHERE run_id = $1")
            .bind(run.to_string())
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
        let content = keys.open(&sealed, &place(run)).map_err(|error| unsealable(run, error))?;
        let serial: Option<i64> = row.try_get("serial")?;
        let digest = Reading::of(&row, "plans", "run_id").text("digest")?;
        let serial = serial.map(u64::try_from).transpose().map_err(|error| unsealable(run, error))?;
        Ok(Some(SavedPlan { content, digest, serial }))
    }
}

impl Change {
    /// Keeps the saved plan of a run.
    ///
    /// # Errors
    /// When it cannot be sealed, or the database refuses.
    pub async fn keep_saved_plan(&mut self, run: Uuid, plan: &SavedPlan, keys: &Keyring) -> Result<()> {
        let sealed = keys.seal(&plan.content, &place(run)).map_err(|error| unsealable(run, error))?;
        sqlx::query(
            "INSERT OR REPLACE INTO plans (run_id, digest, serial, sealed, key_id) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(run.to_string())
        .bind(&plan.digest)
        .bind(plan.serial.map(integer))
        .bind(sealed.bytes)
        .bind(sealed.key_id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes the saved plan of a run that is over.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_saved_plan(&mut self, run: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM plans WHERE run_id = $1").bind(run.to_string()).execute(self.connection()).await?;
        Ok(())
    }
}
