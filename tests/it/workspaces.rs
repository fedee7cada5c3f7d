//! Workspaces that stand on their own: what surrounds machines, declared as a template with variables.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{captd, type_in};
use crate::support::{Daemon, Setup, local_machine, requires, until};

const NETWORK: &str = r#"
variable "cidr" { type = string }
variable "zones" {
  type    = list(string)
  default = ["a", "b"]
}
variable "owner_tags" { default = {} }
resource "terraform_data" "network" { input = { cidr = var.cidr, tags = var.owner_tags } }
output "cidr" { value = terraform_data.network.output.cidr }
output "subnet_ids" { value = [for zone in var.zones : "subnet-${zone}"] }
output "tags" { value = terraform_data.network.output.tags }
output "password" {
  value     = "secret-${var.cidr}"
  sensitive = true
}
"#;

/// A folder with the template `network`.
fn templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "network", NETWORK);
    folder
}

pub fn put(folder: &Path, name: &str, main: &str) {
    let template = folder.join("workspace").join(name);
    std::fs::create_dir_all(&template).unwrap();
    std::fs::write(template.join("template.yaml"), "description: Of a test.\nprovider: none\n").unwrap();
    std::fs::write(template.join("main.tf"), main).unwrap();
}

pub fn setup(folder: &TempDir) -> Setup {
    Setup { config: format!("[templates]\ndir = {}\n", json!(folder.path())) }
}

fn network(cidr: &str) -> String {
    format!(
        "apiVersion: captd/v1\nkind: Workspace\nmetadata: {{name: network, labels: {{team: net}}}}\nspec:\n  \
         workspaceTemplateRef: {{name: network}}\n  variables: {{cidr: {cidr}}}\n"
    )
}

async fn read(daemon: &Daemon) -> Value {
    daemon.get("/v1/namespaces/default/workspaces/network").await.json()
}

