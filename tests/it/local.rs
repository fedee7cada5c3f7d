//! Machines on the built-in local template: the real Terraform, no cloud.

use serde_json::{Value, json};

use crate::support::{Daemon, Setup, local_machine, requires, until};

/// The seed's declaration, on the local template.
pub fn seed_yaml(name: &str, desired: u32) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: CaptMachine
spec:
  workspaceTemplateRef:
    name: local-nodegroup-template
  nodeGroupConfig:
    name: \"{name}\"
    instanceType: \"t3.medium\"
    scaling:
      minSize: 1
      maxSize: 5
      desiredSize: {desired}
---
"
    )
}

/// A machine of one node, with variables of the local template.
fn machine(name: &str, variables: &Value) -> Value {
    local_machine(name, 1, variables)
}

/// Waits for an edit of the spec to stop before it replaces the node group.
async fn edit_instance_type(daemon: &Daemon, name: &str, to: &str) -> Value {
    let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": to}}});
    assert_eq!(daemon.patch(&format!("/v1/namespaces/default/machines/{name}"), &edit).await.status, 200);
    daemon.wait_for_phase(name, "AwaitingApproval").await
}

#[tokio::test]
async fn a_machine_lives_from_declaration_to_deletion() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    assert_eq!(daemon.apply(&seed_yaml("workers", 2)).await.status, 200);
    let made = daemon.wait_until_ready("workers").await;
    assert_eq!(made["status"]["phase"], "Ready");
    assert_eq!(made["status"]["currentSize"], 2);
    assert_eq!(made["status"]["outputs"]["node_group_id"], "local:workers");

    let run = daemon.scale("workers", 3).await;
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["summary"], json!({"create": 1, "update": 0, "replace": 0, "delete": 0, "outputs": 1}));
    let names: Vec<&str> = run["steps"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plan", "show", "apply", "output"], "an initialised workspace needs no init");
    assert_eq!(daemon.machine("workers").await["status"]["currentSize"], 3);

    let run = daemon.scale("workers", 1).await;
    assert_eq!(run["summary"], json!({"create": 0, "update": 0, "replace": 0, "delete": 2, "outputs": 1}));

    let waiting = edit_instance_type(&daemon, "workers", "m5.large").await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let because = daemon.run(&run).await["because"].clone();
    assert!(because[0].as_str().unwrap().contains("replace module.nodegroup.terraform_data.group"), "{because}");
    assert_eq!(waiting["status"]["ready"], true, "the old node group serves on");
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    let run = daemon.wait_for_end(&run).await;
    assert_eq!((&run["state"], &run["approvedBy"]), (&json!("succeeded"), &json!("admin")));

    assert_eq!(daemon.delete("/v1/namespaces/default/machines/workers").await.status, 202);
    daemon.wait_until_gone("workers").await;
    let last = daemon.runs("workers").await.remove(0);
    assert_eq!((&last["kind"], &last["state"]), (&json!("destroy"), &json!("succeeded")), "its runs can still be read");
    daemon.stop().await;
}

#[tokio::test]
async fn fifty_machines_of_one_apply_are_all_made_within_the_limits() {
    if !requires("terraform") {
        return;
    }
    let config = "[engine]\nplans_at_once = 3\napplies_at_once = 2\nruns_per_cluster_at_once = 4\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let yaml: String = (0..50).map(|n| seed_yaml(&format!("m{n:02}"), 1)).collect();
    let applied = daemon.apply(&yaml).await;
    assert_eq!(applied.json()["items"].as_array().unwrap().len(), 50, "{}", applied.text);

    until("all 50 are ready", async || {
        let open = daemon
            .get("/v1/runs?state=queued,preparing,planning,planned,awaiting_approval,applying&limit=500")
            .await
            .json();
        let open = open["items"].as_array().unwrap();
        let count = |states: &[&str]| open.iter().filter(|r| states.contains(&r["state"].as_str().unwrap())).count();
        let (planning, applying) = (count(&["preparing", "planning"]), count(&["applying"]));
        assert!(planning <= 3, "{planning} runs plan at once");
        assert!(applying <= 2, "{applying} runs apply at once");
        assert!(planning + applying <= 4, "more runs on one cluster than may");
        let mut workspaces: Vec<&str> = open.iter().map(|r| r["workspace"].as_str().unwrap()).collect();
        let all = workspaces.len();
        workspaces.sort_unstable();
        workspaces.dedup();
        assert_eq!(workspaces.len(), all, "a workspace has two open runs");
        let ready = daemon.get("/v1/machines?phase=Ready&limit=500").await.json();
        (ready["items"].as_array().unwrap().len() == 50).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn more_runs_than_the_database_has_readers_begin_together() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: "[engine]\nplans_at_once = 64\n".to_owned() });
    let names: Vec<String> = (0..40).map(|number| format!("together-{number}")).collect();
    let yaml: String = names.iter().map(|name| seed_yaml(name, 1)).collect();
    assert_eq!(daemon.apply(&yaml).await.status, 200);
    for name in &names {
        daemon.wait_until_ready(name).await;
    }
    let failed = daemon.get("/v1/runs?state=failed").await.json();
    assert_eq!(failed["items"], json!([]), "one try is enough for each");
    daemon.stop().await;
}

