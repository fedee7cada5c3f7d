//! What a database says of where it belongs, before anything is done to it and afterwards: of which installation it is, how
//! often that was started, in which folder it lay, and which run is its newest.

use std::path::Path;

use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use uuid::Uuid;

use super::backup::{HELD, LETTING_GO, lost};
use super::{Result, Store, failed_to_open, for_waiting, whole_copy};

/// What stands in a database that nobody has begun to work with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// It has no table, or is not there.
    pub is_empty: bool,
    /// Id of the installation.
    pub installation: Option<String>,
    /// How often it was started; 0 where that was not counted yet.
    pub starts: u64,
    /// Where it lay when it was last started.
    pub home: Option<String>,
    /// Why nothing is applied, if so.
    pub held: Option<String>,
    /// The run that was made last.
    pub newest_run: Option<Uuid>,
}

/// Looks at a database, of whichever version.
///
/// # Errors
/// When it cannot be read, or another process keeps it locked.
pub async fn glance(path: &Path) -> Result<Glance> {
    if std::fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return Ok(Glance { is_empty: true, ..Glance::default() });
    }
    let options = for_waiting(SqliteConnectOptions::new().filename(path));
    let mut database = SqliteConnection::connect_with(&options).await.map_err(|cause| failed_to_open(path, cause))?;
    let seen = read(&mut database, path).await?;
    database.close().await?;
    Ok(seen)
}

async fn read(database: &mut SqliteConnection, path: &Path) -> Result<Glance> {
    let failed = |cause: sqlx::Error| {
        if super::is_busy(&cause) { failed_to_open(path, cause) } else { whole_copy::of_file(path, cause) }
    };
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut *database)
        .await
        .map_err(failed)?;
    let mut seen = Glance { is_empty: tables.is_empty(), ..Glance::default() };
    if tables.iter().any(|name| name == "settings") {
        let settings: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM settings").fetch_all(&mut *database).await.map_err(failed)?;
        for (key, value) in settings {
            match key.as_str() {
                "installation" => seen.installation = Some(value),
                "starts" => seen.starts = value.parse().unwrap_or_default(),
                "home" => seen.home = Some(value),
                HELD => seen.held = Some(value),
                _ => {}
            }
        }
    }
    if tables.iter().any(|name| name == "runs") {
        let newest: Option<String> =
            sqlx::query_scalar("SELECT max(id) FROM runs").fetch_one(&mut *database).await.map_err(failed)?;
        seen.newest_run = newest.and_then(|id| Uuid::try_parse(&id).ok());
    }
    Ok(seen)
}

impl Store {
    /// Keeps how often it was started, and where that was.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep_start(&self, starts: u64, home: &str) -> Result<()> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for (key, value) in [("starts", starts.to_string().as_str()), ("home", home)] {
            sqlx::query("INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2")
                .bind(key)
                .bind(value)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Makes a copy of what is elsewhere, as a restored backup is: held, nobody's lock on a state in it, and no run at work.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hold_as_copy(&self, why: &str, home: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for (key, value) in [(HELD, why), ("home", home)] {
            sqlx::query("INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2")
                .bind(key)
                .bind(value)
                .execute(&mut *transaction)
                .await?;
        }
        for statement in LETTING_GO {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        for statement in lost(now) {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
