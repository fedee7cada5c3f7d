//! A provider configuration whose credentials are refused: every run waits, one looks, no machine
//! pays for it, and all come back. With the real AWS provider.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, requires, until};

const NAMES: [&str; 2] = ["one", "two"];

fn machine(name: &str, subnets: &[String]) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
            "clusterName": "demo",
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium", "subnetIds": subnets,
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}},
        },
    })
}

fn paused(machine: &Value) -> Option<&Value> {
    machine["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "ProviderPaused")
}

async fn failed_runs(daemon: &Daemon) -> Vec<Value> {
    daemon.get("/v1/runs?state=failed&limit=500").await.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn refused_credentials_stop_all_runs_and_cost_no_machine_its_tries() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let refusal = "The security token included in the request is expired";
    aws.rule(&json!({"fail": {"status": 403, "code": "ExpiredTokenException", "message": refusal}})).await;
    let config =
        format!("{}[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 2\nretries_max = 1\n", aws.config());
    let daemon = Daemon::start_with(Setup { config });
    for name in NAMES {
        assert_eq!(daemon.post("/v1/namespaces/default/machines", &machine(name, &subnets)).await.status, 201);
    }
    let stopped = daemon.wait_for_machine("one", "its provider is paused", |m| paused(m).is_some()).await;
    let condition = paused(&stopped).unwrap();
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("provider configuration `default` fails as a whole since"), "{condition}");
    assert!(message.contains(refusal), "{condition}");

    // A restart changes nothing about it.
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    assert!(paused(&daemon.machine("two").await).is_some());
    // Three failures brought it here; two more can only be looks, and at a third try of one machine
    // its budget would be gone.
    let failed =
        until("it was looked at twice", async || Some(failed_runs(&daemon).await).filter(|f| f.len() >= 5)).await;
    for run in &failed {
        assert_eq!(run["failure"]["class"], "authentication", "{run}");
        assert!(run["attempt"].as_u64().unwrap() <= 2 && run["nextRetryAt"].is_string(), "{run}");
    }

    aws.behave().await;
    assert_eq!(daemon.post("/v1/retry", &json!({})).await.status, 200);
    for name in NAMES {
        let ready = daemon.wait_until_ready(name).await;
        assert_eq!(ready["status"]["phase"], "Ready", "{ready}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_fails_in_one_namespace_stops_no_other() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let of_tenant = aws.seed("tenants").await;
    let refusal = json!({"status": 403, "code": "AccessDeniedException", "message": "not authorized to perform eks:*"});
    aws.rule(&json!({"path": "/clusters/tenants", "fail": refusal})).await;
    let config = format!("{}[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 1\n", aws.config());
    let daemon = Daemon::start_with(Setup { config });
    assert!(daemon.put("/v1/namespaces/tenant", &json!({"spec": {}})).await.status.is_success());
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &machine("one", &subnets)).await.status, 201);
    daemon.wait_until_ready("one").await;
    for name in NAMES {
        let mut machine = machine(name, &of_tenant);
        machine["spec"]["clusterName"] = json!("tenants");
        assert_eq!(daemon.post("/v1/namespaces/tenant/machines", &machine).await.status, 201);
    }
    until("they have failed often enough", async || {
        Some(failed_runs(&daemon).await)
            .filter(|failed| failed.len() >= 4 && failed.iter().any(|run| run["machine"] != failed[0]["machine"]))
    })
    .await;
    for run in failed_runs(&daemon).await {
        assert_eq!(
            (&run["namespace"], &run["failure"]["class"]),
            (&json!("tenant"), &json!("authentication")),
            "{run}"
        );
    }
    let machine = daemon.machine("one").await;
    assert_eq!(paused(&machine), None, "{machine}");
    aws.behave().await;
    daemon.stop().await;
}
