//! Self-managed nodes: a node type that is a folder alone, on the real AWS provider.

use serde_json::{Value, json};

use crate::cli::captd;
use crate::demo_stack::{allowed, not_allowed};
use crate::support::{Daemon, FakeAws, Setup, requires};

fn workers(subnets: &[String], extra: &Value) -> Value {
    let mut group = json!({"name": "workers", "instanceType": "t3.medium", "subnetIds": subnets,
        "scaling": {"minSize": 1, "maxSize": 4, "desiredSize": 2}, "diskSize": 30,
        "labels": {"team": "data"}, "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
        "tags": {"cost": "42"}, "updateConfig": {"maxUnavailablePercentage": 50}});
    group.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "workers"}, "spec": {
        "workspaceTemplateRef": {"name": "eks-self-managed-nodegroup-template"},
        "clusterName": "demo", "variables": {"ami_id": "ami-12c6146b"}, "nodeGroupConfig": group}})
}

#[tokio::test]
async fn nodes_of_ones_own_live_from_declaration_to_deletion() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let before = aws.left().await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let applied = daemon.apply(&workers(&subnets, &json!({})).to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let made = daemon.wait_until_ready("workers").await;
    assert_eq!((&made["status"]["phase"], &made["status"]["currentSize"]), (&json!("Ready"), &json!(2)));
    let there = aws.left().await;
    assert_eq!(there["auto_scaling_groups"], json!(["demo.workers"]));
    let role = made["status"]["outputs"]["node_role_arn"].as_str().unwrap();
    assert!(role.ends_with(":role/demo.workers.eu-central-1.self-managed"), "{role}");

    let run = daemon.scale("workers", 3).await;
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(daemon.machine("workers").await["status"]["currentSize"], 3, "the instances are counted");
    captd(&daemon, "plan workers --detailed-exitcode").with_code(0);

    captd(&daemon, "delete workers --wait").with_code(0);
    assert_eq!(aws.left().await, before, "nothing is left");
    let missing = not_allowed(&aws, &allowed("eks-self-managed-nodegroup-template")).await;
    assert!(missing.is_empty(), "{missing:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_an_auto_scaling_group_cannot_do_is_told_before_anything_is_made() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let extra = json!({"updateConfig": {"maxUnavailable": 1}, "nodeRepairConfig": {"enabled": true}});
    let applied = daemon.apply(&workers(&subnets, &extra).to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let warned = &applied.json()["items"][0]["warnings"];
    assert_eq!(warned[0]["pointer"], "/0/spec/nodeGroupConfig/nodeRepairConfig", "{warned}");
    let machine = daemon.machine("workers").await;
    let conditions = machine["status"]["conditions"].as_array().unwrap();
    let unused = conditions.iter().find(|condition| condition["type"] == "FieldsWithoutEffect").unwrap();
    let said = "the template has no variable that takes /spec/nodeGroupConfig/nodeRepairConfig";
    assert_eq!((&unused["status"], &unused["message"]), (&json!("True"), &json!(said)));
    let failed = daemon.wait_for_phase("workers", "Failed").await;
    let message = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(message.contains("takes max_unavailable_percentage, and no max_unavailable"), "{message}");
    assert_eq!(aws.left().await.get("auto_scaling_groups"), None);
    captd(&daemon, "delete workers --wait").with_code(0);
    daemon.stop().await;
}

/// Whose cluster is gone is destroyed all the same: recorded or not, on its own or an autoscaler's.
#[tokio::test]
async fn what_belonged_to_a_cluster_that_is_gone_can_be_deleted() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let config = format!("{}[reconcile]\nretry_base_seconds = 600\nretry_cap_seconds = 600\n", aws.config());
    let daemon = Daemon::start_with(Setup { config });
    let named = |name: &str, template: &str| {
        let mut machine = workers(&subnets, &json!({"name": name, "scalingOwner": "autoscaler"}));
        machine["metadata"]["name"] = json!(name);
        machine["spec"]["workspaceTemplateRef"]["name"] = json!(template);
        machine
    };
    let mut managed = named("managed", "eks-nodegroup-template");
    managed["spec"]["variables"] = json!({});
    for machine in [named("own", "eks-self-managed-nodegroup-template"), managed] {
        let applied = daemon.apply(&machine.to_string()).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
    }
    daemon.wait_until_ready("own").await;
    daemon.wait_until_ready("managed").await;
    let error = json!({"status": 400, "code": "SomethingNew", "message": "nobody has seen this before"});
    aws.rule(&json!({"action": "CreateAutoScalingGroup", "fail_after": error, "times": 1})).await;
    daemon.apply(&named("unrecorded", "eks-self-managed-nodegroup-template").to_string()).await;
    daemon.wait_for_phase("unrecorded", "Failed").await;
    assert_eq!(aws.left().await["auto_scaling_groups"], json!(["demo.own", "demo.unrecorded"]));

    aws.delete_cluster("demo").await;
    for name in ["own", "managed", "unrecorded"] {
        assert_eq!(daemon.delete(&format!("/v1/namespaces/default/machines/{name}")).await.status, 202);
    }
    for name in ["own", "managed", "unrecorded"] {
        daemon.wait_until_gone(name).await;
    }
    let left = aws.left().await;
    assert_eq!(left["auto_scaling_groups"], json!(null), "{left}");
    daemon.stop().await;
}
