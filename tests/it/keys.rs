//! The keys of what is kept secret: where they lie, and how a new one takes over while captd works.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::schema::change;
use crate::support::{Daemon, local_machine, requires, until};

const WORKERS: &str = "/v1/namespaces/default/machines/workers";

/// Types `captd state rotate-key`.
fn rotate(daemon: &Daemon) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["state", "rotate-key"])
        .env_clear()
        .env("CAPTD_ADDR", daemon.base())
        .env("CAPTD_TOKEN", daemon.token())
        .output()
        .unwrap();
    (output.status.code().unwrap(), said(&output))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Ids of the keys in a key file, the current one first.
fn ids(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap().0.to_owned()).collect()
}

/// Ids of the keys that something in the database is sealed with.
async fn sealing(dir: &Path) -> BTreeSet<String> {
    let options = SqliteConnectOptions::new().filename(dir.join("data/captd.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query("SELECT key_id FROM states UNION SELECT key_id FROM plans").fetch_all(&mut connection).await;
    connection.close().await.unwrap();
    rows.unwrap().iter().map(|row| row.get("key_id")).collect()
}

async fn states(daemon: &Daemon) -> Vec<Value> {
    let mut states = Vec::new();
    for version in daemon.get(&format!("{WORKERS}/state/versions")).await.json()["items"].as_array().unwrap() {
        let path = format!("{WORKERS}/state?version={}", version["version"]);
        states.push(daemon.get(&path).await.json());
    }
    states
}

/// A daemon whose key lies in a folder of its own, and the key file.
fn daemon_with_own_key_file() -> (Daemon, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("keys/captd.key");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(dir.path().join("captd.toml"), format!("[state]\nkey_file = {:?}\n", file.to_str().unwrap()))
        .unwrap();
    (Daemon::start_in(dir), file)
}

#[tokio::test]
async fn a_new_key_seals_everything_and_the_old_one_goes() {
    if !requires("terraform") {
        return;
    }
    let (daemon, file) = daemon_with_own_key_file();
    assert!(!daemon.dir().join("data/state.key").exists());
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    daemon.scale("workers", 2).await;
    daemon.patch(WORKERS, &json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}})).await;
    let waiting = daemon.wait_for_phase("workers", "AwaitingApproval").await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let before = states(&daemon).await;
    let old = ids(&file);
    assert_eq!(sealing(daemon.dir()).await, BTreeSet::from_iter(old.clone()));

    let (code, said) = rotate(&daemon);
    let new = ids(&file);
    assert_eq!((code, new.len()), (0, 1), "a plan that waits has signed in nowhere: {said}");
    assert_ne!(new, old);
    let expected =
        format!("key {} is the current one: {} states and plans were sealed again", new[0], before.len() + 1);
    assert!(
        said.contains(&expected) && said.contains("backups that were taken before open with the old key"),
        "{said}"
    );
    assert_eq!(sealing(daemon.dir()).await, BTreeSet::from_iter(new.clone()));
    assert_eq!(states(&daemon).await, before);
    assert!(before.len() >= 2);

    let daemon = Daemon::start_in(daemon.end(Signal::TERM).await);
    assert_eq!(states(&daemon).await, before, "the file alone opens them");
    let (lines, _) = crate::doctor::ask(daemon.dir(), daemon.base());
    let expected = format!("ok    keys: {}: `{}` seals", file.display(), new[0]);
    assert!(lines.contains(&expected), "{lines:#?}");
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    daemon.stop().await;
}

