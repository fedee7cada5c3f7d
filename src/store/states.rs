//! States in the database: every version, sealed.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::seal::{Keyring, Sealed};
use super::{Change, Error, Result, Snapshot};
use crate::domain::resource::Key;
use crate::domain::state::{Head, Version};

/// A state that is to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewState<'a> {
    /// Whose.
    pub workspace: Uuid,
    /// What it says of itself.
    pub head: &'a Head,
    /// Hex SHA-256.
    pub digest: &'a str,
    /// The state as it came.
    pub content: &'a [u8],
    /// `run/<id>`, or who pushed it.
    pub author: &'a str,
}

/// The place to which a state is bound.
pub(super) fn place(workspace: Uuid, version: u64) -> String {
    format!("captd/state/1/{workspace}/{version}")
}

impl Snapshot {
    /// The versions of a workspace's state, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn state_versions(&mut self, workspace: Uuid) -> Result<Vec<Version>> {
        let rows = sqlx::query(
            "SELECT workspace_uid, version, lineage, serial, digest, bytes, author, created_at FROM states
             WHERE workspace_uid = $1 ORDER BY version DESC",
        )
        .bind(workspace.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }

    /// The newest version of a workspace's state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_state(&mut self, workspace: Uuid) -> Result<Option<Version>> {
        let row = sqlx::query(
            "SELECT workspace_uid, version, lineage, serial, digest, bytes, author, created_at FROM states
             WHERE workspace_uid = $1 ORDER BY version DESC LIMIT 1",
        )
        .bind(workspace.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// The content of a version.
    ///
    /// # Errors
    /// When the database cannot be read, or the content cannot be opened.
    pub async fn state_content(&mut self, workspace: Uuid, version: u64, keys: &Keyring) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query("SELECT sealed, key_id FROM states WHERE workspace_uid = $1 AND version = $2")
            .bind(workspace.to_string())
            .bind(integer(version))
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
        let content = keys.open(&sealed, &place(workspace, version)).map_err(|error| Error::Row {
            table: "states",
            column: "sealed",
            row: format!("{workspace}/{version}"),
            reason: error.to_string(),
        })?;
        Ok(Some(content))
    }

    /// Ids of the keys with which anything is sealed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn key_ids(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT key_id FROM states UNION SELECT key_id FROM plans UNION SELECT key_id FROM secrets
             UNION SELECT key_id FROM secrets_in_force",
        )
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Reading::of(row, "states", "key_id").text("key_id")).collect()
    }
}

impl Snapshot {
    /// The machine or workspace, other than `than`, whose state is of this history: one that is declared, or that has
    /// left its resources.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace_of_lineage(&mut self, lineage: &str, than: Uuid) -> Result<Option<Key>> {
        let row = sqlx::query(
            "SELECT o.kind, o.namespace, o.name FROM states s
             JOIN (SELECT uid, kind, namespace, name FROM workspaces
                   UNION ALL SELECT workspace_uid, kind, namespace, name FROM retained) o ON o.uid = s.workspace_uid
             WHERE s.lineage = $1 AND s.workspace_uid <> $2 LIMIT 1",
        )
        .bind(lineage)
        .bind(than.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let r = Reading::of(&row, "workspaces", "name");
            r.resource()
        })
        .transpose()
    }
}

impl Change {
    /// Keeps a state as the next version.
    ///
    /// # Errors
    /// When it cannot be sealed, or the database refuses.
    pub async fn keep_state(&mut self, state: NewState<'_>, keys: &Keyring, now: Timestamp) -> Result<Version> {
        let newest = self.newest_state(state.workspace).await?;
        let version = newest.map_or(1, |newest| newest.version + 1);
        let sealed = keys.seal(state.content, &place(state.workspace, version)).map_err(|error| Error::Row {
            table: "states",
            column: "sealed",
            row: format!("{}/{version}", state.workspace),
            reason: error.to_string(),
        })?;
        let kept = Version {
            version,
            lineage: state.head.lineage.clone(),
            serial: state.head.serial,
            digest: state.digest.to_owned(),
            bytes: u64::try_from(state.content.len()).unwrap_or(u64::MAX),
            author: state.author.to_owned(),
            created_at: now,
        };
        sqlx::query(
            "INSERT INTO states (workspace_uid, version, lineage, serial, digest, bytes, sealed, key_id, author, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(state.workspace.to_string())
        .bind(integer(version))
        .bind(&kept.lineage)
        .bind(integer(kept.serial))
        .bind(&kept.digest)
        .bind(integer(kept.bytes))
        .bind(sealed.bytes)
        .bind(sealed.key_id)
        .bind(&kept.author)
        .bind(micros(now))
        .execute(self.connection())
        .await?;
        Ok(kept)
    }

    /// Removes versions beyond the newest `per_workspace`, and all of workspaces that are gone (but for
    /// what was to stay) and
    /// whose last state is older than `gone_before`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_old_states(&mut self, per_workspace: u32, gone_before: Timestamp) -> Result<()> {
        sqlx::query(
            "DELETE FROM states WHERE (workspace_uid, version) IN (
               SELECT workspace_uid, version FROM (
                 SELECT workspace_uid, version,
                   row_number() OVER (PARTITION BY workspace_uid ORDER BY version DESC) AS age,
                   max(created_at) OVER (PARTITION BY workspace_uid) AS last_at,
                   EXISTS (SELECT 1 FROM workspaces w WHERE w.uid = states.workspace_uid)
                     OR EXISTS (SELECT 1 FROM retained r WHERE r.workspace_uid = states.workspace_uid) AS lives
                 FROM states)
               WHERE (lives AND age > $1) OR (NOT lives AND last_at < $2))",
        )
        .bind(i64::from(per_workspace))
        .bind(micros(gone_before))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<Version> {
    let r = Reading::of(row, "states", "workspace_uid");
    Ok(Version {
        version: r.count("version")?,
        lineage: r.text("lineage")?,
        serial: r.count("serial")?,
        digest: r.text("digest")?,
        bytes: r.count("bytes")?,
        author: r.text("author")?,
        created_at: r.time("created_at")?,
    })
}
