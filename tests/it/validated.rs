//! What `terraform validate` says of an upload: told with its place before anything is stored, and
//! nothing is left of it however it ends.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::captd;
use crate::support::{Daemon, Setup, on_path, provider_mirror, requires, until};

const PATH: &str = "/v1/namespaces/default/templates/net";

fn upload(files: &Value) -> Value {
    json!({"spec": {"files": files}})
}

fn aws(main: &str) -> Value {
    json!({"spec": {"provider": "aws", "files": {"main.tf": main}}})
}

/// Folders of trials that are there.
fn trials(daemon: &Daemon) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(daemon.dir().join("data/try")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

async fn until_nothing_is_left(daemon: &Daemon) {
    until("no folder of a trial is left", async || trials(daemon).is_empty().then_some(())).await;
}

#[tokio::test]
async fn what_only_terraform_can_tell_is_told_with_file_line_and_text() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let good = "output \"it\" { value = 1 }\n";
    assert_eq!(daemon.put(PATH, &upload(&json!({"main.tf": good}))).await.status, 201);
    let revision = daemon.get(PATH).await.json()["current"].clone();
    for (files, pointer, words) in [
        (
            json!({"main.tf": "\noutput \"it\" { value = var.nothing }\n"}),
            "/spec/files/main.tf",
            "main.tf line 2: Reference to undeclared input variable: An input variable with the name \"nothing\" has not been declared",
        ),
        (
            json!({"main.tf": "\noutput \"it\" { value = var.nothing }\n"}),
            "/spec/files/main.tf",
            "(`output \"it\" { value = var.nothing }`)",
        ),
        (
            json!({"main.tf.tera": "{% if provider.region %}\nlocals { a = local.b }{% endif %}\n"}),
            "/spec/files/main.tf.tera",
            "main.tf line 2: Reference to undeclared local value",
        ),
        (
            json!({"main.tf": "resource \"terraform_data\" \"it\" {\n  inptu = 1\n}\n"}),
            "/spec/files/main.tf",
            "main.tf line 2: Unsupported argument",
        ),
        (json!({"main.tf": "resource \"terraform_date\" \"it\" {}\n"}), "/spec/files/main.tf", "terraform_date"),
        (
            json!({"main.tf": "module \"m\" {\n  source = \"./m\"\n}\n", "m/main.tf": "output \"a\" { value = each.key }\n"}),
            "/spec/files/m~1main.tf",
            "m/main.tf line 1: ",
        ),
        (
            json!({"main.tf": "terraform {\n  required_version = \"< 1.0\"\n}\n"}),
            "/spec/files/main.tf",
            "terraform init failed: Error: Unsupported Terraform Core version",
        ),
    ] {
        let answer = daemon.put(PATH, &upload(&files)).await;
        assert_eq!(answer.status, 422, "{files}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!("not_valid")), "{}", answer.text);
        assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text);
    }
    let two = upload(&json!({"main.tf": "locals { a = var.x }", "b.tf": "locals { b = var.y }"}));
    assert_eq!(daemon.put(PATH, &two).await.pointers(), ["/spec/files/b.tf", "/spec/files/main.tf"]);
    assert_eq!(daemon.get(PATH).await.json()["current"], revision, "the last good one goes on");
    let warned = "variable \"a\" { default = 1 }\nresource \"terraform_data\" \"it\" {\n  lifecycle {\n    ignore_changes = [id]\n  }\n}\n";
    let answer = daemon.put(PATH, &upload(&json!({"main.tf": warned}))).await;
    assert_eq!(answer.status, 200, "a warning is no error: {}", answer.text);
    until_nothing_is_left(&daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_tells_it_with_all_else_and_keeps_nothing() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let template = |name: &str, main: &str| {
        json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": name},
            "spec": {"files": {"main.tf": main}}})
    };
    let workspace = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "a"},
        "spec": {"workspaceTemplateRef": {"name": "good"}, "variables": {"x": 1}}});
    let (good, bad) = (template("good", "variable \"x\" { type = number }"), template("bad", "locals { a = var.y }"));
    let mut wrong = workspace.clone();
    wrong["spec"]["variables"]["x"] = json!("one");
    for path in ["/v1/apply", "/v1/apply?dryRun=true"] {
        let answer = daemon.post(path, &json!([workspace, bad, good])).await;
        assert_eq!(answer.pointers(), ["/1/spec/files/main.tf"], "{}", answer.text);
        let answer = daemon.post(path, &json!([wrong, bad, good])).await;
        assert_eq!(answer.pointers(), ["/0/spec/variables/x", "/1/spec/files/main.tf"], "{}", answer.text);
    }
    assert_eq!(daemon.get("/v1/namespaces/default/templates/good").await.status, 404);
    assert_eq!(daemon.post("/v1/apply?dryRun=true", &json!([workspace, good])).await.status, 200);
    assert_eq!(daemon.get("/v1/namespaces/default/templates/good").await.status, 404, "it was a dry run");
    assert_eq!(daemon.post("/v1/apply", &json!([workspace, good])).await.status, 200);
    daemon.wait_for_workspace("a").await;
    let nowhere = daemon.put("/v1/namespaces/nowhere/templates/bad", &bad).await;
    assert_eq!(nowhere.status, 404, "{}", nowhere.text);
    daemon.stop().await;
}

