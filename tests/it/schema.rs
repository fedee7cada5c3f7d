//! Databases of other versions than this one.

use std::path::Path;
use std::process::Command;

use captd::domain::name::Name;
use captd::domain::resource::{Key, ResourceKind};
use captd::store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{Daemon, requires};

pub async fn change(database: &Path, statement: impl Into<String>) {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.into())).execute(&mut connection).await.unwrap();
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

/// A database as the captd left it whose last migration was `version`.
async fn as_of(database: &Path, version: i64) {
    let mut migrator = sqlx::migrate!("./migrations");
    let known = migrator.migrations.iter().filter(|migration| migration.version <= version).cloned();
    migrator.migrations = known.collect::<Vec<_>>().into();
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true).foreign_keys(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_was_declared_before_workspaces_stood_alone_is_all_there() {
    let dir = TempDir::new().unwrap();
    let database = dir.path().join("captd.db");
    as_of(&database, 4).await;
    let (machine, workspace, run) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let spec = r#"{"workspaceTemplateRef": {"name": "local-nodegroup-template"}, "providerConfigRef": {"name": "default"},
        "nodeGroupConfig": {"name": "w", "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
        "runPolicy": {"approval": "auto"}, "deletionProtection": false}"#;
    for statement in [
        r#"INSERT INTO namespaces VALUES ('default', 'n', '{}', '{}', '{"providerConfigs": ["*"]}', 1, 1, 1)"#
            .to_owned(),
        format!(
            "INSERT INTO machines VALUES ('{machine}', 'default', 'w', '{{}}', '{{}}', '{spec}', 2, 3, 1, NULL, 'ng', 3)"
        ),
        format!(
            "INSERT INTO workspaces (uid, machine_uid, cluster, paused, in_doubt) VALUES ('{workspace}', '{machine}', 'c', 1, 2)"
        ),
        format!(
            "INSERT INTO generations VALUES ('{machine}', 1, '{spec}', 'a', 1), ('{machine}', 2, '{spec}', 'b', 2)"
        ),
        format!(
            r#"INSERT INTO runs (id, workspace_uid, namespace, machine, cluster, kind, generation, "trigger", attempt, author,
                 created_at, state, begun_at, summary, steps)
               VALUES ('{run}', '{workspace}', 'default', 'w', 'c', 'apply', 2, 'spec', 1, 'a', 1, 'planned', 1,
                 '{{"create": 1, "update": 0, "replace": 0, "delete": 0}}', '[]')"#
        ),
        format!("INSERT INTO plans VALUES ('{run}', 'd', 1, x'00', 'k')"),
    ] {
        change(&database, statement).await;
    }
    let store = Store::open(&database).await.unwrap();
    let mut snapshot = store.read().await.unwrap();
    let name = Name::parse("w").unwrap();
    let key = Key { kind: ResourceKind::Machine, namespace: Name::default_namespace(), name };
    let found = snapshot.resource(&key).await.unwrap().unwrap();
    assert_eq!((found.metadata.uid, found.workspace, found.metadata.generation), (machine, workspace, 2));
    let kept = snapshot.workspace(workspace).await.unwrap().unwrap();
    assert_eq!((kept.key(), kept.paused, kept.in_doubt), (key.clone(), true, Some(2)));
    assert_eq!(snapshot.spec_of(workspace, 1).await.unwrap().unwrap(), (machine, found.spec));
    let open = snapshot.open_run(workspace).await.unwrap().unwrap();
    assert_eq!((open.id, open.key(), open.state_word()), (run, key, "planned"));
    let usage = snapshot.usage(&Name::default_namespace()).await.unwrap();
    assert_eq!((usage.machines, usage.workspaces, usage.nodes), (1, 0, 3));
    assert_eq!(snapshot.key_ids().await.unwrap(), ["k"], "the saved plan went with its run");
    drop(snapshot);
    store.close().await;
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
    std::fs::remove_file(&database).unwrap();
    as_of(&database, 1).await;
    Store::open(&database).await.unwrap().close().await;
    assert_eq!(files(), ["captd.db.before-0002"]);
    Store::open(&database).await.unwrap().close().await;
    assert_eq!(files(), ["captd.db.before-0002"], "once is enough");
}

/// What an end in the middle of such a copy has left is not taken for it.
#[tokio::test]
async fn the_copy_before_a_migration_is_whole_or_made_anew() {
    let dir = TempDir::new().unwrap();
    let database = dir.path().join("captd.db");
    for left in ["", "SQLite format 3\0 and no more", "half"] {
        for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
            std::fs::remove_file(entry.path()).unwrap();
        }
        as_of(&database, 8).await;
        let copy = dir.path().join("captd.db.before-0009");
        match left {
            "half" => {
                let whole = std::fs::read(&database).unwrap();
                std::fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
            }
            text => std::fs::write(&copy, text).unwrap(),
        }
        std::fs::write(dir.path().join("captd.db.before-0009.tmp"), "of an end in the middle").unwrap();
        Store::open(&database).await.unwrap().close().await;
        let options = SqliteConnectOptions::new().filename(&copy).read_only(true);
        let mut kept = SqliteConnection::connect_with(&options).await.unwrap();
        let version: i64 =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut kept).await.unwrap();
        let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut kept).await.unwrap();
        kept.close().await.unwrap();
        assert_eq!((version, check.as_str()), (8, "ok"), "{left:?}");
        assert!(!dir.path().join("captd.db.before-0009.tmp").exists());
    }
}

#[tokio::test]
async fn the_key_of_whatever_is_sealed_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("captd.db");
    Store::open(&database).await.unwrap().close().await;
    let sealed = "INSERT INTO secrets_in_force (workspace_uid, sealed, key_id) VALUES ('w', x'00', 'one-of-before')";
    change(&database, format!("PRAGMA foreign_keys = OFF; {sealed}")).await;
    let store = Store::open(&database).await.unwrap();
    assert_eq!(store.read().await.unwrap().key_ids().await.unwrap(), ["one-of-before"]);
    store.close().await;
}
