//! What is deleted is destroyed with what is in force, and a destroy that failed can be mended or given up. The real
//! Terraform, no cloud.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::captd;
use crate::support::{Daemon, Setup, local_machine, requires, until};

/// Takes anything but `bad`.
const CHOOSY: &str = r#"variable "v" {
  type    = string
  default = "good"
  validation {
    condition     = var.v != "bad"
    error_message = "v is not bad."
  }
}
resource "terraform_data" "it" { input = var.v }
output "it" { value = terraform_data.it.output }
"#;
/// What Terraform accepts as long as it does not know the value.
const BROKEN: &str = r#"variable "v" {
  type    = string
  default = "good"
}
resource "terraform_data" "it" { input = tonumber(var.v) }
output "it" { value = terraform_data.it.output }
"#;
const PROVISIONERS: &str = "[templates]\nallow_provisioners = true\n";
const TOKEN: &str = r#"variable "token" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.token) >= 8
    error_message = "token has 8 characters or more."
  }
}
resource "terraform_data" "it" { input = var.token }
"#;
/// Is made when there is a file `go`.
fn patient(go: &Path) -> String {
    let command = format!("while [ ! -e '{}' ]; do sleep 0.05; done", go.display());
    TOKEN.replace(
        "input = var.token",
        &format!("\n  input = var.token\n  provisioner \"local-exec\" {{ command = {} }}\n", json!(command)),
    )
}

/// Is destroyed in part, and the rest never.
const HALF: &str = r#"resource "terraform_data" "it" {
  provisioner "local-exec" {
    when    = destroy
    command = "exit 1"
  }
}
resource "terraform_data" "other" {}
"#;
const FREE: &str = r#"variable "v" {
  type    = string
  default = "good"
}
resource "terraform_data" "it" { input = var.v }
"#;

/// The same, of which Terraform destroys nothing.
fn kept() -> String {
    FREE.replace("input = var.v", "\n  input = var.v\n  lifecycle { prevent_destroy = true }\n")
}