#[tokio::test]
async fn the_schema_of_a_provider_is_held_against_it() {
    if !requires("terraform") || provider_mirror().is_none() {
        return;
    }
    let daemon = Daemon::start();
    let good = aws("resource \"aws_vpc\" \"it\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n");
    let answer = daemon.put(PATH, &good).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    for (main, words) in [
        ("resource \"aws_vpc\" \"it\" {\n  cidr_blok = \"10.0.0.0/16\"\n}\n", "main.tf line 2: Unsupported argument"),
        (
            "resource \"aws_vpc\" \"it\" {\n  cidr_block = \"ten\"\n}\n",
            "main.tf line 2: expected cidr_block to contain a valid",
        ),
        ("resource \"aws_vcp\" \"it\" {}\n", "main.tf line 1: Invalid resource type"),
        (
            "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n      version = \"= 0.0.7\"\n    }\n  }\n}\n",
            "Failed to query available provider packages",
        ),
    ] {
        let answer = daemon.put(PATH, &aws(main)).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.json()["errors"][0]["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text);
    }
    until_nothing_is_left(&daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_secret_stays_so() {
    if !requires("terraform") {
        return;
    }
    let config = "[providers.aws.default]\nregion = \"eu-central-1\"\naccess_key = \"AKIASAMPLESAMPLE\"\nsecret_key = \"wJalrXUtnFEMISAMPLE\"\n";
    let daemon = Daemon::start_with(Setup { config: config.to_owned() });
    let answer =
        daemon.put(PATH, &upload(&json!({"main.tf": "locals { a = [\"wJalrXUtnFEMISAMPLE\", var.x] }"}))).await;
    let detail = answer.json()["errors"][0]["detail"].clone();
    assert!(detail.as_str().unwrap().ends_with("(`locals { a = [\"(secret)\", var.x] }`)"), "{detail}");
    daemon.stop().await;
}

/// Terraform, but that validate begins when there is a file `go`, and leaves one, `begun`; its folder goes first.
fn daemon_with_a_patient_validate(engine: &str) -> (Daemon, PathBuf) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = validate ]; then\n  : > begun\n  while [ ! -e '{}' ]; do sleep 0.05; done\nfi\nexec '{}' \"$@\"\n",
        folder.join("go").display(),
        on_path("terraform").unwrap().display()
    );
    let program = folder.join("terraform");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config =
        format!("[engine]\nbinary = \"{}\"\nconfine_read = [\"{}\"]\n{engine}\n", program.display(), folder.display());
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    (Daemon::start_in(dir), folder)
}

/// Trials whose validate is at work.
fn at_work(daemon: &Daemon) -> usize {
    trials(daemon).iter().filter(|folder| folder.join("begun").exists()).count()
}

#[tokio::test]
async fn two_are_at_work_at_once_and_nobody_writes_meanwhile() {
    if !requires("terraform") {
        return;
    }
    let (daemon, folder) = daemon_with_a_patient_validate("");
    let path = |name: &str| format!("/v1/namespaces/default/templates/{name}");
    let put = async |name: &str| daemon.put(&path(name), &upload(&json!({"main.tf": "locals {}"}))).await.status;
    let (a, b, c, ()) = tokio::join!(put("a"), put("b"), put("c"), async {
        until("two are at work", async || (at_work(&daemon) == 2).then_some(())).await;
        // The database is free: no transaction waits with them.
        assert_eq!(daemon.put("/v1/namespaces/other", &json!({})).await.status, 201);
        assert_eq!(at_work(&daemon), 2, "the third waits for its turn");
        std::fs::write(folder.join("go"), "").unwrap();
    });
    assert_eq!([a.as_u16(), b.as_u16(), c.as_u16()], [201; 3]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_and_a_daemon_that_dies_leave_nothing() {
    if !requires("terraform") {
        return;
    }
    let (daemon, _) = daemon_with_a_patient_validate("");
    let begin = async |daemon: &Daemon| {
        let body = upload(&json!({"main.tf": "locals {}"})).to_string().into_bytes();
        tokio::select! {
            answer = daemon.request(Method::PUT, PATH, &[], body) => panic!("it was to wait: {}", answer.text),
            () = until("it is at work", async || (at_work(daemon) == 1).then_some(())) => {}
        }
    };
    begin(&daemon).await;
    until_nothing_is_left(&daemon).await;
    begin(&daemon).await;
    let dir = daemon.end(Signal::KILL).await;
    let daemon = Daemon::start_in(dir);
    assert!(trials(&daemon).is_empty(), "swept before it listens");
    assert_eq!(daemon.get(PATH).await.status, 404);
    // Which also looks for processes.
    daemon.stop().await;
}

#[tokio::test]
async fn a_terraform_that_does_not_end_is_ended() {
    if !requires("terraform") {
        return;
    }
    let (daemon, _) = daemon_with_a_patient_validate("plan_seconds_max = 2");
    let answer = daemon.put(PATH, &upload(&json!({"main.tf": "locals {}"}))).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("not_checked")), "{}", answer.text);
    assert!(answer.text.contains("took longer than 2 s and were ended"), "{}", answer.text);
    until_nothing_is_left(&daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_terraform_that_cannot_be_asked_is_no_fault_of_the_template() {
    if !requires("terraform") {
        return;
    }
    let (daemon, folder) = daemon_with_a_patient_validate("");
    std::fs::remove_file(folder.join("terraform")).unwrap();
    let answer = daemon.put(PATH, &upload(&json!({"main.tf": "locals {}"}))).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("not_checked")), "{}", answer.text);
    assert!(answer.text.contains("nothing was stored") && answer.text.contains("captd doctor"), "{}", answer.text);
    assert_eq!(daemon.get(PATH).await.status, 404);
    let pushed = TempDir::new().unwrap();
    std::fs::write(pushed.path().join("main.tf"), "locals {}\n").unwrap();
    let said = captd(&daemon, &format!("template push net {}", pushed.path().display()));
    assert!(said.err.contains("could not be checked with terraform validate"), "{said:?}");
    daemon.stop().await;
}
