//! What an apply has made and nobody recorded: it is looked for, taken in where it is this machine's own, and never made
//! twice. The real Terraform and the real AWS provider against the fake AWS.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, requires, until};

fn workers(subnets: &[String]) -> String {
    let spec = json!({
        "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
        "clusterName": "demo",
        "nodeGroupConfig": {
            "name": "workers",
            "instanceType": "t3.medium",
            "subnetIds": subnets,
            "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2},
        },
    });
    let machine = json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "workers"}, "spec": spec});
    machine.to_string()
}

/// A daemon whose machine is being created, and the run that does it.
async fn creating(aws: &FakeAws, seconds: u32) -> (Daemon, String) {
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": seconds})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    assert_eq!(daemon.apply(&workers(&subnets)).await.status, 200);
    until("the node group is there", async || aws.describe("demo", "workers").await).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    (daemon, run)
}

/// Kills terraform and its supervisor while they apply, and nobody else: what they have begun goes on in the cloud.
/// Terraform is stopped first: one that sees the connection to its provider close would still hand in its state.
fn kill_both(daemon: &Daemon, run: &str) {
    let [terraform, supervisor] = ["terraform.json", "supervisor.json"].map(|record| {
        let path = daemon.dir().join("data/runs").join(run).join("4-apply").join(record);
        let process: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Pid::from_raw(i32::try_from(process["pid"].as_i64().unwrap()).unwrap()).unwrap()
    });
    for (process, signal) in [(terraform, Signal::STOP), (supervisor, Signal::KILL), (terraform, Signal::KILL)] {
        kill_process(process, signal).unwrap();
    }
}

async fn calls(aws: &FakeAws, action: &str) -> usize {
    aws.actions().await.into_iter().filter(|called| called == action).count()
}

async fn delete(daemon: Daemon, aws: &FakeAws) {
    assert_eq!(daemon.delete("/v1/namespaces/default/machines/workers").await.status, 202);
    daemon.wait_until_gone("workers").await;
    assert_eq!(aws.describe("demo", "workers").await, None);
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_lost_apply_has_made_is_taken_in_and_waited_for() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let (daemon, run) = creating(&aws, 45).await;
    kill_both(&daemon, &run);

    assert_eq!(daemon.wait_for_end(&run).await["state"], "lost");
    let rescue = until("it is rescued", async || {
        let runs = daemon.runs("workers").await;
        runs.into_iter().find(|run| run["trigger"] == "rescue" && run["state"] == "succeeded")
    })
    .await;
    assert_eq!(rescue["summary"]["create"], 0, "all there was is found again: {rescue}");
    let plan = daemon.plan(rescue["id"].as_str().unwrap()).await;
    let resources = plan["resources"].as_array().unwrap();
    let group = resources.iter().find(|r| r["type"] == "aws_eks_node_group").unwrap();
    assert_eq!((&group["action"], &group["importId"]), (&json!("import"), &json!("demo:workers")));
    let log = daemon.get(&format!("/v1/runs/{}/log", rescue["id"].as_str().unwrap())).await.text;
    assert!(log.contains("aws_eks_node_group.this: Plan to import"), "{log}");

    let ready = daemon.wait_until_ready("workers").await;
    // Its outputs are those of its state, which was written while EKS still made it.
    assert_eq!((&ready["status"]["currentSize"], &ready["status"]["phase"]), (&json!(2), &json!("Ready")));
    assert_eq!((calls(&aws, "CreateNodegroup").await, calls(&aws, "CreateRole").await), (1, 1), "each was made once");
    delete(daemon, &aws).await;
}