async fn upload(daemon: &Daemon, name: &str, text: &str) {
    let body = json!({"spec": {"files": {"main.tf": text}}});
    let answer = daemon.put(&format!("/v1/namespaces/default/templates/{name}"), &body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

fn path(name: &str) -> String {
    format!("/v1/namespaces/default/workspaces/{name}")
}

/// Declares a workspace of the template of its own name.
async fn declare(daemon: &Daemon, name: &str, variables: Value) {
    let body = json!({"metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": name}, "variables": variables}});
    let answer = daemon.post("/v1/namespaces/default/workspaces", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn wait_for(daemon: &Daemon, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let ask = async || Some(daemon.get(&path(name)).await.json()).filter(|it| is(&it["status"]));
    until(&format!("{name}: {what}"), ask).await
}

async fn wait_until_gone(daemon: &Daemon, name: &str) {
    until(&format!("{name} is gone"), async || (daemon.get(&path(name)).await.status == 404).then_some(())).await;
}

async fn newest_run(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/v1/runs?namespace=default&workspace={name}&limit=1")).await.json()["items"][0].clone()
}

async fn put_token(daemon: &Daemon, text: &str) {
    let body = json!({"spec": {"data": {"value": text}}});
    assert!(daemon.put("/v1/namespaces/default/secrets/token", &body).await.status.is_success());
}

#[tokio::test]
async fn what_is_deleted_is_destroyed_with_what_is_in_force() {
    if !requires("terraform") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let daemon = Daemon::start_with(Setup {
        config: format!("{PROVISIONERS}[engine]\nconfine_read = [{}]\n", json!(folder.path())),
    });
    put_token(&daemon, "long enough").await;
    for (name, text) in
        [("values", CHOOSY), ("revision", FREE), ("secret", TOKEN), ("pinned", FREE), ("rotated", &patient(&go))]
    {
        upload(&daemon, name, text).await;
    }
    // Its secret is rotated while it is made: what is in force has a text that no secret has any more.
    let rotated = "/v1/namespaces/default/secrets/rotated";
    let texts = |text: &str| json!({"spec": {"data": {"value": text}}});
    assert_eq!(daemon.put(rotated, &texts("long enough")).await.status, 201);
    declare(&daemon, "rotated", json!({"token": {"valueFrom": {"secret": "rotated", "key": "value"}}})).await;
    wait_for(&daemon, "rotated", "it is made", |status| status["latestRun"]["state"] == "applying").await;
    assert_eq!(daemon.put(rotated, &texts("short")).await.status, 200);
    std::fs::write(&go, "").unwrap();
    declare(&daemon, "values", json!({})).await;
    declare(&daemon, "revision", json!({})).await;
    declare(&daemon, "secret", json!({"token": {"valueFrom": {"secret": "token", "key": "value"}}})).await;
    declare(&daemon, "pinned", json!({"v": "1"})).await;
    let all = ["values", "revision", "secret", "pinned"];
    for name in all {
        daemon.wait_for_workspace(name).await;
    }
    // What is wished from now on cannot even be planned.
    daemon.patch(&path("values"), &json!({"spec": {"variables": {"v": "bad"}}})).await;
    put_token(&daemon, "short").await;
    upload(&daemon, "revision", BROKEN).await;
    upload(&daemon, "pinned", BROKEN).await;
    daemon.wait_for_workspace("pinned").await;
    daemon.patch(&path("pinned"), &json!({"spec": {"variables": {"v": "no number"}}})).await;
    for name in all.into_iter().chain(["rotated"]) {
        let failed = wait_for(&daemon, name, "it failed", |status| status["phase"] == "Failed").await;
        assert_eq!(failed["status"]["failureReason"], "configuration", "{failed}");
    }
    for name in all.into_iter().chain(["rotated"]) {
        assert_eq!(daemon.delete(&path(name)).await.status, 202);
    }
    for name in all.into_iter().chain(["rotated"]) {
        wait_until_gone(&daemon, name).await;
        let run = newest_run(&daemon, name).await;
        let told = (&run["kind"], &run["state"], &run["attempt"], &run["generation"]);
        assert_eq!(told, (&json!("destroy"), &json!("succeeded"), &json!(1), &json!(1)), "{name}: {run}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_comes_after_a_destroy_that_failed_reaches_the_next_one() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: PROVISIONERS.to_owned() });
    let all = ["pushed", "rolled-back", "edited", "abandoned", "user"];
    let mut first = Vec::new();
    for name in all {
        upload(&daemon, name, FREE).await;
        let template = daemon.get(&format!("/v1/namespaces/default/templates/{name}")).await.json();
        first.push(template["revision"].as_str().unwrap().to_owned());
        upload(&daemon, name, &kept()).await;
    }
    upload(&daemon, "base", CHOOSY).await;
    declare(&daemon, "base", json!({})).await;
    for name in &all[..4] {
        declare(&daemon, name, json!({})).await;
    }
    declare(&daemon, "user", json!({"v": {"valueFrom": {"workspace": "base", "output": "it"}}})).await;
    for name in all {
        daemon.wait_for_workspace(name).await;
    }
    for name in &all[..4] {
        assert_eq!(daemon.delete(&path(name)).await.status, 202);
    }
    assert_eq!(daemon.delete(&format!("{}?cascade=true", path("base"))).await.status, 202);
    for name in all {
        let failed = wait_for(&daemon, name, "its destroy failed", |status| status["failureReason"].is_string()).await;
        let status = &failed["status"];
        assert_eq!((&status["phase"], &status["failureReason"]), (&json!("Deleting"), &json!("configuration")));
        assert!(status["failureMessage"].as_str().unwrap().contains("prevent_destroy"), "{status}");
    }
    assert_eq!(daemon.get(&path("base")).await.status, 200, "it waits for who needs it");
    another_key_and_a_half_destroy(&daemon).await;

    upload(&daemon, "pushed", FREE).await;
    upload(&daemon, "user", FREE).await;
    let back = json!({"revision": first[1]});
    let back = daemon.post("/v1/namespaces/default/templates/rolled-back/rollback", &back).await;
    assert!(back.status.is_success(), "{}", back.text);
    // The clock was put back by an hour since the deletion.
    let later = "UPDATE workspaces SET deleting_since = deleting_since + 3600000000 WHERE name = 'edited'";
    crate::schema::change(&daemon.dir().join("data/captd.db"), later).await;
    let edit = json!({"spec": {"workspaceTemplateRef": {"name": "edited", "revision": first[2]}}});
    let edited = daemon.patch(&path("edited"), &edit).await;
    assert_eq!(edited.status, 200, "{}", edited.text);

    let refused = captd(&daemon, "delete workspace/abandoned --abandon").with_code(2);
    assert!(refused.err.contains("--yes") && refused.err.contains("destroys nothing"), "{refused:?}");
    assert_eq!(daemon.get(&path("abandoned")).await.status, 200);
    let said = captd(&daemon, "delete workspace/abandoned --abandon --yes").with_code(0);
    assert!(said.out.contains("terraform_data.it") && said.out.contains("nothing was destroyed"), "{said:?}");
    for name in ["pushed", "rolled-back", "edited", "abandoned", "user", "base"] {
        wait_until_gone(&daemon, name).await;
    }
    for name in ["pushed", "rolled-back", "edited", "user", "base"] {
        let run = newest_run(&daemon, name).await;
        assert_eq!((&run["kind"], &run["state"]), (&json!("destroy"), &json!("succeeded")), "{name}: {run}");
    }
    let retained = daemon.get("/v1/namespaces/default/retained").await.text;
    assert!(retained.contains("abandoned") && !retained.contains("pushed"), "{retained}");
    let events = daemon.get("/v1/namespaces/default/events?workspace=abandoned").await.json();
    let abandoned = events["items"].as_array().unwrap().iter().find(|event| event["reason"] == "Abandoned");
    let abandoned = abandoned.unwrap_or_else(|| panic!("no event: {events}"));
    assert!(abandoned["message"].as_str().unwrap().contains("terraform_data.it"), "{abandoned}");
    assert_eq!(abandoned["severity"], "Warning");

    // What is declared again takes up what it left.
    declare(&daemon, "abandoned", json!({})).await;
    daemon.wait_for_workspace("abandoned").await;
    let run = newest_run(&daemon, "abandoned").await;
    assert_eq!(run["state"], "unchanged", "{run}");

    // And so it is when it was well: no run of its life before is taken for one of what is declared now.
    upload(&daemon, "abandoned", FREE).await;
    let follows = async || (newest_run(&daemon, "abandoned").await["trigger"] == "template").then_some(());
    until("it has the other revision", follows).await;
    daemon.wait_for_workspace("abandoned").await;
    abandon(&daemon).await;
    declare(&daemon, "abandoned", json!({"v": "another"})).await;
    daemon.wait_for_workspace("abandoned").await;
    let run = newest_run(&daemon, "abandoned").await;
    assert_eq!((&run["state"], &run["trigger"]), (&json!("succeeded"), &json!("spec")), "{run}");
    abandon(&daemon).await;
    declare(&daemon, "abandoned", json!({"v": "another"})).await;
    assert_eq!(daemon.delete(&path("abandoned")).await.status, 202);
    wait_until_gone(&daemon, "abandoned").await;
    let run = newest_run(&daemon, "abandoned").await;
    assert_eq!((&run["kind"], &run["state"]), (&json!("destroy"), &json!("succeeded")), "{run}");
    daemon.stop().await;
}

/// Lets go of `abandoned` as soon as no look is at it.
async fn abandon(daemon: &Daemon) {
    let gone = async || daemon.delete(&format!("{}?abandon=true", path("abandoned"))).await.status.is_success();
    until("it is abandoned", async || gone().await.then_some(())).await;
}

/// One takes another key of the same version of its secret, the other is destroyed in part: neither goes back to what
/// was before that.
async fn another_key_and_a_half_destroy(daemon: &Daemon) {
    let keys = json!({"spec": {"data": {"old": "an old one", "new": "a newer one"}}});
    assert_eq!(daemon.put("/v1/namespaces/default/secrets/keys", &keys).await.status, 201);
    let kept = TOKEN.replace("input = var.token", "\n  input = var.token\n  lifecycle { prevent_destroy = true }\n");
    upload(daemon, "keyed", &kept).await;
    upload(daemon, "half", &HALF.replace("provisioner", "lifecycle { prevent_destroy = true }\n  provisioner")).await;
    let token = |key: &str| json!({"token": {"valueFrom": {"secret": "keys", "key": key}}});
    declare(daemon, "keyed", token("old")).await;
    declare(daemon, "half", json!({})).await;
    for name in ["keyed", "half"] {
        daemon.wait_for_workspace(name).await;
    }
    // The newest run that went well had nothing to apply.
    upload(daemon, "half", HALF).await;
    let follows = async || (newest_run(daemon, "half").await["trigger"] == "template").then_some(());
    until("it has the other revision", follows).await;
    daemon.wait_for_workspace("half").await;
    for (name, class) in [("keyed", "configuration"), ("half", "provider")] {
        assert_eq!(daemon.delete(&path(name)).await.status, 202);
        let failed = wait_for(daemon, name, "its destroy failed", |status| status["failureReason"].is_string()).await;
        assert_eq!(failed["status"]["failureReason"], class, "{failed}");
    }
    let run = newest_run(daemon, "half").await;
    assert_eq!((&run["attempt"], &run["trigger"]), (&json!(1), &json!("delete")), "no older revision: {run}");
    upload(daemon, "half", FREE).await;

    let edit = json!({"spec": {"variables": token("new")}});
    assert_eq!(daemon.patch(&path("keyed"), &edit).await.status, 200);
    upload(daemon, "keyed", &TOKEN.replace("length(var.token) >= 8", "startswith(var.token, \"a newer\")")).await;
    for name in ["keyed", "half"] {
        wait_until_gone(daemon, name).await;
    }
}

#[tokio::test]
async fn nothing_is_abandoned_while_an_apply_is_at_work_or_somebody_needs_it() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretry_base_seconds = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let slow = local_machine("slow", 1, &json!({"create_seconds": 30}));
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &slow).await.status, 201);
    upload(&daemon, "base", CHOOSY).await;
    upload(&daemon, "user", FREE).await;
    declare(&daemon, "base", json!({})).await;
    declare(&daemon, "user", json!({"v": {"valueFrom": {"workspace": "base", "output": "it"}}})).await;
    daemon.wait_for_workspace("user").await;
    let protect = json!({"spec": {"deletionProtection": true}});
    assert_eq!(daemon.patch(&path("user"), &protect).await.status, 200);
    daemon.wait_for_workspace("user").await;
    until("it applies", async || (daemon.runs("slow").await[0]["state"] == "applying").then_some(())).await;
    let slow = "/v1/namespaces/default/machines/slow".to_owned();
    for (what, code) in [(&slow, "run_open"), (&path("base"), "in_use"), (&path("user"), "deletion_protected")] {
        let refused = daemon.delete(&format!("{what}?abandon=true")).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!(code)), "{}", refused.text);
        assert_eq!(daemon.get(what).await.status, 200);
    }
    let both = daemon.delete(&format!("{slow}?abandon=true&cascade=true")).await;
    assert_eq!(both.status, 400, "{}", both.text);
    let run = daemon.runs("slow").await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await.status, 200);
    daemon.post(&format!("/v1/runs/{run}/cancel?force=true"), &json!({})).await;
    daemon.wait_for_end(&run).await;
    daemon.stop().await;
}

