//! Stacks: workspaces and machines that need each other.

mod refused;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{captd, type_in};
use crate::support::{Daemon, requires, until};
use crate::workspaces::{put, setup};

const NETWORK: &str = r#"
variable "cidr" { type = string }
variable "label" { default = "" }
resource "terraform_data" "network" { input = [var.cidr, var.label] }
output "cidr" { value = terraform_data.network.output[0] }
output "subnet_ids" { value = ["subnet-a", "subnet-b"] }
output "password" {
  value     = "x"
  sensitive = true
}
"#;

const CLUSTER: &str = r#"
variable "cidr" { type = string }
variable "tags" {
  type    = map(string)
  default = {}
}
resource "terraform_data" "cluster" { input = var.cidr }
output "endpoint" { value = "https://${terraform_data.cluster.output}" }
"#;

fn templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "network", NETWORK);
    put(folder.path(), "cluster", CLUSTER);
    folder
}

fn workspace(name: &str, template: &str, rest: &Value) -> Value {
    let mut spec = json!({"workspaceTemplateRef": {"name": template}});
    spec.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": spec})
}

fn network(cidr: &str) -> Value {
    workspace("network", "network", &json!({"variables": {"cidr": cidr}}))
}

fn cluster(name: &str) -> Value {
    workspace(name, "cluster", &json!({"variables": {"cidr": from("network", "cidr")}}))
}

fn from(workspace: &str, output: &str) -> Value {
    json!({"valueFrom": {"workspace": workspace, "output": output}})
}