#[tokio::test]
async fn a_run_at_work_keeps_its_credentials_and_its_key() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let file = daemon.dir().join("data/state.key");
    daemon.post("/v1/namespaces/default/machines", &local_machine("workers", 2, &json!({"create_seconds": 5}))).await;
    let applying =
        daemon.wait_for_machine("workers", "it applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    let run = applying["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let old = ids(&file);
    let (code, said) = rotate(&daemon);
    let both = ids(&file);
    assert_eq!((code, both.len(), &both[1..]), (0, 2, &old[..]), "{said}");
    let expected = format!("key {} stays in the key file: 1 runs at work signed in with it", old[0]);
    assert!(said.contains(&expected), "{said}");
    let (lines, _) = crate::doctor::ask(daemon.dir(), daemon.base());
    assert!(lines.iter().any(|line| line.contains(&format!("`{}` seals, `{}` ", both[0], old[0]))), "{lines:#?}");

    // Over a restart too: the terraform at work has nothing but the old credentials.
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    let newest = daemon.get(&format!("{WORKERS}/state/versions")).await.json()["items"][0].clone();
    assert_eq!(newest["author"], format!("run/{run}"), "its state was taken");
    daemon.wait_until_ready("workers").await;
    assert_eq!(sealing(daemon.dir()).await, BTreeSet::from([both[0].clone()]));

    let daemon = Daemon::start_in(daemon.stop().await);
    until("the old key has left", async || (ids(&file_of(&daemon)) == both[..1]).then_some(())).await;
    assert_eq!(daemon.scale("workers", 1).await["state"], "succeeded");
    daemon.stop().await;
}

fn file_of(daemon: &Daemon) -> PathBuf {
    daemon.dir().join("data/state.key")
}

#[tokio::test]
async fn a_rotation_that_is_cut_short_goes_on_at_the_next_start() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    // Enough for many transactions.
    let state = daemon.get(&format!("{WORKERS}/state")).await.text;
    for _ in 0..80 {
        let path = format!("{WORKERS}/state?forward=true");
        let headers = [("content-type", "application/json")];
        let kept = daemon.request(Method::POST, &path, &headers, state.clone().into_bytes()).await;
        assert_eq!(kept.status, 200, "{}", kept.text);
    }
    let before = states(&daemon).await;
    let old = ids(&file_of(&daemon));
    let asked = reqwest::Client::new().post(format!("{}/v1/keys/rotate", daemon.base())).bearer_auth(daemon.token());
    let asking = tokio::spawn(asked.send());
    until("the new key is in the file", async || (ids(&file_of(&daemon)) != old).then_some(())).await;
    let dir = daemon.end(Signal::KILL).await;
    asking.await.unwrap().ok();
    let (sealing_now, filed) =
        (sealing(dir.path()).await, BTreeSet::from_iter(ids(&dir.path().join("data/state.key"))));
    assert!(sealing_now.is_subset(&filed), "a key that is needed is gone: {sealing_now:?}, {filed:?}");

    let daemon = Daemon::start_in(dir);
    until("the rotation is done", async || (ids(&file_of(&daemon)).len() == 1).then_some(())).await;
    let new = ids(&file_of(&daemon));
    assert_ne!(new, old);
    assert_eq!(sealing(daemon.dir()).await, BTreeSet::from_iter(new));
    assert_eq!(states(&daemon).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_damaged_keeps_its_key_and_is_told() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    daemon.scale("workers", 2).await;
    let newest = daemon.get(&format!("{WORKERS}/state")).await.json();
    let old = ids(&file_of(&daemon));
    let dir = daemon.stop().await;
    change(&dir.path().join("data/captd.db"), "UPDATE states SET sealed = zeroblob(100) WHERE version = 1").await;
    let daemon = Daemon::start_in(dir);
    let (code, said) = rotate(&daemon);
    assert!(code == 1 && said.contains("1 states or plans cannot be opened"), "{said}");
    assert_eq!(ids(&file_of(&daemon))[1..], old, "its key stays");
    assert_eq!(daemon.get(&format!("{WORKERS}/state")).await.json(), newest);
    daemon.stop().await;
}

#[tokio::test]
async fn a_key_file_that_cannot_be_written_leaves_everything_as_it_is() {
    if !requires("terraform") {
        return;
    }
    let (daemon, file) = daemon_with_own_key_file();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let before = states(&daemon).await;
    let old = ids(&file);
    let folder = file.parent().unwrap().to_owned();
    let aside = folder.with_file_name("aside");
    std::fs::rename(&folder, &aside).unwrap();
    let (code, said) = rotate(&daemon);
    assert!(
        code == 1
            && said.contains(&format!("cannot write {}", file.display()))
            && said.contains("every key that is needed"),
        "{said}"
    );
    assert_eq!(sealing(daemon.dir()).await, BTreeSet::from_iter(old.clone()));
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!((ids(&file), states(&daemon).await), (old, before));
    assert_eq!(rotate(&daemon).0, 0, "and later it can be");
    daemon.stop().await;
}