#[tokio::test]
async fn a_workspace_lives_from_declaration_to_deletion() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let applied = type_in(&daemon, "apply -f - --wait", &network("10.0.0.0/16")).with_code(0);
    assert!(applied.out.contains("workspace/default/network created"), "{applied:?}");
    assert!(applied.out.contains("Ready"), "{applied:?}");
    let made = read(&daemon).await;
    assert_eq!((&made["kind"], &made["status"]["phase"]), (&json!("Workspace"), &json!("Ready")));
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let outputs = &made["status"]["outputs"];
    assert_eq!(outputs["cidr"], "10.0.0.0/16");
    assert_eq!(outputs["subnet_ids"], json!(["subnet-a", "subnet-b"]));
    assert_eq!(outputs["tags"]["captd:workspace"], format!("default/network/{uid}"));
    assert_eq!(outputs.get("password"), None, "it is sensitive");
    assert_eq!(made["status"].get("currentSize"), None);
    let conditions = made["status"]["conditions"].to_string();
    assert!(!conditions.contains("node group"), "{conditions}");

    let shown = captd(&daemon, "output workspace/network").with_code(0).out;
    assert!(shown.contains("\"cidr\": \"10.0.0.0/16\"") && !shown.contains("secret"), "{shown}");
    assert_eq!(captd(&daemon, "output workspace/network cidr").with_code(0).out, "10.0.0.0/16\n");
    let hidden = captd(&daemon, "output workspace/network password").with_code(1).err;
    assert!(hidden.contains("is sensitive; ask with reveal=true (`--reveal`)"), "{hidden}");
    let revealed = captd(&daemon, "output workspace/network password --reveal").with_code(0).out;
    assert_eq!(revealed, "secret-10.0.0.0/16\n");
    let missing = captd(&daemon, "output workspace/network nothing").with_code(1).err;
    assert!(missing.contains("it has cidr, password, subnet_ids, tags"), "{missing}");

    let run = &daemon.get("/v1/runs?namespace=default&workspace=network").await.json()["items"][0];
    assert_eq!(run["owner"], json!({"kind": "Workspace", "name": "network"}));
    assert_eq!(run.get("machine"), None);
    assert_eq!(daemon.get("/v1/runs?machine=network").await.json()["items"], json!([]));

    let changed = daemon
        .patch("/v1/namespaces/default/workspaces/network", &json!({"spec": {"variables": {"cidr": "10.1.0.0/16"}}}))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let made = daemon.wait_for_workspace("network").await;
    assert_eq!(
        (&made["metadata"]["generation"], &made["status"]["outputs"]["cidr"]),
        (&json!(2), &json!("10.1.0.0/16"))
    );

    let described = captd(&daemon, "describe workspace/network").with_code(0).out;
    for line in ["Template:             network", "Variables:            cidr=10.1.0.0/16", "  cidr = \"10.1.0.0/16\""]
    {
        assert!(described.contains(line), "{line}: {described}");
    }
    let listed = captd(&daemon, "get workspaces -l team=net").with_code(0).out;
    assert!(listed.lines().nth(1).unwrap().starts_with("network   Ready   True    network"), "{listed}");
    assert!(captd(&daemon, "get runs").with_code(0).out.contains("workspace/network"));
    let planned = captd(&daemon, "plan workspace/network --detailed-exitcode").with_code(0).out;
    assert!(planned.starts_with("workspace/default/network, generation 2, plan run "), "{planned}");
    assert!(captd(&daemon, "state list workspace/network").with_code(0).out.contains("VERSION"));

    let deleted = captd(&daemon, "delete workspace/network --wait").with_code(0);
    assert!(deleted.out.contains("workspace/default/network is being deleted"), "{deleted:?}");
    assert_eq!(daemon.get("/v1/namespaces/default/workspaces/network").await.status, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn a_machine_and_a_workspace_may_have_one_name() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let created = daemon.post("/v1/namespaces/default/machines", &local_machine("network", 1, &json!({}))).await;
    assert_eq!(created.status, 201, "{}", created.text);
    type_in(&daemon, "apply -f - --wait", &network("10.0.0.0/16")).with_code(0);
    daemon.wait_until_ready("network").await;
    let namespace = daemon.get("/v1/namespaces/default").await.json();
    assert_eq!((&namespace["status"]["machines"], &namespace["status"]["workspaces"]), (&json!(1), &json!(1)));
    captd(&daemon, "delete machine/network --wait").with_code(0);
    assert_eq!(read(&daemon).await["status"]["phase"], "Ready");
    daemon.stop().await;
}

