//! The store: one SQLite file, and the only place with SQL.
//!
//! One connection writes, in transactions that begin immediate; others read snapshots beside it.
//!
//! **Invariant:** no transaction spans a terraform call or a request to anybody.

mod backup;
mod belonging;
mod change;
mod claims;
mod dependencies;
mod drain;
mod events;
mod in_force;
mod listing;
mod locks;
mod look;
mod namespaces;
mod plans;
mod resources;
mod retention;
mod rotation;
mod row;
mod runs;
pub mod seal;
mod secret_writers;
mod secrets;
mod states;
mod templates;
mod trouble;
mod whole_copy;
mod workspaces;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

pub use backup::back_up;
pub use belonging::{Glance, glance};
pub use change::{Change, NewResource};
pub use claims::OpenRun;
pub use events::EventQuery;
pub use in_force::InForce;
pub use listing::{ResourceQuery, RunQuery};
pub use plans::SavedPlan;
pub use resources::Retained;
pub use rotation::Resealing;
pub use states::NewState;
pub use templates::{Revision, Uploaded};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// SQLite's code for a disk without room.
const SQLITE_FULL: &str = "13";
/// Its code for a database that another process has locked, less what it says of the kind of lock.
const SQLITE_BUSY: u32 = 5;
/// Connections that read at the same time.
const READERS_MAX: u32 = 8;
/// How long a statement waits for another process's lock, such as a backup's.
const BUSY_SECONDS: u64 = 5;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// A consistent view of the database.
#[derive(Debug)]
pub struct Snapshot(Transaction<'static, Sqlite>);

/// The database cannot do what was asked. Each text holds its cause, so that a line of the log has
/// all of it; hence no `source`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open the database {path}: {cause}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        cause: sqlx::Error,
    },
    /// Another process keeps it locked.
    #[error(
        "the database {path} is locked by another process, and stayed so for {BUSY_SECONDS} seconds; end what holds it (a shell of sqlite3, a copying tool), and start again: nothing was changed"
    )]
    Locked {
        /// The file.
        path: String,
    },
    /// There is a file already where a backup is to go.
    #[error("the file {path} exists already, and a backup overwrites nothing; name another one, or move it away first")]
    Exists {
        /// The file.
        path: String,
    },
    /// The file is damaged.
    #[error(
        "the database {path} is damaged: {why}; nothing was done to it. Stop captd, keep the file aside, and put the last good backup in its place"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        why: String,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database: {0}; its file is unchanged, and a newer captd may have made it")]
    Migrate(sqlx::migrate::MigrateError),
    /// Its schema is another one.
    #[error("the database {path} has schema {found}, and this captd reads {known}; {remedy}")]
    Schema {
        /// The file.
        path: String,
        /// Number of its last migration.
        found: i64,
        /// Number of the last one that is known here.
        known: i64,
        /// What to do.
        remedy: &'static str,
    },
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(sqlx::Error),
    /// A row does not hold what it should.
    #[error("cannot read {table}.{column} of row {row}: {reason}")]
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing can be sealed.
    #[error("cannot seal what is secret: {0}")]
    Seal(seal::SealError),
    /// A value cannot be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(serde_json::Error),
}

impl Error {
    /// Whether the same may work a while later: what SQLite calls busy, locked, full, read-only, without memory, or out of reach.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        const PASSING: [u32; 7] = [5, 6, 7, 8, 10, 13, 14];
        match self {
            Self::Locked { .. } => true,
            Self::Open { cause, .. } | Self::Statement(cause) => match cause {
                sqlx::Error::Database(_) => primary_code(cause).is_some_and(|code| PASSING.contains(&code)),
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether another process holds the database, or all that wait for it have used up the connections.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let Self::Statement(cause) = self else { return false };
        is_busy(cause) || matches!(cause, sqlx::Error::PoolTimedOut)
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let Self::Statement(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code == SQLITE_FULL)
    }
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Statement(cause)
    }
}

impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Self {
        Self::Json(cause)
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_BUSY)
}

