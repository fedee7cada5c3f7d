//! Texts of secrets with which what is in force was made, or is being made, sealed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use uuid::Uuid;

use super::seal::{Keyring, Sealed};
use super::{Change, Error, Result, Snapshot};

/// A text of a secret, as a run had it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// What a run's inputs have for it: which secret, key and version.
    pub marked: Value,
    /// The text.
    pub text: String,
}

/// The place to which they are bound.
pub(super) fn place(workspace: &str) -> String {
    format!("captd/secrets-in-force/1/{workspace}")
}

fn unsealable(workspace: Uuid, reason: impl std::fmt::Display) -> Error {
    let row = workspace.to_string();
    Error::Row { table: "secrets_in_force", column: "sealed", row, reason: reason.to_string() }
}

impl Snapshot {
    /// Those of a workspace. More than one of the same key are there while a run is at work, or what one has made is not
    /// known.
    ///
    /// # Errors
    /// When the database cannot be read, or they cannot be opened.
    pub async fn secrets_in_force(&mut self, workspace: Uuid, keys: &Keyring) -> Result<Vec<InForce>> {
        let row = sqlx::query("SELECT sealed, key_id FROM secrets_in_force WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
        let content =
            keys.open(&sealed, &place(&workspace.to_string())).map_err(|error| unsealable(workspace, error))?;
        Ok(serde_json::from_slice(&content)?)
    }
}

impl Change {
    /// Keeps those of a workspace instead of the ones before.
    ///
    /// # Errors
    /// When they cannot be sealed, or the database refuses.
    pub async fn put_secrets_in_force(&mut self, workspace: Uuid, texts: &[InForce], keys: &Keyring) -> Result<()> {
        if texts.is_empty() {
            sqlx::query("DELETE FROM secrets_in_force WHERE workspace_uid = $1")
                .bind(workspace.to_string())
                .execute(self.connection())
                .await?;
            return Ok(());
        }
        let sealed = keys
            .seal(&serde_json::to_vec(texts)?, &place(&workspace.to_string()))
            .map_err(|error| unsealable(workspace, error))?;
        sqlx::query("INSERT OR REPLACE INTO secrets_in_force (workspace_uid, sealed, key_id) VALUES ($1, $2, $3)")
            .bind(workspace.to_string())
            .bind(sealed.bytes)
            .bind(sealed.key_id)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
