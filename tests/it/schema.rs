//! Databases of other versions than this one.

use std::path::Path;
use std::process::Command;

use captd::store::Store;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::support::{Daemon, requires};

pub async fn change(database: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_captd_is_left_alone() {
    if !requires("terraform") {
        return;
    }
    let dir = Daemon::start().stop().await;
    let database = dir.path().join("data/captd.db");
    change(
        &database,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the future', TRUE, x'00', 0)",
    )
    .await;
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("a newer captd may have made it"), "{said}");
    change(&database, "DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    Daemon::start_in(dir).stop().await;
}

#[tokio::test]
async fn the_database_is_kept_as_it_was_before_its_schema_changes() {
    let dir = TempDir::new().unwrap();
    let database = dir.path().join("captd.db");
    Store::open(&database).await.unwrap().close().await;
    let files = || {
        let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| name.contains("before"));
        names
    };
    assert_eq!(files(), Vec::<String>::new(), "a new database needs no copy");
    // As an earlier captd left it: the last migration is not there yet.
    for statement in [
        "DROP TABLE states",
        "DROP TABLE state_locks",
        "DROP TABLE plans",
        "DROP TABLE provider_trouble",
        "ALTER TABLE workspaces DROP COLUMN diverged",
        "ALTER TABLE workspaces DROP COLUMN in_doubt",
        "ALTER TABLE runs DROP COLUMN stop_by",
        "ALTER TABLE runs DROP COLUMN stop_at",
        "ALTER TABLE runs DROP COLUMN stop_force",
        "DELETE FROM _sqlx_migrations WHERE version >= 2",
    ] {
        change(&database, statement).await;
    }
    Store::open(&database).await.unwrap().close().await;
    assert_eq!(files(), ["captd.db.before-0002"]);
    Store::open(&database).await.unwrap().close().await;
    assert_eq!(files(), ["captd.db.before-0002"], "once is enough");
}
