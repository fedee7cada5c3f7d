//! A copy of the database that can be started elsewhere, taken while the daemon works.

use std::path::Path;

use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::row::micros;
use super::whole_copy::Place;
use super::{Change, Error, Result, Snapshot, failed_to_open, for_waiting, whole_copy};

pub(super) const HELD: &str = "held";

/// What a copy lets go of: nobody holds a lock in it, and no drain or folder is its own.
pub(super) const LETTING_GO: [&str; 2] =
    ["DELETE FROM state_locks", "DELETE FROM settings WHERE key IN ('drain', 'starts')"];

/// A run that applies in the original is lost in a copy, and leaves doubt there as any that is lost.
pub(super) fn lost(now: Timestamp) -> [String; 2] {
    let doubt = "UPDATE workspaces SET in_doubt = (SELECT r.generation FROM runs r WHERE r.workspace_uid = uid AND r.state = 'applying')
         WHERE in_doubt IS NULL AND EXISTS (SELECT 1 FROM runs r WHERE r.workspace_uid = uid AND r.state = 'applying')";
    let end =
        format!("UPDATE runs SET state = 'lost', ended_at = {}, wish = NULL WHERE state = 'applying'", micros(now));
    [doubt.to_owned(), end]
}

/// Writes a copy of the database `from` to the new file `to`. The copy is held: what it starts is
/// planned and not applied until a person releases it, so that it never fights the original. A run
/// that applies in the original is lost in the copy, and nobody holds a lock there. Both are checked.
///
/// # Errors
/// When `to` exists, the database is damaged, or one of the two cannot be opened or written; then no file is left.
pub async fn back_up(from: &Path, to: &Path, now: Timestamp) -> Result<()> {
    if to.exists() {
        return Err(Error::Exists { path: to.display().to_string() });
    }
    let options = for_waiting(SqliteConnectOptions::new().filename(from).read_only(true));
    let mut original = SqliteConnection::connect_with(&options).await.map_err(|cause| failed_to_open(from, cause))?;
    // A copy is built anew, and would be sound where an index of the original misses a row.
    whole_copy::check(&mut original, from).await?;
    whole_copy::check_not_empty(&mut original, from).await?;
    let held =
        "INSERT INTO settings (key, value) VALUES ('held', 'restored from a backup') ON CONFLICT (key) DO NOTHING";
    let edits: Vec<String> = [held].into_iter().chain(LETTING_GO).map(str::to_owned).chain(lost(now)).collect();
    whole_copy::write(&mut original, from, (to, Place::Foreign), &edits).await?;
    original.close().await?;
    Ok(())
}

impl Snapshot {
    /// Why nothing is applied at the moment; `None` when it is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held(&mut self) -> Result<Option<String>> {
        let why = sqlx::query_scalar("SELECT value FROM settings WHERE key = $1")
            .bind(HELD)
            .fetch_optional(self.connection())
            .await?;
        Ok(why)
    }
}

impl Change {
    /// Holds everything back, or releases it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_held(&mut self, why: Option<&str>) -> Result<()> {
        sqlx::query("DELETE FROM settings WHERE key = $1").bind(HELD).execute(self.connection()).await?;
        if let Some(why) = why {
            sqlx::query("INSERT INTO settings (key, value) VALUES ($1, $2)")
                .bind(HELD)
                .bind(why)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
