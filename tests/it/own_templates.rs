//! Templates from a folder of the operator's own.

use std::net::TcpListener;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Daemon, Setup, requires};

const MANIFEST: &str = "description: A template of a test.\nprovider: none\nprotects: []\n";

/// The variables that every machine gives.
const VARIABLES: &str = r#"
variable "node_group_name" { type = string }
variable "instance_types" { type = list(string) }
variable "min_size" { type = number }
variable "max_size" { type = number }
variable "desired_size" { type = number }
variable "labels" { default = {} }
variable "tags" { default = {} }
"#;

/// A folder with one template, `own`.
pub fn folder(main: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let template = folder.path().join("workspace/own");
    std::fs::create_dir_all(&template).unwrap();
    std::fs::write(template.join("template.yaml"), MANIFEST).unwrap();
    std::fs::write(template.join("variables.tf"), VARIABLES).unwrap();
    std::fs::write(template.join("main.tf"), main).unwrap();
    folder
}

fn setup(folder: &Path, engine: &str) -> Setup {
    Setup { config: format!("[templates]\ndir = {}\n[engine]\n{engine}\n", json!(folder)) }
}

/// A machine of that template.
pub fn machine() -> Value {
    json!({
        "metadata": {"name": "workers"},
        "spec": {
            "workspaceTemplateRef": {"name": "own"},
            "nodeGroupConfig": {"name": "workers", "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
        },
    })
}

#[tokio::test]
async fn a_number_keeps_its_digits_from_the_request_to_the_outputs() {
    if !requires("terraform") {
        return;
    }
    let main = "variable \"it\" { type = list(number) }\noutput \"it\" { value = var.it }\n";
    let folder = folder(main);
    let daemon = Daemon::start_with(setup(folder.path(), ""));
    let numbers = "[9007199254740993,123456789012345678901234567890.5,-0.1]";
    let mut machine = machine();
    machine["apiVersion"] = json!("captd/v1");
    machine["kind"] = json!("Machine");
    machine["spec"]["variables"]["it"] = json!("NUMBERS");
    let text = machine.to_string().replace("\"NUMBERS\"", numbers);
    let json = [("content-type", "application/json")];
    let created = daemon.request(Method::POST, "/v1/namespaces/default/machines", &json, text.clone().into()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    daemon.wait_until_ready("workers").await;
    let answer = daemon.get("/v1/namespaces/default/machines/workers").await;
    assert_eq!(answer.text.matches(&format!("\"it\":{numbers}")).count(), 2, "in spec and outputs: {}", answer.text);
    // YAML has no place for so many digits, and they are not dropped in silence.
    let applied = daemon.apply(&text).await;
    assert_eq!(applied.status, 400, "{}", applied.text);
    assert!(applied.text.contains("would lose digits in YAML; send this document as JSON"), "{}", applied.text);
    daemon.stop().await;
}

#[tokio::test]
async fn hostile_strings_come_back_from_terraform_as_they_were() {
    if !requires("terraform") {
        return;
    }
    let folder = folder("output \"tags\" { value = var.tags }\n");
    let daemon = Daemon::start_with(setup(folder.path(), ""));
    let hostile =
        ["${file(\"/etc/passwd\")}", "\"", "a\nb", "%{ if true }", "${x}%${var.y}", "\\", "$${a}", "é", "'; rm -rf /"];
    let tags: Value = hostile
        .iter()
        .enumerate()
        .map(|(n, text)| (format!("tag {n} {text}"), json!(text)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut machine = machine();
    machine["spec"]["nodeGroupConfig"]["tags"] = tags.clone();
    let created = daemon.post("/v1/namespaces/default/machines", &machine).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let ready = daemon.wait_until_ready("workers").await;
    assert_eq!(ready["status"]["outputs"], json!({"tags": tags}));
    daemon.stop().await;
}

#[tokio::test]
async fn planning_that_hangs_is_ended_at_its_deadline() {
    if !requires("terraform") {
        return;
    }
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let main = format!(
        "data \"terraform_remote_state\" \"hangs\" {{\n  backend = \"http\"\n  config = {{ address = \"http://{address}/\" }}\n}}\n"
    );
    let folder = folder(&main);
    let daemon = Daemon::start_with(setup(folder.path(), "plan_seconds_max = 3"));
    daemon.post("/v1/namespaces/default/machines", &machine()).await;
    let failed = daemon.wait_for_phase("workers", "Failed").await;
    assert_eq!(failed["status"]["failureReason"], "timeout");
    let message = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(message.contains("3 s") && message.contains("engine.plan_seconds_max"), "{message}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_plan_that_is_canceled_ends_even_when_terraform_does_not_listen() {
    if !requires("terraform") {
        return;
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let main = format!(
        "data \"terraform_remote_state\" \"hangs\" {{\n  backend = \"http\"\n  config = {{ address = \"http://{address}/\" }}\n}}\n"
    );
    let folder = folder(&main);
    let daemon = Daemon::start_with(setup(folder.path(), ""));
    daemon.post("/v1/namespaces/default/machines", &machine()).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    daemon
        .wait_for_run(&run, "it plans", |run| run["steps"].as_array().unwrap().iter().any(|s| s["name"] == "plan"))
        .await;
    silent.accept().unwrap();
    daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "canceled");
    daemon.stop().await;
}

#[tokio::test]
async fn what_terraform_finds_wrong_is_told_with_file_and_line() {
    if !requires("terraform") {
        return;
    }
    let folder = folder("output \"x\" {\n  value = var.no_such\n}\n");
    let daemon = Daemon::start_with(setup(folder.path(), ""));
    daemon.post("/v1/namespaces/default/machines", &machine()).await;
    let failed = daemon.wait_for_phase("workers", "Failed").await;
    assert_eq!(failed["status"]["failureReason"], "configuration");
    let message = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(
        message.contains("Reference to undeclared input variable") && message.contains("main.tf line 2"),
        "{message}"
    );
    daemon.stop().await;
}