#[tokio::test]
async fn a_lost_apply_is_taken_up_where_it_came_to() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "throttle": true})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    daemon.apply(&workers(&subnets)).await;
    until("its role is there", async || (calls(&aws, "CreateNodegroup").await > 0).then_some(())).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    kill_both(&daemon, &run);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "lost");
    aws.behave().await;
    daemon.wait_until_ready("workers").await;
    let rescue = daemon.runs("workers").await.into_iter().find(|run| run["trigger"] == "rescue").unwrap();
    assert_eq!((&rescue["summary"]["import"], &rescue["summary"]["create"]), (&json!(4), &json!(1)), "{rescue}");
    assert_eq!(calls(&aws, "CreateRole").await, 1);
    delete(daemon, &aws).await;
}

#[tokio::test]
async fn what_a_lost_apply_has_made_is_deleted_with_its_machine() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let (daemon, run) = creating(&aws, 1).await;
    // Nothing begins before the machine is deleted.
    assert_eq!(daemon.post("/v1/namespaces/default/machines/workers/pause", &json!({})).await.status, 200);
    kill_both(&daemon, &run);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "lost");
    delete(daemon, &aws).await;
    assert_eq!(calls(&aws, "CreateNodegroup").await, 1);
    assert_eq!(calls(&aws, "DeleteRole").await, 1, "its role is gone as well");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_to_be_ones_own() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    // EKS knows a creation that is asked for again by its token. IAM has none, and refuses.
    aws.rule(&json!({"action": "CreateRole", "drop_answer": true, "times": 1})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    daemon.apply(&workers(&subnets)).await;
    daemon.wait_until_ready("workers").await;
    let ended: Vec<Value> = daemon.runs("workers").await.into_iter().filter(|run| run["kind"] == "apply").collect();
    assert_eq!(ended.last().unwrap()["state"], "failed", "IAM was asked again and said that it exists: {ended:?}");
    assert_eq!(ended[0]["state"], "succeeded");
    assert_eq!(calls(&aws, "CreateNodegroup").await, 1);
    delete(daemon, &aws).await;
}

#[tokio::test]
async fn what_is_anothers_is_never_taken_in() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let theirs = Daemon::start_with(Setup { config: aws.config() });
    theirs.apply(&workers(&subnets)).await;
    let uid = theirs.wait_until_ready("workers").await["metadata"]["uid"].as_str().unwrap().to_owned();
    let there = aws.describe("demo", "workers").await.unwrap();

    let ours = Daemon::start_with(Setup { config: aws.config() });
    ours.apply(&workers(&subnets)).await;
    let own = ours.machine("workers").await["metadata"]["uid"].as_str().unwrap().to_owned();
    let failed = until("it is refused", async || {
        let machine = ours.machine("workers").await;
        machine["status"]["failureMessage"].as_str().filter(|text| text.contains("belongs to")).map(str::to_owned)
    })
    .await;
    for part in ["aws_eks_node_group.this (demo:workers) already exists", &uid, &own, "another name"] {
        assert!(failed.contains(part), "`{part}` is missing: {failed}");
    }
    assert_eq!(aws.describe("demo", "workers").await.unwrap(), there, "it is as it was");
    // Its deletion is none of the other's.
    ours.delete("/v1/namespaces/default/machines/workers").await;
    ours.wait_until_gone("workers").await;
    assert_eq!(aws.describe("demo", "workers").await.unwrap(), there, "it is as it was");
    assert_eq!(calls(&aws, "DeleteRole").await + calls(&aws, "DetachRolePolicy").await, 0);
    ours.stop().await;
    delete(theirs, &aws).await;
}

#[tokio::test]
async fn a_creation_that_was_given_up_and_went_well_is_not_replaced() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let (daemon, run) = creating(&aws, 25).await;
    // Terraform tells the provider to stop: it gives the creation up, and records it as failed.
    daemon.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "canceled");
    daemon.post("/v1/namespaces/default/machines/workers/retry", &json!({})).await;
    let ready = daemon.wait_until_ready("workers").await;
    assert_eq!(ready["status"]["currentSize"], 2);
    assert_eq!((calls(&aws, "CreateNodegroup").await, calls(&aws, "DeleteNodegroup").await), (1, 0));
    delete(daemon, &aws).await;
}