/// SQLite's code of an error, less what it says of its kind.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code().and_then(|code| code.parse().ok()).map(|code: u32| code & 0xff)
}

/// Copies a database whose schema is about to change to `<file>.before-<version>`, so that the
/// captd that made it can be gone back to.
async fn keep_before_migration(writer: &SqlitePool, path: &Path) -> Result<()> {
    let known = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if known.fetch_one(writer).await? == 0 {
        return Ok(());
    }
    let done: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(writer).await?;
    let next = MIGRATIONS.iter().map(|migration| migration.version).find(|version| Some(*version) > done);
    let Some(next) = next else { return Ok(()) };
    let copy = format!("{}.before-{next:04}", path.display());
    // What an end in the middle has left is no copy.
    if !whole_copy::has_schema(Path::new(&copy), done).await {
        let to = (Path::new(&copy), whole_copy::Place::Own);
        whole_copy::write(&mut *writer.acquire().await?, path, to, &[]).await?;
        tracing::info!(copy, "kept the database as it was before its schema changes");
    }
    Ok(())
}

fn failed_to_open(path: &Path, cause: sqlx::Error) -> Error {
    let path = path.display().to_string();
    if is_busy(&cause) { Error::Locked { path } } else { Error::Open { path, cause } }
}

/// How whoever opens the database waits for another process.
fn for_waiting(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.busy_timeout(Duration::from_secs(BUSY_SECONDS))
}

/// Result of the store.
pub type Result<T> = std::result::Result<T, Error>;

/// A pool whose connections live as long as it does: there is nobody at the other end of a file who could end them.
///
/// So sqlx need not look for idle ones. Its look counts them while others take and give them back, and the count can wrap
/// below zero: then the look never ends, and nobody else gets a connection (sqlx 0.9.0, transact-rs/sqlx#3645; seen at
/// the start of a daemon).
fn for_a_file() -> SqlitePoolOptions {
    SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None)
}

impl Store {
    /// Opens the database at `path`, makes it when it is not there, and brings its schema up to
    /// date.
    ///
    /// # Errors
    /// When the file cannot be opened or migrated, or another process keeps it locked.
    pub async fn open(path: &Path) -> Result<Self> {
        let failed = |cause| failed_to_open(path, cause);
        let options = for_waiting(SqliteConnectOptions::new().filename(path))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("trusted_schema", "OFF");
        let writer = for_a_file()
            .max_connections(1)
            // A full disk can end a transaction in SQLite that sqlx still counts: such a connection
            // would refuse every later one.
            .before_acquire(|connection, _| {
                let is_free = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_free) })
            })
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        // Whether it can be written shows before anything is done to it.
        writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?.rollback().await.map_err(failed)?;
        keep_before_migration(&writer, path).await?;
        MIGRATIONS.run(&writer).await.map_err(Error::Migrate)?;
        let reader = for_a_file()
            .max_connections(READERS_MAX)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self { writer, reader })
    }

    /// A snapshot to read from.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn read(&self) -> Result<Snapshot> {
        Ok(Snapshot(self.reader.begin().await?))
    }

    /// A transaction to write in. It waits for the one before; nothing is kept unless it commits.
    ///
    /// # Errors
    /// When the database stays locked by another process.
    pub async fn write(&self, now: Timestamp, actor: &str) -> Result<Change> {
        Ok(Change::new(self.writer.begin_with("BEGIN IMMEDIATE").await?, now, actor))
    }

    /// Id of this installation, made from `fresh` at the first call.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn installation(&self, fresh: Uuid) -> Result<Uuid> {
        sqlx::query("INSERT INTO settings (key, value) VALUES ('installation', $1) ON CONFLICT DO NOTHING")
            .bind(fresh.to_string())
            .execute(&self.writer)
            .await?;
        let row = sqlx::query("SELECT value FROM settings WHERE key = 'installation'").fetch_one(&self.writer).await?;
        row::Reading::of(&row, "settings", "installation").uuid("value")
    }

    /// Writes what is in the log into the file, and closes it.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