#[tokio::test]
async fn a_failed_creation_is_tried_again_by_itself_and_the_status_says_when() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 2\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let failing = machine("workers", &json!({"fail_with": "ThrottlingException: Rate exceeded"}));
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &failing).await.status, 201);
    let failed = daemon.wait_for_phase("workers", "Failed").await;
    let status = &failed["status"];
    assert_eq!(status["failureReason"], "throttling");
    assert!(status["failureMessage"].as_str().unwrap().contains("Rate exceeded"), "{status}");
    assert!(status["nextRetryAt"].is_string(), "{status}");
    until("a second attempt was made", async || {
        daemon.runs("workers").await.iter().find(|r| r["attempt"] == 2).map(drop)
    })
    .await;

    // The cause goes away: what was never in service is replaced without asking.
    let edit = json!({"spec": {"variables": {"fail_with": null}}});
    assert_eq!(daemon.patch("/v1/namespaces/default/machines/workers", &edit).await.status, 200);
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 1);
    daemon.stop().await;
}

#[tokio::test]
async fn tries_have_an_end_that_says_so_and_retry_starts_afresh() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 1\nretries_max = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let failing = machine("workers", &json!({"fail_with": "ThrottlingException: Rate exceeded"}));
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &failing).await.status, 201);
    let given_up = |machine: &Value| {
        let status = &machine["status"];
        status["phase"] == "Failed"
            && status["failureMessage"].as_str().is_some_and(|text| text.contains("tries no more"))
    };
    let failed = daemon.wait_for_machine("workers", "captd gives up", given_up).await;
    let message = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(message.contains("Rate exceeded") && message.contains("captd has tried 2 times"), "{message}");
    assert!(message.contains("`captd retry`"), "{message}");
    assert_eq!(failed["status"].get("nextRetryAt"), None, "{failed}");
    let attempts = async || daemon.runs("workers").await.iter().map(|run| run["attempt"].clone()).collect::<Vec<_>>();
    assert_eq!(attempts().await, [json!(2), json!(1)]);

    let run = daemon.ask("workers", "retry", &json!({})).await;
    assert_eq!(daemon.wait_for_end(&run).await["attempt"], 1, "it starts afresh");
    daemon.wait_for_machine("workers", "captd gives up again", given_up).await;
    assert_eq!(attempts().await, [json!(2), json!(1), json!(2), json!(1)]);

    // Deleting is a new word, with tries of its own.
    assert_eq!(daemon.delete("/v1/namespaces/default/machines/workers").await.status, 202);
    daemon.wait_until_gone("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn many_are_tried_again_by_selector_and_each_one_is_told_of() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    for (name, team, fail_with) in [
        ("bad", "data", "InvalidParameterException: no"),
        ("good", "data", ""),
        ("web", "web", "ValidationException: no"),
        ("still", "data", "ValidationException: no"),
    ] {
        let mut machine = machine(name, &json!({"fail_with": fail_with}));
        machine["metadata"]["labels"] = json!({"team": team});
        assert_eq!(daemon.post("/v1/namespaces/default/machines", &machine).await.status, 201);
    }
    for name in ["bad", "web", "still"] {
        daemon.wait_for_phase(name, "Failed").await;
    }
    daemon.wait_until_ready("good").await;
    assert_eq!(daemon.post("/v1/namespaces/default/machines/still/pause", &json!({})).await.status, 200);

    let answer = daemon.post("/v1/namespaces/default/retry?labelSelector=team%3Ddata", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    let told: Vec<_> = items.iter().map(|item| (item["name"].clone(), item["code"].clone())).collect();
    assert_eq!(
        told,
        [(json!("bad"), json!(null)), (json!("good"), json!("nothing_to_retry")), (json!("still"), json!("paused"))]
    );
    assert!(items[2]["reason"].as_str().unwrap().contains("captd resume still"), "{}", items[2]);
    let run = items[0]["run"]["id"].as_str().unwrap();
    let run = daemon.wait_for_end(run).await;
    assert_eq!((&run["trigger"], &run["attempt"], &run["author"]), (&json!("request"), &json!(1), &json!("admin")));
    assert_eq!(daemon.runs("web").await.len(), 1, "it was not selected");

    let unknown = daemon.post("/v1/namespaces/nowhere/retry", &json!({})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["code"]), (404, &json!("not_found")));
    let wrong = daemon.post("/v1/retry?labelSelector=%3D", &json!({})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["code"]), (400, &json!("bad_query")));

    let everywhere = daemon.post("/v1/retry", &json!({})).await.json();
    let tried = everywhere["items"].as_array().unwrap().iter().filter(|item| item["run"].is_object());
    let tried: Vec<_> = tried.map(|item| item["name"].clone()).collect();
    assert_eq!(tried, [json!("bad"), json!("web")]);
    for name in ["bad", "web"] {
        daemon.wait_for_phase(name, "Failed").await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_only_a_change_can_mend_waits_for_a_change() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let failing = machine("workers", &json!({"fail_with": "InvalidParameterException: no such subnet"}));
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &failing).await.status, 201);
    let failed = daemon.wait_for_phase("workers", "Failed").await;
    assert_eq!(failed["status"]["failureReason"], "configuration");
    assert_eq!(failed["status"].get("nextRetryAt"), None);
    assert!(failed["status"]["failureMessage"].as_str().unwrap().contains("captd retry"), "the remedy is named");
    let run = daemon.ask("workers", "retry", &json!({})).await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "failed", "a retry was made, on request");
    daemon.stop().await;
}

