//! Copies of the database, whole or not there: written beside, checked, synced, and only then given their name.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::seal::SealError;
use super::{Error, Result};

/// SQLite's codes for a file that is damaged, and for one that is no database.
const DAMAGED: [u32; 2] = [11, 26];

/// Whose the name of a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// captd's own, in its data folder: what lies there is left of a copy before.
    Own,
    /// Somebody else's: what lies there, or beside it, is not touched.
    Foreign,
}

/// Copies the database that `from` has open to `to`. `edits` are made to the copy before it is checked.
///
/// # Errors
/// When the database is damaged, or the copy cannot be written; then nothing is left of it.
pub(super) async fn write(
    from: &mut SqliteConnection,
    original: &Path,
    (to, place): (&Path, Place),
    edits: &[String],
) -> Result<()> {
    let beside = beside(to, place)?;
    if place == Place::Own {
        remove_all(&beside);
    }
    let written = write_beside(from, original, &beside, edits).await.and_then(|()| give_name(&beside, to, place));
    if written.is_err() {
        remove_all(&beside);
    }
    written
}

/// Whether a copy is there and whole, with the schema of this migration.
pub(super) async fn has_schema(path: &Path, version: Option<i64>) -> bool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let Ok(mut copy) = SqliteConnection::connect_with(&options).await else { return false };
    let found = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut copy).await;
    found.is_ok_and(|found: Option<i64>| found == version) && check(&mut copy, path).await.is_ok()
}

/// Refuses a database that is damaged.
pub(super) async fn check(database: &mut SqliteConnection, path: &Path) -> Result<()> {
    let said = sqlx::query_scalar::<_, String>("PRAGMA integrity_check(5)").fetch_all(database).await;
    let said = said.map_err(|error| of_file(path, error))?;
    if said == ["ok"] {
        return Ok(());
    }
    // A CHECK or an index that fails names its table; more than one line tells no more.
    let why = said.first().map(|line| line.replace('\n', " ")).unwrap_or_default();
    Err(Error::Damaged { path: path.display().to_string(), why })
}

/// Refuses a database that nobody has begun to use: an empty file is one, too.
pub(super) async fn check_not_empty(database: &mut SqliteConnection, path: &Path) -> Result<()> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(database).await?;
    if tables > 0 {
        return Ok(());
    }
    Err(Error::Damaged { path: path.display().to_string(), why: "it is empty".to_owned() })
}

/// Says so where a statement failed since the file is damaged.
pub(super) fn of_file(path: &Path, error: sqlx::Error) -> Error {
    match super::primary_code(&error) {
        Some(code) if DAMAGED.contains(&code) => {
            Error::Damaged { path: path.display().to_string(), why: error.to_string() }
        }
        _ => error.into(),
    }
}

async fn write_beside(from: &mut SqliteConnection, original: &Path, beside: &Path, edits: &[String]) -> Result<()> {
    // Its user's only from the beginning: SQLite takes a file that is empty.
    let made = File::options().write(true).create_new(true).mode(0o600).open(beside);
    made.map_err(|cause| cannot_open(beside, sqlx::Error::Io(cause)))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(beside.display().to_string()).execute(from).await;
    copied.map_err(|error| of_file(original, error))?;
    let options = SqliteConnectOptions::new().filename(beside);
    let mut copy = SqliteConnection::connect_with(&options).await.map_err(|cause| cannot_open(beside, cause))?;
    for edit in edits {
        sqlx::query(sqlx::AssertSqlSafe(edit.as_str())).execute(&mut copy).await?;
    }
    check(&mut copy, beside).await?;
    copy.close().await?;
    Ok(())
}

fn give_name(beside: &Path, to: &Path, place: Place) -> Result<()> {
    let named = || {
        File::open(beside)?.sync_all()?;
        match place {
            Place::Own => std::fs::rename(beside, to)?,
            // A link takes the place of nothing, not even of what has just appeared.
            Place::Foreign => {
                std::fs::hard_link(beside, to)?;
                std::fs::remove_file(beside)?;
            }
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    named().map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists { path: to.display().to_string() },
        _ => cannot_open(to, sqlx::Error::Io(cause)),
    })
}

fn cannot_open(path: &Path, cause: sqlx::Error) -> Error {
    Error::Open { path: path.display().to_string(), cause }
}

/// Where a copy is written until it is whole: beside what is another's, under a name that nothing has.
fn beside(to: &Path, place: Place) -> Result<PathBuf> {
    let mut name = to.as_os_str().to_owned();
    if place == Place::Foreign {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(|_| Error::Seal(SealError::NoRandomness))?;
        name.push(format!(".{:016x}", u64::from_ne_bytes(chance)));
    }
    name.push(".tmp");
    Ok(name.into())
}

fn remove_all(beside: &Path) {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let mut name = beside.as_os_str().to_owned();
        name.push(ending);
        // What is not there needs no removing.
        std::fs::remove_file(name).ok();
    }
}