fn nodes() -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "workers"}, "spec": {
        "workspaceTemplateRef": {"name": "local-nodegroup-template"},
        "waitFor": [{"workspace": "cluster"}],
        "variables": {"subnet_ids": from("network", "subnet_ids")},
        "nodeGroupConfig": {"name": "workers", "instanceType": "t3.medium",
            "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}}}})
}

/// Applies all of them at once.
async fn apply(daemon: &Daemon, documents: &[Value]) -> crate::support::Answer {
    let texts: Vec<String> = documents.iter().map(ToString::to_string).collect();
    daemon.apply(&texts.join("\n---\n")).await
}

async fn made(daemon: &Daemon, documents: &[Value]) {
    let answer = apply(daemon, documents).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn workspace_now(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/v1/namespaces/default/workspaces/{name}")).await.json()
}

fn condition<'a>(resource: &'a Value, condition_type: &str) -> &'a Value {
    let conditions = resource["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == condition_type).unwrap_or(&Value::Null)
}

async fn runs(daemon: &Daemon, owner: &str) -> Vec<Value> {
    daemon.get(&format!("/v1/runs?{owner}&limit=500")).await.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_is_made_after_what_it_needs_and_gets_its_outputs() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    // Those that need come first: the order of the documents is nobody's worry.
    made(&daemon, &[nodes(), cluster("cluster"), network("10.0.0.0/16")]).await;
    let waiting = workspace_now(&daemon, "cluster").await;
    let machine = daemon.wait_until_ready("workers").await;
    assert_eq!(workspace_now(&daemon, "cluster").await["status"]["outputs"]["endpoint"], "https://10.0.0.0/16");
    assert_eq!(machine["spec"]["variables"]["subnet_ids"], from("network", "subnet_ids"), "the declaration stays");
    let begun =
        async |owner: &str| runs(&daemon, owner).await.last().unwrap()["startedAt"].as_str().unwrap().to_owned();
    let ended =
        async |owner: &str| runs(&daemon, owner).await.last().unwrap()["finishedAt"].as_str().unwrap().to_owned();
    assert!(ended("workspace=network").await <= begun("workspace=cluster").await);
    assert!(ended("workspace=cluster").await <= begun("machine=workers").await);
    for owner in ["workspace=network", "workspace=cluster", "machine=workers"] {
        assert_eq!(runs(&daemon, owner).await.len(), 1, "{owner}");
    }
    // What it said while it waited.
    if waiting["status"]["phase"] == "Waiting" {
        let told = condition(&waiting, "Waiting");
        assert_eq!(told["reason"], "WaitsForOthers");
        assert_eq!(told["message"], "waits for workspace default/network, which is not made yet");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn whoever_waits_says_for_whom_and_why_and_begins_when_it_comes() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let mut held = network("10.0.0.0/16");
    held["spec"]["runPolicy"] = json!({"approval": "manual"});
    made(&daemon, &[held, cluster("cluster")]).await;
    let shown = workspace_now(&daemon, "cluster").await;
    assert_eq!(shown["status"]["phase"], "Waiting");
    assert_eq!(condition(&shown, "Waiting")["message"], "waits for workspace default/network, which is not made yet");
    let refused = daemon.post("/v1/namespaces/default/workspaces/cluster/retry", &json!({})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("waits")), "{}", refused.text);
    until("the network's plan waits", async || {
        (workspace_now(&daemon, "network").await["status"]["phase"] == "AwaitingApproval").then_some(())
    })
    .await;
    assert!(runs(&daemon, "workspace=cluster").await.is_empty(), "nothing begins before its time");
    captd(&daemon, "approve workspace/network").with_code(0);
    daemon.wait_for_workspace("cluster").await;
    daemon.stop().await;
}

#[tokio::test]
async fn another_output_brings_a_run_and_another_spec_alone_does_not() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    made(&daemon, &[network("10.0.0.0/16"), cluster("cluster")]).await;
    daemon.wait_for_workspace("cluster").await;

    // The network changes, and what the cluster takes of it does not.
    let path = "/v1/namespaces/default/workspaces/network";
    daemon.patch(path, &json!({"spec": {"variables": {"label": "blue"}}})).await;
    daemon.wait_for_workspace("network").await;
    daemon.patch(path, &json!({"spec": {"variables": {"cidr": "10.1.0.0/16"}}})).await;
    let other = until("the cluster has the new one", async || {
        let cluster = workspace_now(&daemon, "cluster").await;
        (cluster["status"]["outputs"]["endpoint"] == "https://10.1.0.0/16").then_some(cluster)
    })
    .await;
    assert_eq!(other["metadata"]["generation"], 1, "nobody declared anything");
    let triggers: Vec<Value> =
        runs(&daemon, "workspace=cluster").await.iter().map(|run| run["trigger"].clone()).collect();
    assert_eq!(triggers, ["input", "spec"]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_others_need_is_deleted_after_them_or_not_at_all() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    made(&daemon, &[network("10.0.0.0/16"), cluster("cluster"), nodes()]).await;
    daemon.wait_until_ready("workers").await;

    let refused = daemon.delete("/v1/namespaces/default/workspaces/network").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("in_use")));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("needed by workspace default/cluster, machine default/workers"), "{detail}");
    assert!(detail.contains("captd delete workspace/network --cascade"), "{detail}");

    let drawn = captd(&daemon, "graph").with_code(0).out;
    let expected = "workspace/network  Ready\n├─ workspace/cluster  Ready\n│  └─ machine/workers  Ready\n└─ machine/workers  Ready\n";
    assert_eq!(drawn, expected);
    let dot = captd(&daemon, "graph -o dot").with_code(0).out;
    assert!(dot.starts_with("digraph captd {"), "{dot}");
    assert!(
        dot.contains("\"machine/workers\" -> \"workspace/network\" [label = \"subnet_ids → subnet_ids\"]"),
        "{dot}"
    );

    daemon.patch("/v1/namespaces/default/machines/workers", &json!({"spec": {"deletionProtection": true}})).await;
    daemon.wait_until_ready("workers").await;
    let refused = daemon.delete("/v1/namespaces/default/workspaces/network?cascade=true").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (409, &json!("deletion_protected")),
        "{}",
        refused.text
    );
    daemon.patch("/v1/namespaces/default/machines/workers", &json!({"spec": {"deletionProtection": false}})).await;
    daemon.wait_until_ready("workers").await;

    captd(&daemon, "delete workspace/network --cascade --wait").with_code(0);
    let destroyed = |runs: Vec<Value>| {
        let run = runs.into_iter().find(|run| run["kind"] == "destroy").unwrap();
        (run["startedAt"].as_str().unwrap().to_owned(), run["finishedAt"].as_str().unwrap().to_owned())
    };
    let nodes = destroyed(runs(&daemon, "machine=workers").await);
    let cluster = destroyed(runs(&daemon, "workspace=cluster").await);
    let network = destroyed(runs(&daemon, "workspace=network").await);
    assert!(nodes.1 <= cluster.0 && cluster.1 <= network.0, "{nodes:?} {cluster:?} {network:?}");
    assert_eq!(daemon.get("/v1/namespaces/default/machines/workers").await.status, 404);
    assert_eq!(daemon.get("/v1/namespaces/default/workspaces/cluster").await.status, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_never_made_is_deleted_without_a_run() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let mut held = network("10.0.0.0/16");
    held["spec"]["runPolicy"] = json!({"approval": "manual"});
    made(&daemon, &[held, cluster("cluster")]).await;
    assert_eq!(daemon.delete("/v1/namespaces/default/workspaces/cluster").await.status, 202);
    assert_eq!(daemon.get("/v1/namespaces/default/workspaces/cluster").await.status, 404);
    assert!(runs(&daemon, "workspace=cluster").await.is_empty());
    until("the network's plan waits", async || {
        (workspace_now(&daemon, "network").await["status"]["phase"] == "AwaitingApproval").then_some(())
    })
    .await;
    captd(&daemon, "discard workspace/network").with_code(0);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_exported_can_be_used_from_there_and_nothing_else() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    for tenant in ["/v1/namespaces/shop", "/v1/namespaces/other"] {
        assert_eq!(daemon.put(tenant, &json!({})).await.status, 201);
    }
    let mut exported = network("10.0.0.0/16");
    exported["spec"]["exportTo"] = json!(["shop"]);
    made(&daemon, &[exported.clone()]).await;
    let cluster_in = |namespace: &str| {
        let reference = json!({"valueFrom": {"workspace": "network", "namespace": "default", "output": "cidr"}});
        let mut cluster = workspace("cluster", "cluster", &json!({"variables": {"cidr": reference}}));
        cluster["metadata"]["namespace"] = json!(namespace);
        cluster
    };
    made(&daemon, &[cluster_in("shop")]).await;
    let hidden = apply(&daemon, &[cluster_in("other")]).await;
    assert_eq!(hidden.status, 422, "{}", hidden.text);
    assert!(
        hidden.text.contains("there is no workspace default/network that is exported to `other`"),
        "{}",
        hidden.text
    );
    until("the cluster of the shop is ready", async || {
        let cluster = daemon.get("/v1/namespaces/shop/workspaces/cluster").await.json();
        (cluster["status"]["ready"] == true).then_some(())
    })
    .await;
    exported["spec"]["exportTo"] = json!([]);
    let refused = apply(&daemon, &[exported]).await;
    assert!(
        refused.text.contains("/0/spec/exportTo") && refused.text.contains("workspace shop/cluster use it"),
        "{}",
        refused.text
    );
    let refused = daemon.delete("/v1/namespaces/default/workspaces/network?cascade=true").await;
    assert!(refused.text.contains("used from another namespace, by workspace shop/cluster"), "{}", refused.text);
    assert!(
        captd(&daemon, "graph -n shop")
            .with_code(0)
            .out
            .starts_with("workspace/default/network  in another namespace\n└─ workspace/cluster  Ready")
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_stack_from_a_file_is_followed_to_its_end() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let documents = [nodes(), cluster("cluster"), network("10.0.0.0/16")].map(|document| document.to_string());
    let said = type_in(&daemon, "apply -f - --wait", &documents.join("\n---\n")).with_code(0);
    assert!(said.out.contains("workers: Ready, 1 node") && said.out.contains("workspace/network: Ready"), "{said:?}");
    daemon.stop().await;
}
