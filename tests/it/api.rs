//! The contract of the API beside the life of a machine: versions, lists, namespaces, templates.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Daemon, requires};

const MACHINES: &str = "/v1/namespaces/default/machines";

/// A machine on the local template, with a label.
fn machine(name: &str, team: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"team": team}},
        "spec": {
            "workspaceTemplateRef": {"name": "local-nodegroup-template"},
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}},
        },
    })
}

async fn put(daemon: &Daemon, name: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let answer = daemon.request(Method::PUT, &format!("{MACHINES}/{name}"), headers, body.to_string().into()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn versions_guard_against_lost_updates() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let created = daemon.post(MACHINES, &machine("m", "data")).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["location"], "/v1/namespaces/default/machines/m");
    assert_eq!(created.headers["etag"], "\"1\"");
    let again = daemon.post(MACHINES, &machine("m", "data")).await;
    assert_eq!((again.status.as_u16(), &again.json()["code"]), (409, &json!("already_exists")));

    let (status, body) = put(&daemon, "m", &[("if-none-match", "*")], &machine("m", "web")).await;
    assert_eq!((status, &body["code"]), (409, &json!("already_exists")));
    let (status, body) = put(&daemon, "m", &[("if-match", "\"7\"")], &machine("m", "web")).await;
    assert_eq!((status, &body["code"]), (412, &json!("version_mismatch")));
    let (status, body) = put(&daemon, "m", &[("if-match", "\"1\"")], &machine("m", "web")).await;
    assert_eq!(
        (status, &body["metadata"]["labels"], &body["metadata"]["generation"]),
        (200, &json!({"team": "web"}), &json!(1))
    );
    let (status, body) = put(&daemon, "m", &[], &machine("m", "web")).await;
    assert_eq!((status, &body["metadata"]["resourceVersion"]), (200, &json!(2)), "the same again is no write");

    let answer = daemon.request(Method::DELETE, &format!("{MACHINES}/m"), &[("if-match", "\"1\"")], Vec::new()).await;
    assert_eq!(answer.status, 412);
    daemon.wait_until_ready("m").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_node_group_has_one_owner() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post(MACHINES, &machine("one", "a")).await;
    let mut second = machine("two", "a");
    second["spec"]["nodeGroupConfig"]["name"] = json!("one");
    let refused = daemon.post(MACHINES, &second).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("node_group_taken")));
    assert!(refused.json()["detail"].as_str().unwrap().contains("default/one"), "{}", refused.text);
    daemon.wait_until_ready("one").await;
    daemon.stop().await;
}