#[tokio::test]
async fn a_workspace_is_paused_retried_and_approved_like_a_machine() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let manual = network("10.0.0.0/16") + "  runPolicy: {approval: manual}\n";
    let waits = type_in(&daemon, "apply -f - --wait", &manual).with_code(3);
    assert!(waits.out.contains("the plan waits for approval"), "{waits:?}");
    captd(&daemon, "discard workspace/network").with_code(0);
    captd(&daemon, "retry workspace/network --wait").with_code(3);
    captd(&daemon, "approve workspace/network --wait").with_code(0);
    captd(&daemon, "pause workspace/network").with_code(0);
    let path = "/v1/namespaces/default/workspaces/network";
    daemon
        .patch(path, &json!({"spec": {"variables": {"cidr": "10.2.0.0/16"}, "runPolicy": {"approval": "auto"}}}))
        .await;
    let paused = read(&daemon).await;
    assert_eq!(paused["status"]["observedGeneration"], 1);
    assert!(paused["status"]["conditions"].to_string().contains("\"Paused\""), "{paused}");
    captd(&daemon, "resume workspace/network").with_code(0);
    assert_eq!(daemon.wait_for_workspace("network").await["status"]["outputs"]["cidr"], "10.2.0.0/16");
    let scaled = daemon.post(&format!("{path}/scale"), &json!({"desiredSize": 1})).await;
    assert_eq!(scaled.status, 404, "{}", scaled.text);
    assert!(
        scaled.text.contains("there is nothing at /v1/namespaces/default/workspaces/network/scale"),
        "{}",
        scaled.text
    );
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_workspace_is_told_with_its_place() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let path = "/v1/namespaces/default/workspaces/network";
    for (spec, expected) in [
        (json!({"workspaceTemplateRef": {"name": "nothing"}}), "/spec/workspaceTemplateRef/name not_found"),
        (json!({"workspaceTemplateRef": {"name": "network"}}), "/spec/variables/cidr required"),
        (
            json!({"workspaceTemplateRef": {"name": "network"}, "variables": {"cidr": "x", "zone": "a"}}),
            "/spec/variables/zone unknown_variable",
        ),
        (
            json!({"workspaceTemplateRef": {"name": "network"}, "variables": {"cidr": "x", "zones": ["a", {}]}}),
            "/spec/variables/zones/1 wrong_type",
        ),
    ] {
        let answer = daemon.put(path, &json!({"spec": spec})).await;
        assert_eq!(answer.status, 422, "{spec}: {}", answer.text);
        let errors = answer.json()["errors"].clone();
        let found = format!("{} {}", errors[0]["pointer"].as_str().unwrap(), errors[0]["code"].as_str().unwrap());
        assert_eq!(found, expected, "{errors}");
    }
    let made = daemon
        .put(path, &json!({"spec": {"workspaceTemplateRef": {"name": "network"}, "variables": {"cidr": "x"}}}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    daemon.wait_for_workspace("network").await;
    put(folder.path(), "other", NETWORK);
    let other =
        daemon.put(path, &json!({"spec": {"workspaceTemplateRef": {"name": "local-nodegroup-template"}}})).await;
    assert!(
        other.text.contains("/spec/workspaceTemplateRef/name") && other.text.contains("immutable"),
        "{}",
        other.text
    );
    let machine = daemon.put(path, &json!({"kind": "Machine", "apiVersion": "captd/v1", "spec": {}})).await;
    assert_eq!(machine.status, 422, "{}", machine.text);
    daemon.delete(path).await;
    until("it is gone", async || (daemon.get(path).await.status == 404).then_some(())).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_retained_is_taken_up_again() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let main = format!("{NETWORK}output \"id\" {{ value = terraform_data.network.id }}\n");
    put(folder.path(), "network", &main);
    put(folder.path(), "other", &main);
    let config = format!("{}[retention]\ndeleted_days = 0\n", setup(&folder).config);
    let daemon = Daemon::start_with(Setup { config });
    let retained = network("10.0.0.0/16") + "  retainOnDelete: true\n";
    type_in(&daemon, "apply -f - --wait", &retained).with_code(0);
    let id = read(&daemon).await["status"]["outputs"]["id"].clone();
    let runs = daemon.get("/v1/runs?workspace=network").await.json()["items"].as_array().unwrap().len();
    captd(&daemon, "delete workspace/network --wait").with_code(0);
    assert_eq!(daemon.get("/v1/namespaces/default/workspaces/network").await.status, 404);
    let destroyed = daemon.get("/v1/runs?workspace=network").await.json()["items"].as_array().unwrap().len();
    assert_eq!(destroyed, runs, "nothing was destroyed");
    let listed = captd(&daemon, "get retained").with_code(0).out;
    let cells: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().take(3).collect();
    assert_eq!(cells, ["workspace", "network", "network"], "{listed}");
    let retained_spec = daemon.get("/v1/namespaces/default/retained").await.json()["items"][0]["spec"].clone();
    assert_eq!(retained_spec["variables"], json!({"cidr": "10.0.0.0/16"}));
    let daemon = Daemon::start_in(daemon.stop().await);

    let elsewhere = retained.replace("{name: network}\n  var", "{name: other}\n  var");
    let refused = type_in(&daemon, "apply -f -", &elsewhere).with_code(1);
    assert!(refused.err.contains("was deleted and its resources stayed"), "{refused:?}");
    type_in(&daemon, "apply -f - --wait", &network("10.9.0.0/16")).with_code(0);
    let taken_up = read(&daemon).await["status"]["outputs"].clone();
    assert_eq!((&taken_up["id"], &taken_up["cidr"]), (&id, &json!("10.9.0.0/16")));
    assert_eq!(captd(&daemon, "get retained").with_code(0).err, "Nothing is retained in namespace default.\n");
    captd(&daemon, "delete workspace/network --wait").with_code(0);
    daemon.stop().await;
}
