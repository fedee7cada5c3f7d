//! Logs of runs that are over: what they knew as secret then stays so, and stands in clear nowhere on the disk.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::cli::type_in;
use crate::support::{Daemon, Setup, requires, until};
use crate::workspaces::{put, setup};

const FIRST: &str = "correct horse/battery+staple";
const SECOND: &str = "quite another one";
const OLD_KEY: &str = "wJalrXUtn-FEMI-K7MDENG-old";
const NEW_KEY: &str = "wJalrXUtn-FEMI-K7MDENG-new";

/// Says what it is told, as it is and as other programs write it; the forms are those of `base64` and Python's `quote`.
const TALKS: &str = r#"
variable "text" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "it" {
  triggers_replace = [sha256(var.password)]
  provisioner "local-exec" {
    command = "echo \"told $TOLD\"; echo \"told $TOLD\" >&2; sleep 1; echo 'the end'"
    environment = { TOLD = var.text }
  }
}
"#;

/// Files below a folder that hold one of these texts.
fn holding(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            found.extend(
                texts.iter().filter(|it| text.contains(**it)).map(|it| format!("{} in {}", it, path.display())),
            );
        }
    }
    found
}

fn config(folder: &TempDir, key: &str) -> String {
    let keys = format!("[providers.aws.default]\naccess_key = \"AKIAREDACTED00001\"\nsecret_key = \"{key}\"\n");
    setup(folder).config + &keys
}

#[tokio::test]
async fn a_rotation_and_a_restart_bring_no_secret_back_into_an_old_log() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    put(folder.path(), "talks", TALKS);
    let daemon = Daemon::start_with(Setup { config: config(&folder, OLD_KEY) });
    type_in(&daemon, "secret set db password=-", FIRST).with_code(0);
    let encoded = "Y29ycmVjdCBob3JzZS9iYXR0ZXJ5K3N0YXBsZQ==";
    let quoted = "correct%20horse%2Fbattery%2Bstaple";
    let text = format!("{FIRST} {OLD_KEY} {encoded} {quoted} end");
    let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "it"},
        "spec": {"workspaceTemplateRef": {"name": "talks"},
            "variables": {"text": text, "password": {"valueFrom": {"secret": "db", "key": "password"}}}}});
    assert_eq!(daemon.apply(&declared.to_string()).await.status, 200);
    let run = daemon.get("/v1/runs?workspace=it").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/log");
    let followed = daemon.get(&format!("{path}?follow=true")).await.text;
    daemon.wait_for_workspace("it").await;
    let log = daemon.get(&path).await.text;
    let told = "told (secret) (secret) (secret) (secret) end";
    assert!(log.matches(told).count() == 2 && log.contains("the end"), "{log}");
    assert_eq!(followed, log, "whoever follows it sees the same, each line once");

    let secret = [FIRST, OLD_KEY, encoded, quoted];
    let run_dir = daemon.dir().join("data/runs").join(&run);
    until("nothing of it is on the disk", async || holding(&run_dir, &secret).is_empty().then_some(())).await;
    assert_eq!(daemon.get(&path).await.text, log, "and the log is still the same");

    type_in(&daemon, "secret set db password=-", SECOND).with_code(0);
    until("it has the other one", async || {
        let runs = daemon.get("/v1/runs?workspace=it").await.json();
        (runs["items"].as_array().unwrap().len() == 2 && runs["items"][0].get("finishedAt").is_some()).then_some(())
    })
    .await;
    let dir = daemon.stop().await;
    std::fs::write(dir.path().join("captd.toml"), config(&folder, NEW_KEY)).unwrap();
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.get(&path).await.text, log, "what nobody knows any more is still a secret");
    daemon.stop().await;
}

/// What an open run knows is known to the daemon that finds it again, whatever was rotated meanwhile.
#[tokio::test]
async fn a_run_that_outlives_its_secrets_shows_none_of_them() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    put(folder.path(), "talks", &TALKS.replace("echo \\\"told $TOLD\\\"; echo", "echo beginning; sleep 3; echo"));
    let daemon = Daemon::start_with(setup(&folder));
    type_in(&daemon, "secret set db password=-", FIRST).with_code(0);
    let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "it"},
        "spec": {"workspaceTemplateRef": {"name": "talks"},
            "variables": {"text": FIRST, "password": {"valueFrom": {"secret": "db", "key": "password"}}}}});
    assert_eq!(daemon.apply(&declared.to_string()).await.status, 200);
    let run = daemon.get("/v1/runs?workspace=it").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let log = async |daemon: &Daemon| daemon.get(&format!("/v1/runs/{run}/log")).await.text;
    until("it is applied", async || log(&daemon).await.contains("beginning").then_some(())).await;
    let known = daemon.dir().join("data/runs").join(&run);
    let dir = daemon.end(rustix::process::Signal::KILL).await;
    // But for the values that Terraform reads while it works.
    let in_clear: Vec<String> =
        holding(&known, &[FIRST]).into_iter().filter(|it| !it.ends_with("given/terraform.tfvars.json")).collect();
    assert_eq!(in_clear, Vec::<String>::new(), "what it knows is sealed");
    let sealed = std::fs::read(known.join("known.sealed")).unwrap();
    crate::schema::change(&dir.path().join("data/captd.db"), "DELETE FROM secrets").await;

    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    let said = log(&daemon).await;
    assert!(said.contains("told (secret)") && !said.contains(FIRST), "{said}");
    let is_redacted = async || holding(&known, &[FIRST]).is_empty() && known.join("redacted").exists();
    until("nothing of it is on the disk", async || is_redacted().await.then_some(())).await;
    let dir = daemon.end(rustix::process::Signal::TERM).await;

    // As a daemon leaves it that is killed between the end of a run and the redaction of its log.
    std::fs::remove_file(known.join("redacted")).unwrap();
    std::fs::write(known.join("known.sealed"), sealed).unwrap();
    std::fs::write(known.join("4-apply/stdout.log"), format!("it told {FIRST}\n")).unwrap();
    let daemon = Daemon::start_in(dir);
    until("the next daemon redacts it", async || is_redacted().await.then_some(())).await;
    daemon.end(rustix::process::Signal::TERM).await;
}
