//! Terraform's state in captd: the backend as the plain Terraform sees it, and what a person may
//! do with it.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::local::seed_yaml;
use crate::support::{self, Daemon, local_machine, requires, resources_of, until};

const WORKERS: &str = "/v1/namespaces/default/machines/workers";

/// The address of a machine's state.
async fn address(daemon: &Daemon, machine: &str) -> String {
    let workspace = daemon.runs(machine).await[0]["workspace"].as_str().unwrap().to_owned();
    format!("{}/state/v1/workspaces/{workspace}", daemon.base())
}

async fn versions(daemon: &Daemon) -> Value {
    daemon.get(&format!("{WORKERS}/state/versions")).await.json()["items"].clone()
}

/// A machine whose creation takes its time.
fn slow(seconds: u32) -> Value {
    local_machine("workers", 1, &json!({"create_seconds": seconds}))
}

async fn wait_until_it_creates(daemon: &Daemon) -> String {
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    until("terraform creates", async || {
        daemon.get(&format!("/v1/runs/{run}/log")).await.text.contains("Creating...").then_some(())
    })
    .await;
    run
}

/// The plain Terraform, pointed at a state with the admin's token.
fn terraform(folder: &Path, address: &str, token: &str, args: &[&str]) -> Output {
    support::terraform(folder, args)
        .env("TF_HTTP_ADDRESS", address)
        .env("TF_HTTP_LOCK_ADDRESS", address)
        .env("TF_HTTP_UNLOCK_ADDRESS", address)
        .env("TF_HTTP_USERNAME", "ops")
        .env("TF_HTTP_PASSWORD", token)
        .output()
        .unwrap()
}

#[tokio::test]
async fn the_plain_terraform_reads_it_and_is_told_who_holds_the_lock() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 2)).await;
    daemon.wait_until_ready("workers").await;
    let address = address(&daemon, "workers").await;
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("main.tf"), "terraform {\n  backend \"http\" {}\n}\n").unwrap();
    let run = |args: &[&str]| terraform(folder.path(), &address, daemon.token(), args);
    let init = run(&["init", "-input=false", "-no-color"]);
    assert!(init.status.success(), "{init:?}");
    let list = String::from_utf8(run(&["state", "list"]).stdout).unwrap();
    let expected =
        ["group", "node[\"0\"]", "node[\"1\"]"].map(|name| format!("module.nodegroup.terraform_data.{name}"));
    assert_eq!(list.lines().collect::<Vec<_>>(), expected);
    let plan = run(&["plan", "-input=false", "-no-color"]);
    assert!(String::from_utf8_lossy(&plan.stdout).contains("3 to destroy"), "{plan:?}");

    // A run holds the lock: whoever wants it is told which.
    daemon
        .patch(
            WORKERS,
            &json!({"spec": {"variables": {"create_seconds": 20}, "nodeGroupConfig": {"instanceType": "m5.large"}}}),
        )
        .await;
    let waiting = daemon.wait_for_phase("workers", "AwaitingApproval").await;
    let id = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    daemon.post(&format!("/v1/runs/{id}/approve"), &json!({})).await;
    wait_until_it_creates(&daemon).await;
    let refused = run(&["plan", "-input=false", "-no-color"]);
    // Terraform breaks its lines where it likes.
    let said = String::from_utf8_lossy(&refused.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        !refused.status.success() && said.contains(&format!("apply run {id} of machine default/workers is applying")),
        "{said}"
    );
    daemon.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await;
    daemon.wait_for_end(&id).await;
    let after = run(&["plan", "-input=false", "-no-color"]);
    assert!(after.status.success(), "its lock went with its end: {after:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_does_not_belong_there_is_refused_and_the_state_stays() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&(seed_yaml("workers", 1) + &seed_yaml("others", 1))).await;
    daemon.wait_until_ready("workers").await;
    daemon.wait_until_ready("others").await;
    let before = versions(&daemon).await;
    let state = daemon.get(&format!("{WORKERS}/state")).await.json();
    let address = address(&daemon, "workers").await;
    let client = Client::new();
    let ask = async |method: &str, query: &str, body: Vec<u8>, password: &str| {
        let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{address}{query}"));
        let answer = request.basic_auth("ops", Some(password)).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let with = |field: &str, value: Value| {
        let mut other = state.clone();
        other[field] = value;
        other.to_string().into_bytes()
    };
    let token = daemon.token();
    let lock = json!({"ID": "mine", "Operation": "test"}).to_string().into_bytes();
    assert_eq!(ask("POST", "?ID=mine", with("serial", json!(99)), token).await.0, 409, "without the lock");
    assert_eq!(ask("LOCK", "", lock.clone(), token).await.0, 200);
    let serial = state["serial"].as_u64().unwrap();
    let cases = [
        ("another lock id", "?ID=other", with("serial", json!(serial + 1)), 409),
        ("no lock id", "", with("serial", json!(serial + 1)), 409),
        ("garbage", "?ID=mine", b"\x00\xff garbage".to_vec(), 422),
        ("half a state", "?ID=mine", state.to_string().into_bytes()[..100].to_vec(), 422),
        ("no state", "?ID=mine", b"{}".to_vec(), 422),
        ("a serial from the past", "?ID=mine", with("serial", json!(serial - 1)), 409),
        ("another content of the same serial", "?ID=mine", with("outputs", json!({})), 409),
        ("another lineage", "?ID=mine", with("lineage", json!("00000000-0000-0000-0000-000000000000")), 409),
        ("an empty lineage", "?ID=mine", with("lineage", json!("")), 409),
    ];
    for (what, query, body, status) in cases {
        let (found, text) = ask("POST", query, body, token).await;
        assert_eq!(found, status, "{what}: {text}");
    }
    assert_eq!(ask("UNLOCK", "", json!({"ID": "other"}).to_string().into_bytes(), token).await.0, 409);
    assert_eq!(ask("UNLOCK", "", lock, token).await.0, 200);
    assert_eq!(ask("GET", "", Vec::new(), "wrong").await.0, 401);
    // That a person has read it here is told too, and that runs do is not.
    let pulled = async || {
        let told = daemon.get("/v1/events?machine=workers&limit=500").await.json();
        let pulled = told["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "StatePulled");
        pulled.map(|event| event["actor"].as_str().unwrap().to_owned()).filter(|actor| actor != "admin").count()
    };
    assert_eq!(pulled().await, 0);
    assert_eq!(ask("GET", "", Vec::new(), token).await.0, 200);
    assert_eq!(pulled().await, 1);
    assert_eq!(ask("DELETE", "", Vec::new(), token).await.0, 405);
    assert_eq!(versions(&daemon).await, before, "nothing was taken");
    assert_eq!(daemon.get(&format!("{WORKERS}/state")).await.json(), state);

    let nowhere = format!("{}/state/v1/workspaces/00000000-0000-7000-8000-000000000000", daemon.base());
    let answer = client.get(nowhere).basic_auth("ops", Some(token)).send().await.unwrap();
    assert_eq!(answer.status(), 410, "a workspace that does not exist does not read as one without a state");
    daemon.stop().await;
}

#[tokio::test]
async fn every_folder_deleted_loses_no_state_and_no_waiting_approval() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 2)).await;
    daemon.wait_until_ready("workers").await;
    let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}});
    daemon.patch(WORKERS, &edit).await;
    let waiting = daemon.wait_for_phase("workers", "AwaitingApproval").await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let shown = daemon.plan(&run).await;
    std::fs::remove_dir_all(daemon.dir().join("data/runs")).unwrap();
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!((&ended["state"], &ended["summary"]), (&json!("succeeded"), &shown["summary"]), "{ended}");
    assert_eq!(
        resources_of(&daemon.scale("workers", 3).await),
        json!({"create": 1, "update": 0, "replace": 0, "delete": 0})
    );
    daemon.stop().await;
}

