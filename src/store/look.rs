//! Looking at a database without being its daemon.
//!
//! **Invariant:** nothing is made, migrated or written.

use std::path::Path;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;

use super::{Error, MIGRATIONS, Result, Snapshot, Store, for_a_file};

impl Store {
    /// A snapshot of the database at `path`. `at_rest` says that nobody has it open.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is not the one that this captd knows.
    pub async fn look(path: &Path, at_rest: bool) -> Result<Snapshot> {
        let failed = |cause| Error::Open { path: path.display().to_string(), cause };
        // To share a database SQLite makes a file beside it. Where all is in the one file and stays
        // so, none is needed, and the folder may be read-only.
        let log = path.with_extension("db-wal");
        let is_whole = at_rest && std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_whole)
            .pragma("trusted_schema", "OFF");
        let pool = for_a_file().max_connections(1).connect_with(options).await.map_err(failed)?;
        let mut snapshot = Snapshot(pool.begin().await.map_err(failed)?);
        let found = schema(snapshot.connection()).await.map_err(failed)?;
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        if found == known {
            return Ok(snapshot);
        }
        let remedy = if found > known {
            "a newer captd made it: use that one"
        } else {
            "an older captd made it: use that one, or let `captd serve` bring it up to date"
        };
        Err(Error::Schema { path: path.display().to_string(), found, known, remedy })
    }
}

async fn schema(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await
}