#[tokio::test]
async fn a_newer_spec_takes_the_place_of_a_plan_that_waits() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let waiting = edit_instance_type(&daemon, "workers", "m5.large").await;
    let first = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();

    let back = json!({"spec": {"nodeGroupConfig": {"instanceType": "t3.medium"}}});
    daemon.patch("/v1/namespaces/default/machines/workers", &back).await;
    assert_eq!(daemon.wait_for_end(&first).await["state"], "superseded");
    daemon.wait_until_ready("workers").await;
    let newest = daemon.runs("workers").await.remove(0);
    assert_eq!((&newest["state"], &newest["generation"]), (&json!("unchanged"), &json!(3)));
    daemon.stop().await;
}

#[tokio::test]
async fn a_spec_that_comes_while_a_run_applies_is_applied_after_it() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post("/v1/namespaces/default/machines", &machine("workers", &json!({"create_seconds": 1}))).await;
    daemon.wait_for_machine("workers", "its run applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    daemon.post("/v1/namespaces/default/machines/workers/scale", &json!({"desiredSize": 2})).await;
    let ready = daemon.wait_until_ready("workers").await;
    assert_eq!((&ready["status"]["currentSize"], &ready["metadata"]["generation"]), (&json!(2), &json!(2)));
    let mut states: Vec<(Value, Value)> =
        daemon.runs("workers").await.into_iter().map(|run| (run["generation"].clone(), run["state"].clone())).collect();
    states.reverse();
    assert_eq!(states, [(json!(1), json!("succeeded")), (json!(2), json!("succeeded"))]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_plan_that_is_discarded_leaves_everything_as_it_is() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let waiting = edit_instance_type(&daemon, "workers", "m5.large").await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let shown = daemon.plan(&run).await;
    assert_eq!(shown["summary"], json!({"create": 0, "update": 0, "replace": 2, "delete": 0, "outputs": 2}), "{shown}");

    assert_eq!(daemon.post(&format!("/v1/runs/{run}/discard"), &json!({})).await.json()["state"], "discarded");
    let after = daemon.machine("workers").await;
    assert_eq!((&after["status"]["phase"], &after["status"]["observedGeneration"]), (&json!("Ready"), &json!(1)));
    let approve = daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await;
    assert_eq!((approve.status.as_u16(), &approve.json()["code"]), (409, &json!("wrong_state")));
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_that_is_canceled_ends_in_order() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post("/v1/namespaces/default/machines", &machine("workers", &json!({"create_seconds": 30}))).await;
    let applying = daemon
        .wait_for_machine("workers", "its run applies", |m| m["status"]["latestRun"]["state"] == "applying")
        .await;
    let run = applying["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    until("terraform creates", async || {
        daemon.get(&format!("/v1/runs/{run}/log")).await.text.contains("Creating...").then_some(())
    })
    .await;
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await.status, 200);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "canceled");
    daemon.delete("/v1/namespaces/default/machines/workers").await;
    daemon.wait_until_gone("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn the_log_can_be_followed_to_its_end() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post("/v1/namespaces/default/machines", &machine("workers", &json!({"create_seconds": 1}))).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    let log = daemon.get(&format!("/v1/runs/{run}/log?follow=true")).await.text;
    let place = |text: &str| log.find(text).unwrap_or_else(|| panic!("`{text}` is not in the log: {log}"));
    assert!(place("── terraform init") < place("── terraform plan"));
    assert!(place("── terraform plan") < place("── terraform apply"));
    assert!(place("Apply complete! Resources: 2 added") > place("Creation complete"));
    assert_eq!(daemon.run(&run).await["state"], "succeeded", "the stream ends with the run");
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_torn_init_has_left_does_not_stand_in_the_way_of_the_next() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    // As a full disk leaves what all runs of the revision share.
    let mut revisions = std::fs::read_dir(daemon.dir().join("data/revisions")).unwrap();
    let revision = revisions.next().unwrap().unwrap().path();
    assert!(revisions.next().is_none(), "the revision has one folder");
    std::fs::remove_file(revision.join(".captd-initialised")).unwrap();
    std::fs::write(revision.join(".terraform/terraform.tfstate"), "").unwrap();
    assert_eq!(daemon.scale("workers", 2).await["state"], "failed");
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2, "the next try is a clean one");
    daemon.stop().await;
}