#[tokio::test]
async fn an_old_version_is_copied_forward() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let first = versions(&daemon).await[0].clone();
    daemon.scale("workers", 2).await;
    let newest = versions(&daemon).await[0].clone();
    assert!(newest["serial"].as_u64() > first["serial"].as_u64(), "serials rise");

    let back = daemon.post(&format!("{WORKERS}/state/rollback"), &json!({"version": first["version"]})).await.json();
    assert_eq!(back["version"].as_u64().unwrap(), newest["version"].as_u64().unwrap() + 1);
    assert_eq!(back["serial"].as_u64().unwrap(), newest["serial"].as_u64().unwrap() + 1);
    assert_eq!(back["lineage"], first["lineage"]);
    // The node that the old version does not know is made once more.
    let retry = daemon.ask("workers", "retry", &json!({})).await;
    assert_eq!(daemon.wait_for_end(&retry).await["summary"]["create"], 1);
    let none = daemon.post(&format!("{WORKERS}/state/rollback"), &json!({"version": 999})).await;
    assert_eq!(none.status, 404, "{}", none.text);
    daemon.stop().await;
}

/// Writes what Terraform leaves when its last state finds no way to captd. A fake: the real thing
/// needs a daemon that is away for six minutes.
async fn leave_errored_state(daemon: &Daemon, lineage: Option<&str>, serial_offset: u64) {
    let mut state = daemon.get(&format!("{WORKERS}/state")).await.json();
    state["serial"] = json!(state["serial"].as_u64().unwrap() + serial_offset);
    if let Some(lineage) = lineage {
        state["lineage"] = json!(lineage);
    }
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    std::fs::write(daemon.work_dir(&run).join("errored.tfstate"), state.to_string()).unwrap();
}