#[tokio::test]
async fn lists_go_on_page_by_page_and_select_by_label_and_phase() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    for n in 0..5 {
        let team = if n % 2 == 0 { "even" } else { "odd" };
        assert_eq!(daemon.post(MACHINES, &machine(&format!("m{n}"), team)).await.status, 201);
    }
    let mut names = Vec::new();
    let mut path = "/v1/machines?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = daemon.get(&path).await.json();
        pages += 1;
        names.extend(
            page["items"].as_array().unwrap().iter().map(|m| m["metadata"]["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["continue"].as_str() else { break };
        path = format!("/v1/machines?limit=2&continue={next}");
    }
    assert_eq!((pages, names), (3, ["m0", "m1", "m2", "m3", "m4"].map(str::to_owned).to_vec()));
    for (selector, count) in [("team%3Deven", 3), ("team%21%3Deven", 2), ("team+in+%28even,odd%29", 5), ("%21team", 0)]
    {
        let page = daemon.get(&format!("/v1/machines?labelSelector={selector}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{selector}");
    }
    for n in 0..5 {
        daemon.wait_until_ready(&format!("m{n}")).await;
    }
    assert_eq!(daemon.get("/v1/machines?phase=Ready").await.json()["items"].as_array().unwrap().len(), 5);
    let runs = daemon.get("/v1/runs?state=succeeded&limit=3").await.json();
    let rest = daemon
        .get(&format!("/v1/runs?state=succeeded&limit=3&continue={}", runs["continue"].as_str().unwrap()))
        .await
        .json();
    assert_eq!((runs["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (3, 2));
    daemon.stop().await;
}

#[tokio::test]
async fn a_namespace_fills_in_limits_and_protects_itself() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let spec =
        json!({"spec": {"defaults": {"clusterName": "demo", "region": "eu-central-1"}, "limits": {"machines": 1}}});
    assert_eq!(daemon.put("/v1/namespaces/team-a", &spec).await.status, 201);
    let in_team = "/v1/namespaces/team-a/machines";
    let created = daemon.post(in_team, &machine("m", "a")).await.json();
    assert_eq!((&created["spec"]["clusterName"], &created["spec"]["region"]), (&json!("demo"), &json!("eu-central-1")));
    let refused = daemon.post(in_team, &machine("n", "a")).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (403, &json!("limit_reached")));
    let kept = daemon.delete("/v1/namespaces/team-a").await;
    assert_eq!((kept.status.as_u16(), &kept.json()["code"]), (409, &json!("in_use")));
    assert_eq!(daemon.delete("/v1/namespaces/default").await.status, 409);

    let protect = json!({"spec": {"deletionProtection": true}});
    daemon.patch(&format!("{in_team}/m"), &protect).await;
    let refused = daemon.delete(&format!("{in_team}/m")).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("deletion_protected")));
    daemon.patch(&format!("{in_team}/m"), &json!({"spec": {"deletionProtection": null}})).await;
    assert_eq!(daemon.delete(&format!("{in_team}/m")).await.status, 202);
    crate::support::until("it is gone", async || {
        (daemon.get(&format!("{in_team}/m")).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(daemon.delete("/v1/namespaces/team-a").await.status, 204);
    daemon.stop().await;
}

#[tokio::test]
async fn what_would_leave_a_node_group_behind_cannot_be_changed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post(MACHINES, &machine("m", "a")).await;
    daemon.wait_until_ready("m").await;
    let edit = json!({"spec": {"region": "us-east-1", "providerConfigRef": {"name": "other"}}});
    let refused = daemon.patch(&format!("{MACHINES}/m"), &edit).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.pointers(), ["/spec/providerConfigRef", "/spec/region"]);
    daemon.wait_until_ready("m").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_paused_machine_rests_until_it_is_resumed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post(MACHINES, &machine("m", "a")).await;
    daemon.wait_until_ready("m").await;
    let paused = daemon.post(&format!("{MACHINES}/m/pause"), &json!({})).await.json();
    assert!(paused["status"]["conditions"].to_string().contains("\"Paused\""), "{paused}");
    let scaled = daemon.post(&format!("{MACHINES}/m/scale"), &json!({"desiredSize": 2})).await;
    assert_eq!((scaled.status.as_u16(), &scaled.json()["run"]), (200, &Value::Null), "kept, and not begun");
    daemon.post(&format!("{MACHINES}/m/resume"), &json!({})).await;
    assert_eq!(daemon.wait_until_ready("m").await["status"]["currentSize"], 2);
    daemon.stop().await;
}

#[tokio::test]
async fn templates_say_what_they_take() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let list = daemon.get("/v1/namespaces/default/templates").await.json();
    let names: Vec<&str> = list["items"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    let expected = [
        "eks-controlplane-template",
        "eks-fargate-profile-template",
        "eks-nodegroup-template",
        "eks-self-managed-nodegroup-template",
        "local-controlplane-template",
        "local-fargate-profile-template",
        "local-nodegroup-template",
        "local-vpc-template",
        "vpc-template",
    ];
    assert_eq!(names, expected);
    let template = daemon.get("/v1/namespaces/default/templates/eks-nodegroup-template").await.json();
    assert_eq!(template["variables"]["subnet_ids"]["required"], true);
    assert_eq!(template["variables"]["disk_size"]["type"], "number");
    assert_eq!(template["protects"], json!(["module.nodegroup.aws_eks_node_group.this"]));
    daemon.stop().await;
}
