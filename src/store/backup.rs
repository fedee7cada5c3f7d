//! A copy of the database that can be started elsewhere, taken while the daemon works.

use std::path::Path;

use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::row::micros;
use super::{Change, Error, Result, Snapshot};

const HELD: &str = "held";

/// Writes a copy of the database `from` to the new file `to`. The copy is held: what it starts is
/// planned and not applied until a person releases it, so that it never fights the original. A run
/// that applies in the original is lost in the copy, and nobody holds a lock there.
///
/// # Errors
/// When `to` exists, or one of the two cannot be opened or written.
pub async fn back_up(from: &Path, to: &Path, now: Timestamp) -> Result<()> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |cause| Error::Open { path, cause }
    };
    if to.exists() {
        let cause = sqlx::Error::Configuration("the file exists already, and a backup overwrites nothing".into());
        return Err(failed(to)(cause));
    }
    let options = SqliteConnectOptions::new().filename(from).read_only(true);
    let mut original = SqliteConnection::connect_with(&options).await.map_err(failed(from))?;
    sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&mut original).await?;
    original.close().await?;

    let options = SqliteConnectOptions::new().filename(to);
    let mut copy = SqliteConnection::connect_with(&options).await.map_err(failed(to))?;
    for statement in [
        "INSERT INTO settings (key, value) VALUES ('held', 'restored from a backup') ON CONFLICT (key) DO NOTHING",
        "DELETE FROM state_locks",
        "DELETE FROM settings WHERE key = 'drain'",
    ] {
        sqlx::query(statement).execute(&mut copy).await?;
    }
    sqlx::query("UPDATE runs SET state = 'lost', ended_at = $1, wish = NULL WHERE state = 'applying'")
        .bind(micros(now))
        .execute(&mut copy)
        .await?;
    copy.close().await?;
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