/// Makes the group anew, which takes its time, and gives back the run.
async fn replace_slowly(daemon: &Daemon) -> String {
    let edit = json!({"spec": {"runPolicy": {"approval": "auto"}, "nodeGroupConfig": {"instanceType": "m5.large"}, "variables": {"create_seconds": 2}}});
    assert_eq!(daemon.patch(WORKERS, &edit).await.status, 200);
    daemon.wait_for_machine("workers", "it applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    wait_until_it_creates(daemon).await
}

#[tokio::test]
async fn a_state_that_could_not_be_handed_in_is_taken_in_when_it_is_the_next() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post("/v1/namespaces/default/machines", &slow(0)).await;
    daemon.wait_until_ready("workers").await;
    let run = replace_slowly(&daemon).await;
    leave_errored_state(&daemon, None, 50).await;
    daemon.wait_for_end(&run).await;
    let newest = versions(&daemon).await[0].clone();
    assert_eq!(newest["author"], format!("run/{run}"));
    assert!(newest["serial"].as_u64().unwrap() >= 50, "{newest}");
    assert!(!daemon.machine("workers").await["status"]["conditions"].to_string().contains("StateDiverged"));
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_state_of_another_history_freezes_the_workspace_until_a_person_decides() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post("/v1/namespaces/default/machines", &slow(0)).await;
    daemon.wait_until_ready("workers").await;
    let run = replace_slowly(&daemon).await;
    leave_errored_state(&daemon, Some("00000000-0000-0000-0000-000000000000"), 50).await;
    daemon.wait_for_end(&run).await;
    let kept = versions(&daemon).await;
    let frozen = daemon.machine("workers").await;
    let conditions = frozen["status"]["conditions"].as_array().unwrap();
    let doubt = conditions.iter().find(|c| c["type"] == "StateDiverged").unwrap_or_else(|| panic!("{frozen}"));
    let message = doubt["message"].as_str().unwrap();
    assert!(message.contains("captd state trust") && message.contains(&run), "{message}");
    let file = daemon.dir().join("data/diverged").join(format!("{run}.tfstate"));
    assert!(file.exists() && message.contains(file.to_str().unwrap()), "what was left is kept: {message}");

    let scaled = daemon.post(&format!("{WORKERS}/scale"), &json!({"desiredSize": 2})).await;
    assert_eq!(scaled.json()["run"], Value::Null, "no run begins while the state is in doubt");
    assert_eq!(versions(&daemon).await, kept);
    assert_eq!(daemon.post(&format!("{WORKERS}/state/trust"), &json!({})).await.status, 204);
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    daemon.stop().await;
}

#[tokio::test]
async fn nothing_of_a_state_can_be_read_in_the_database() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let lineage = versions(&daemon).await[0]["lineage"].as_str().unwrap().to_owned();
    let state = daemon.get(&format!("{WORKERS}/state")).await.text;
    assert!(state.contains("terraform_version") && state.contains("index_key"), "{state}");
    let dir = daemon.stop().await;
    let database = std::fs::read(dir.path().join("data/captd.db")).unwrap();
    let holds = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&lineage), "the search finds what is in the clear");
    assert!(!holds("terraform_version") && !holds("index_key"), "a state lies there in the clear");

    // Without its key nothing is started, and nothing is made in its place.
    let key = dir.path().join("data/state.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("state.key") && said.contains("bring it back"), "{said}");
    assert!(!key.exists());
    std::fs::write(&key, kept).unwrap();
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.scale("workers", 2).await["state"], "succeeded");
    daemon.stop().await;
}

#[tokio::test]
async fn a_lock_that_a_person_has_left_explains_itself_and_is_ended_by_a_word() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 2)).await;
    daemon.wait_until_ready("workers").await;
    let lock = Client::new()
        .request(Method::from_bytes(b"LOCK").unwrap(), address(&daemon, "workers").await)
        .basic_auth("ops", Some(daemon.token()))
        .body(json!({"ID": "mine", "Who": "eve@laptop"}).to_string());
    assert_eq!(lock.send().await.unwrap().status(), 200);

    let seen = daemon.machine("workers").await["status"]["conditions"].clone();
    let locked = seen.as_array().unwrap().iter().find(|c| c["type"] == "StateLocked").expect("it is shown").clone();
    let message = locked["message"].as_str().unwrap();
    for part in ["ops (eve@laptop) holds the lock", "captd cannot see", "captd state unlock"] {
        assert!(message.contains(part), "`{part}` is missing: {message}");
    }
    daemon.patch(WORKERS, &json!({"spec": {"nodeGroupConfig": {"scaling": {"desiredSize": 3}}}})).await;
    let failed = daemon.wait_for_machine("workers", "it is refused", |m| m["status"]["failureReason"] == "lock").await;
    let said = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(said.contains("ops holds it") && said.contains("captd state unlock"), "{said}");

    assert_eq!(daemon.delete(&format!("{WORKERS}/state/lock")).await.status, 200);
    daemon.post(&format!("{WORKERS}/retry"), &json!({})).await;
    daemon.wait_for_machine("workers", "it goes on", |m| m["status"]["currentSize"] == 3).await;
    let nobody = daemon.delete(&format!("{WORKERS}/state/lock")).await;
    assert_eq!(nobody.status, 404, "{}", nobody.text);
    daemon.stop().await;
}
