//! The gateway's end is no event for a run.

use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, requires, until};

/// Applies that are under way at the same time.
const APPLIES: usize = 8;

fn name(n: usize) -> String {
    format!("workers-{n}")
}

/// Machines in one document.
fn machines(aws_subnets: &[String]) -> String {
    let one = |n: usize| {
        json!({
            "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name(n)},
            "spec": {
                "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
                "clusterName": "demo",
                "nodeGroupConfig": {"name": name(n), "instanceType": "t3.medium", "subnetIds": aws_subnets,
                    "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
            },
        })
    };
    (0..APPLIES).map(|n| format!("---\n{}\n", one(n))).collect()
}

async fn gateway_pid(daemon: &Daemon) -> Option<u64> {
    daemon.get("/v1/gateway").await.json()["status"]["pid"].as_u64()
}

#[tokio::test]
async fn killed_in_the_middle_of_eight_applies_it_fails_none_of_them() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 600, "times": APPLIES})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let applied = daemon.apply(&machines(&subnets)).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    until("each node group is asked for", async || (created(&aws).await == APPLIES).then_some(())).await;
    let killed = gateway_pid(&daemon).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(killed).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let next =
        until("another one takes its place", async || gateway_pid(&daemon).await.filter(|pid| *pid != killed)).await;

    for n in 0..APPLIES {
        aws.edit("demo", &name(n), json!({"status": "ACTIVE"})).await;
    }
    for n in 0..APPLIES {
        daemon.wait_until_ready(&name(n)).await;
        let runs = daemon.runs(&name(n)).await;
        let made: Vec<&Value> = runs.iter().filter(|run| run["kind"] == "apply").collect();
        assert_eq!(made.len(), 1, "the first one was enough: {made:?}");
        assert_eq!(made[0]["state"], "succeeded", "{}", made[0]);
    }
    assert_eq!(created(&aws).await, APPLIES, "each was made once");
    assert_eq!(gateway_pid(&daemon).await, Some(next));
    let processes = daemon.get("/v1/gateway").await.json()["status"]["processes"].clone();
    assert!(!processes.as_array().unwrap().is_empty(), "it has found the providers of the one before");
    daemon.stop().await;
}

async fn created(aws: &FakeAws) -> usize {
    // Those that are answered: one that was only asked for is not there yet.
    let calls = aws.calls().await;
    calls.iter().filter(|call| call["action"] == "CreateNodegroup" && call["status"] == 200).count()
}

#[tokio::test]
async fn one_with_other_settings_takes_its_place() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let before = until("the gateway answers", async || gateway_pid(&daemon).await).await;
    // It is told nothing, and would go on for a while.
    let dir = daemon.end(rustix::process::Signal::KILL).await;
    std::fs::write(dir.path().join("captd.toml"), "[gateway]\nidle_seconds_max = 5\n").unwrap();
    let daemon = Daemon::start_in(dir);
    until("another one is at work", async || gateway_pid(&daemon).await.filter(|pid| *pid != before)).await;
    daemon.stop().await;
}
