//! Secrets do not show in logs and failures, and values do not stay on the disk.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::own_templates::{folder, machine};
use crate::support::{Daemon, Setup, local_machine, requires};

const ACCESS_KEY: &str = "AKIAREDACTED00001";
const SECRET_KEY: &str = "wJalrXUtn&FEMI/K7MDENG+bPxRfi";

const VALUE: &str = "a-value-that-nobody-else-has";

/// A template whose only resource tells all that it can see, and then fails.
const TELLTALE: &str = r#"
resource "terraform_data" "telltale" {
  input = var.labels
  provisioner "local-exec" {
    command = "env; echo \"$TOLD\"; echo \"$TOLD\" >&2; exit 1"
    environment = { TOLD = join(" ", values(var.tags)) }
  }
}
"#;

fn config(templates: Option<&Path>) -> String {
    let templates = templates.map(|dir| format!("[templates]\ndir = {}\n", json!(dir))).unwrap_or_default();
    format!("{templates}[providers.aws.default]\naccess_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\n")
}

/// Files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn what_is_known_to_be_secret_stands_in_no_log_and_no_failure() {
    if !requires("terraform") {
        return;
    }
    let folder = folder(TELLTALE);
    let daemon = Daemon::start_with(Setup { config: config(Some(folder.path())) });
    let token = daemon.token().to_owned();
    let mut machine = machine();
    let told = format!("key {ACCESS_KEY} and {SECRET_KEY} token {token} end");
    machine["spec"]["nodeGroupConfig"]["tags"] = json!({"told": told});
    let created = daemon.post("/v1/namespaces/default/machines", &machine).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let run = daemon.runs("workers").await.pop().unwrap()["id"].as_str().unwrap().to_owned();
    let run_path = format!("/v1/runs/{run}");
    let ended = daemon.wait_for_end(&run).await;
    let message = ended["failure"]["message"].as_str().unwrap();
    assert!(message.contains("key (secret) and (secret) token (secret) end"), "{message}");
    let log = daemon.get(&format!("{run_path}/log")).await.text;
    assert!(log.contains("key (secret) and (secret) token (secret) end"), "{log}");
    assert!(log.contains("TF_HTTP_PASSWORD=(secret)"), "{log}");
    let log_path = format!("{run_path}/log");
    let accept = [("accept", "text/event-stream")];
    let events = daemon.request(reqwest::Method::GET, &log_path, &accept, Vec::new()).await.text;
    assert!(events.contains("key (secret)"), "{events}");
    let shown = [
        events,
        log,
        daemon.get(&format!("{run_path}/log?follow=true")).await.text,
        daemon.get(&run_path).await.text,
        daemon.machine("workers").await["status"].to_string(),
        daemon.log(),
    ];
    for text in shown {
        for secret in [ACCESS_KEY, SECRET_KEY, &token] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    daemon.delete("/v1/namespaces/default/machines/workers").await;
    daemon.wait_until_gone("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_secret_that_comes_in_two_pieces_is_caught_too() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: config(None) });
    daemon.post("/v1/namespaces/default/machines", &local_machine("workers", 1, &json!({"create_seconds": 30}))).await;
    let applying = |m: &Value| m["status"]["latestRun"]["state"] == "applying";
    let machine = daemon.wait_for_machine("workers", "its run applies", applying).await;
    let run = machine["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let path = daemon.dir().join("data/runs").join(&run).join("4-apply/stderr.log");
    crate::support::until("terraform applies", async || path.exists().then_some(())).await;
    // As if terraform had come so far.
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    let (first, second) = SECRET_KEY.split_at(10);
    write!(file, "a whole line\nthe key is {first}").unwrap();
    let log = async || daemon.get(&format!("/v1/runs/{run}/log")).await.text;
    let half = log().await;
    assert!(half.contains("a whole line") && !half.contains(first), "{half}");
    writeln!(file, "{second}, so it is").unwrap();
    let whole = log().await;
    assert!(whole.contains("the key is (secret), so it is"), "{whole}");
    daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    daemon.wait_for_end(&run).await;
    daemon.stop().await;
}

/// A template that says one secret many times, in one line.
const LONG_LINE: &str = r#"
resource "terraform_data" "long" {
  provisioner "local-exec" {
    command = "n=0; while [ $n -lt 2000 ]; do printf '%s' \"$TOLD\"; n=$((n+1)); done; echo"
    environment = { TOLD = join("", values(var.tags)) }
  }
}
"#;

#[tokio::test]
async fn the_end_of_a_log_that_is_too_long_shows_no_half_of_a_secret() {
    if !requires("terraform") {
        return;
    }
    let folder = folder(LONG_LINE);
    let config = format!("{}[engine]\nlog_bytes_max = 8192\n", config(Some(folder.path())));
    let daemon = Daemon::start_with(Setup { config });
    let mut machine = machine();
    machine["spec"]["nodeGroupConfig"]["tags"] = json!({"told": SECRET_KEY});
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &machine).await.status, 201);
    daemon.wait_until_ready("workers").await;
    let run = daemon.runs("workers").await.pop().unwrap()["id"].as_str().unwrap().to_owned();
    let log = daemon.get(&format!("/v1/runs/{run}/log")).await.text;
    assert!(log.contains("terraform apply") && log.contains("longer than engine.log_bytes_max (8192)"), "{log}");
    assert!(!log.contains(&SECRET_KEY[..5]), "{log}");
    daemon.stop().await;
}

#[tokio::test]
async fn values_and_plans_leave_the_folders_when_a_run_ends() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let left = || {
        let data = daemon.dir().join("data");
        holding(&data.join("runs"), VALUE)
    };
    let mut machine = local_machine("workers", 1, &json!({}));
    machine["spec"]["nodeGroupConfig"]["labels"] = json!({"which": VALUE});
    daemon.post("/v1/namespaces/default/machines", &machine).await;
    daemon.wait_until_ready("workers").await;
    // The last of a run's files go right after its end is known.
    crate::support::until("nothing is left of the run", async || left().is_empty().then_some(())).await;

    // Nor while a plan waits, and it can be applied nevertheless.
    let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}});
    daemon.patch("/v1/namespaces/default/machines/workers", &edit).await;
    let waiting = daemon.wait_for_phase("workers", "AwaitingApproval").await;
    crate::support::until("nothing is left of the plan", async || left().is_empty().then_some(())).await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap();
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    assert_eq!(daemon.wait_for_end(run).await["state"], "succeeded");
    crate::support::until("nothing is left of the apply", async || left().is_empty().then_some(())).await;
    daemon.stop().await;
}
