//! A backup that is taken under load, restored elsewhere, and released.

use std::process::Command;

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::support::{Daemon, local_machine, requires};

/// Types `captd backup`.
fn back_up(daemon: &Daemon, to: &std::path::Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["backup", "--data-dir"])
        .arg(daemon.dir().join("data"))
        .arg("--to")
        .arg(to)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// The generation of each that may have left something which stands in no state.
async fn doubts(database: &std::path::Path) -> Vec<(String, Option<i64>)> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query_as("SELECT name, in_doubt FROM workspaces ORDER BY name").fetch_all(&mut connection).await;
    connection.close().await.unwrap();
    rows.unwrap()
}

#[tokio::test]
async fn a_restored_copy_plans_and_applies_nothing_until_it_is_released() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("made", 2)).await;
    daemon.wait_until_ready("made").await;
    let slow = local_machine("begun", 1, &json!({"create_seconds": 3}));
    daemon.post("/v1/namespaces/default/machines", &slow).await;
    daemon.wait_for_machine("begun", "it applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    let restored = TempDir::new().unwrap();
    std::fs::create_dir(restored.path().join("data")).unwrap();
    std::fs::write(restored.path().join("captd.toml"), "").unwrap();
    let copy = restored.path().join("data/captd.db");
    let beside = restored.path().join("data/captd.db.tmp");
    std::fs::write(&beside, "somebody's own").unwrap();
    let (code, said) = back_up(&daemon, &copy);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "somebody's own", "nothing beside it is touched");
    std::fs::remove_file(&beside).unwrap();
    assert_eq!(std::fs::read_dir(restored.path().join("data")).unwrap().count(), 1, "and nothing else is left there");
    assert_eq!(doubts(&copy).await, [("begun".to_owned(), Some(1)), ("made".to_owned(), None)]);
    let (code, said) = back_up(&daemon, &copy);
    assert!(code == Some(1) && said.contains("exists already"), "a backup overwrites nothing: {said}");
    std::fs::copy(daemon.dir().join("data/state.key"), restored.path().join("data/state.key")).unwrap();
    daemon.wait_until_ready("begun").await;

    let twin = Daemon::start_in(restored);
    assert_eq!(twin.get("/v1/hold").await.json()["held"], true);
    assert_eq!(twin.machine("made").await["status"]["currentSize"], 2);
    // What the original was applying is nobody's here: it is planned, and waits.
    twin.wait_for_machine("begun", "it is planned", |m| m["status"]["latestRun"]["state"] == "planned").await;
    twin.post("/v1/namespaces/default/machines/made/scale", &json!({"desiredSize": 3})).await;
    twin.wait_for_machine("made", "it is planned", |m| m["status"]["latestRun"]["state"] == "planned").await;
    assert_eq!(twin.get("/v1/runs?state=applying").await.json()["items"], json!([]));

    assert_eq!(twin.delete("/v1/hold").await.json()["held"], false);
    assert_eq!(twin.wait_until_ready("made").await["status"]["currentSize"], 3);
    twin.wait_until_ready("begun").await;
    let (lines, code) = crate::doctor::ask(twin.dir(), twin.base());
    assert_eq!(code, 0, "the doctor finds nothing wrong: {lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("ok ") || line.contains("confinement")), "{lines:#?}");
    twin.stop().await;
    daemon.stop().await;
}
