//! Secrets as named bundles: written, used by variables, never read back.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{captd, type_in};
use crate::support::{Daemon, requires, until};
use crate::workspaces::{put, setup};

const DATABASE: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}
variable "name" {
  type    = string
  default = "db"
}
resource "terraform_data" "it" { input = sha256(var.password) }
output "digest" { value = nonsensitive(terraform_data.it.output) }
output "said" { value = "${var.name} is there" }
"#;

const PATH: &str = "/v1/namespaces/default/workspaces/database";
const SECRET: &str = "/v1/namespaces/default/secrets/db";

fn templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "database", DATABASE);
    folder
}

fn workspace(password: &Value) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "database"},
        "spec": {"workspaceTemplateRef": {"name": "database"}, "variables": {"password": password}}})
}

fn from(secret: &str, key: &str) -> Value {
    json!({"valueFrom": {"secret": secret, "key": key}})
}

async fn digest(daemon: &Daemon) -> String {
    daemon.get(PATH).await.json()["status"]["outputs"]["digest"].as_str().unwrap_or_default().to_owned()
}

/// Hex SHA-256 of `correct horse battery` and of `another staple`, by `sha256sum`.
const FIRST: &str = "9028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72";
const SECOND: &str = "59ba4aa6a0011293e1b950a0094b61bfa2c8f27a937ed33b32174cfa67c7a532";

#[tokio::test]
async fn a_secret_reaches_terraform_and_is_shown_nowhere() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let written = type_in(&daemon, "secret set db password=-", "correct horse battery\n").with_code(0).out;
    assert_eq!(written, "secret/default/db written, version 1\n");
    let applied = daemon.apply(&workspace(&from("db", "password")).to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    daemon.wait_for_workspace("database").await;
    assert_eq!(digest(&daemon).await, FIRST);

    // Another text brings a run, the same one does not.
    type_in(&daemon, "secret set db password=-", "correct horse battery").with_code(0);
    type_in(&daemon, "secret set db password=-", "another staple").with_code(0);
    until("it has the second", async || (digest(&daemon).await == SECOND).then_some(())).await;
    let runs = daemon.get("/v1/runs?workspace=database").await.json();
    let triggers: Vec<&Value> = runs["items"].as_array().unwrap().iter().map(|run| &run["trigger"]).collect();
    assert_eq!(triggers, ["input", "spec"]);

    let id = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let mut shown = daemon.get(PATH).await.text + &daemon.get(SECRET).await.text + &runs.to_string();
    for part in ["", "/plan", "/log"] {
        shown += &daemon.get(&format!("/v1/runs/{id}{part}")).await.text;
    }
    shown += &captd(&daemon, "describe workspace/database").with_code(0).out;
    shown += &captd(&daemon, "secret list").with_code(0).out;
    assert!(!shown.contains("horse battery") && !shown.contains("another staple"), "{shown}");
    assert!(shown.contains("password"), "what it holds by name is no secret");
    let dir = daemon.stop().await;
    for file in ["captd.db", "captd.db-wal"] {
        let bytes = std::fs::read(dir.path().join("data").join(file)).unwrap_or_default();
        let found = [&b"horse battery"[..], b"another staple"]
            .iter()
            .any(|text| bytes.windows(text.len()).any(|at| at == *text));
        assert!(!found, "{file} holds it in the clear");
    }
    let daemon = Daemon::start_in(dir);
    let secret = daemon.get(SECRET).await.json();
    assert_eq!((&secret["status"]["keys"], &secret["status"]["version"]), (&json!(["password"]), &json!(2)));
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_secret_or_its_use_is_told_with_its_place() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    assert_eq!(daemon.put(SECRET, &json!({"spec": {"data": {"password": "correct horse battery"}}})).await.status, 201);
    let mut plain = workspace(&from("db", "password"));
    plain["spec"]["variables"]["name"] = from("db", "password");
    for (document, pointer, code, words) in [
        (workspace(&json!("in the clear")), "/0/spec/variables/password", "sensitive", "write it as a secret"),
        (
            workspace(&from("nothing", "a")),
            "/0/spec/variables/password",
            "not_found",
            "secret default/nothing, which does not exist",
        ),
        (
            workspace(&from("db", "user")),
            "/0/spec/variables/password",
            "not_found",
            "`user` of secret default/db, which has password",
        ),
        (plain, "/0/spec/variables/name", "not_sensitive", "say `sensitive = true`"),
        (
            workspace(&json!({"valueFrom": {"secret": "db"}})),
            "/0/spec/variables/password/valueFrom/key",
            "required",
            "`key` is required",
        ),
    ] {
        let refused = daemon.apply(&document.to_string()).await;
        assert_eq!(refused.status, 422, "{document}: {}", refused.text);
        let error = refused.json()["errors"][0].clone();
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{}", refused.text);
        assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {error}");
    }
    let without = daemon.put("/v1/namespaces/default/secrets/another", &json!({"spec": {}})).await;
    assert_eq!((without.status.as_u16(), without.pointers()), (422, vec!["/spec/data".to_owned()]), "{}", without.text);
    for (spec, pointer) in [
        (json!({"data": {}}), "/spec/data"),
        (json!({"data": {"a b": "x"}}), "/spec/data/a b"),
        (json!({"data": {"a": 1}}), "/spec/data/a"),
        (json!({"data": {"a": "x".repeat(70_000)}}), "/spec/data"),
    ] {
        let refused = daemon.put(SECRET, &json!({"spec": spec})).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{}",
            refused.text
        );
    }
    let argument = captd(&daemon, "secret set db password=seen").with_code(2).err;
    assert!(argument.contains("`password`: write KEY=- or KEY=@FILE"), "{argument}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_secret_in_use_stays_and_is_used_from_another_namespace_where_it_is_exported() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let secret = |export: Value| json!({"spec": {"data": {"password": "correct horse battery"}, "exportTo": export}});
    daemon.put(SECRET, &secret(json!(["shop"]))).await;
    for (tenant, status) in [("shop", 200), ("other", 422)] {
        daemon.put(&format!("/v1/namespaces/{tenant}"), &json!({})).await;
        let mut document =
            workspace(&json!({"valueFrom": {"secret": "db", "namespace": "default", "key": "password"}}));
        document["metadata"]["namespace"] = json!(tenant);
        let answer = daemon.apply(&document.to_string()).await;
        assert_eq!(answer.status, status, "{tenant}: {}", answer.text);
    }
    let refused = daemon.put(SECRET, &secret(json!([]))).await;
    assert!(refused.text.contains("workspace shop/database uses it from there"), "{}", refused.text);
    let refused = daemon.put(SECRET, &json!({"spec": {"data": {"user": "x"}, "exportTo": ["shop"]}})).await;
    assert!(refused.text.contains("uses `password`; keep it"), "{}", refused.text);
    let refused = daemon.delete(SECRET).await;
    assert!(refused.status == 409 && refused.text.contains("used by workspace shop/database"), "{}", refused.text);
    until("it is ready", async || {
        (daemon.get("/v1/namespaces/shop/workspaces/database").await.json()["status"]["ready"] == true).then_some(())
    })
    .await;
    captd(&daemon, "delete -n shop workspace/database --wait").with_code(0);
    captd(&daemon, "secret delete db").with_code(0);
    assert_eq!(daemon.get(SECRET).await.status, 404);
    daemon.stop().await;
}