/// Whatever becomes meanwhile of what it was made with: its provider configuration, its key, its secret.
#[tokio::test]
async fn what_is_in_force_is_kept_until_it_is_destroyed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    put_token(&daemon, "long enough").await;
    upload(&daemon, "secret", TOKEN).await;
    let of_secret = json!({"token": {"valueFrom": {"secret": "token", "key": "value"}}});
    declare(&daemon, "secret", of_secret).await;
    daemon.wait_for_workspace("secret").await;
    let elsewhere = json!({"spec": {"providerConfigRef": {"name": "other"}}});
    let moved = daemon.patch(&path("secret"), &elsewhere).await;
    assert!(moved.status == 422 && moved.text.contains("immutable"), "{}", moved.text);
    assert_eq!(daemon.post(&format!("{}/pause", path("secret")), &json!({})).await.status, 200);

    // What is only handed out leaves nothing of a run that is none.
    let runs = async || {
        let known = daemon.get("/v1/runs?namespace=default&workspace=secret").await.json();
        let known: Vec<String> =
            known["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
        let folders = std::fs::read_dir(daemon.dir().join("data/runs")).unwrap().flatten();
        let folders: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
        folders.into_iter().filter(|folder| !known.contains(folder)).collect::<Vec<_>>()
    };
    let wished = daemon.patch(&path("secret"), &json!({"spec": {"retainOnDelete": true}})).await;
    assert_eq!(wished.status, 200, "{}", wished.text);
    let handed = daemon.get(&format!("{}/eject?asItIs=true", path("secret"))).await;
    assert_eq!(handed.status, 200, "{}", handed.text);
    assert_eq!(runs().await, [""; 0]);

    let body = json!({"spec": {"data": {"value": "short"}}});
    assert_eq!(daemon.put("/v1/namespaces/default/secrets/other", &body).await.status, 201);
    let of_other = json!({"token": {"valueFrom": {"secret": "other", "key": "value"}}});
    let edit = json!({"spec": {"retainOnDelete": null, "variables": of_other}});
    let edited = daemon.patch(&path("secret"), &edit).await;
    assert_eq!(edited.status, 200, "{}", edited.text);
    assert_eq!(daemon.delete("/v1/namespaces/default/secrets/token").await.status, 204, "nobody uses it any more");
    assert_eq!(daemon.post("/v1/keys/rotate", &json!({})).await.status, 200);
    let daemon = Daemon::start_in(daemon.end(Signal::TERM).await);
    assert_eq!(daemon.delete(&path("secret")).await.status, 202);
    wait_until_gone(&daemon, "secret").await;
    let run = newest_run(&daemon, "secret").await;
    let told = (&run["kind"], &run["state"], &run["attempt"], &run["generation"]);
    assert_eq!(told, (&json!("destroy"), &json!("succeeded"), &json!(1), &json!(1)), "{run}");
    daemon.stop().await;
}
