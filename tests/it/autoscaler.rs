//! A node group whose size is an autoscaler's, and nodes that are counted: the real AWS provider against the fake AWS.

use serde_json::{Value, json};

use crate::cli::captd;
use crate::support::{Daemon, FakeAws, Setup, requires, resources_of};

const PATH: &str = "/v1/namespaces/default/machines/workers";

fn workers(subnets: &[String], scaling: &Value, owner: &str) -> String {
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "workers"}, "spec": {
        "clusterName": "demo",
        "nodeGroupConfig": {"name": "workers", "instanceType": "t3.medium", "subnetIds": subnets,
            "scaling": scaling, "scalingOwner": owner},
    }})
    .to_string()
}

async fn scaling(aws: &FakeAws) -> [u64; 3] {
    let there = aws.describe("demo", "workers").await.unwrap()["scalingConfig"].clone();
    ["minSize", "desiredSize", "maxSize"].map(|field| there[field].as_u64().unwrap())
}

/// Whether a plan would change anything in the cloud, and not only the outputs, of which one is the size.
async fn would_change(daemon: &Daemon) -> bool {
    let run = daemon.ask("workers", "plan", &json!({})).await;
    resources_of(&daemon.wait_for_end(&run).await) != json!({"create": 0, "update": 0, "replace": 0, "delete": 0})
}

#[tokio::test]
async fn what_an_autoscaler_did_is_no_drift_and_is_not_undone() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    // Where it begins need not be said.
    let applied = daemon.apply(&workers(&subnets, &json!({"minSize": 1, "maxSize": 6}), "autoscaler")).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    daemon.wait_until_ready("workers").await;
    assert_eq!(scaling(&aws).await, [1, 1, 6]);

    aws.edit("demo", "workers", json!({"scalingConfig": {"desiredSize": 4}})).await;
    assert!(!would_change(&daemon).await);
    let labelled = daemon.edit("workers", &json!({"spec": {"nodeGroupConfig": {"labels": {"team": "data"}}}})).await;
    assert_eq!(labelled["state"], "succeeded", "{labelled}");
    assert_eq!(scaling(&aws).await, [1, 4, 6], "its size stays");
    assert_eq!(daemon.machine("workers").await["status"]["currentSize"], 4);

    // Bounds past the size carry it along, in one call that EKS takes.
    for (bounds, becomes) in [
        (json!({"minSize": 5}), [5, 5, 6]),
        (json!({"minSize": 1, "maxSize": 3}), [1, 3, 3]),
        (json!({"minSize": 0, "maxSize": 9}), [0, 3, 9]),
    ] {
        let run = daemon.edit("workers", &json!({"spec": {"nodeGroupConfig": {"scaling": bounds}}})).await;
        assert_eq!(run["state"], "succeeded", "{run}");
        assert_eq!(scaling(&aws).await, becomes);
    }
    let refused = captd(&daemon, "scale workers --desired 5").with_code(1).err;
    assert!(refused.contains("an autoscaler owns the scaling of machine default/workers"), "{refused}");
    captd(&daemon, "scale workers --max 8 --wait").with_code(0);
    assert_eq!(scaling(&aws).await, [0, 3, 8]);

    // Another owner takes it over, and nothing is replaced.
    let taken = json!({"spec": {"nodeGroupConfig": {"scalingOwner": "captd", "scaling": {"desiredSize": 2}}}});
    let run = daemon.edit("workers", &taken).await;
    assert_eq!(resources_of(&run), json!({"create": 0, "update": 1, "replace": 0, "delete": 0}), "{run}");
    assert_eq!(scaling(&aws).await, [0, 2, 8]);
    aws.edit("demo", "workers", json!({"scalingConfig": {"desiredSize": 4}})).await;
    assert!(would_change(&daemon).await, "now it would be put back");
    captd(&daemon, "delete workers --wait").with_code(0);
    daemon.stop().await;
}

#[tokio::test]
async fn nodes_are_counted_by_their_tags_and_need_not_be() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let sizes = json!({"minSize": 1, "maxSize": 6, "desiredSize": 3});
    daemon.apply(&workers(&subnets, &sizes, "captd")).await;
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 3);

    aws.edit("demo", "workers", json!({"running": 2})).await;
    captd(&daemon, "plan workers").with_code(0);
    let status = daemon.machine("workers").await["status"].clone();
    assert_eq!((&status["currentSize"], &status["outputs"]["desired_size"]), (&json!(2), &json!(3)), "{status}");

    let uncounted = json!({"spec": {"variables": {"count_instances": false}}});
    assert_eq!(daemon.patch(PATH, &uncounted).await.status, 200);
    let status = daemon.wait_until_ready("workers").await["status"].clone();
    assert_eq!(status.get("currentSize"), None, "{status}");
    assert!(status["currentSizeReason"].as_str().unwrap().contains("count_instances"), "{status}");
    let before = aws.actions().await.len();
    captd(&daemon, "plan workers").with_code(0);
    let since = aws.actions().await.split_off(before);
    assert!(!since.contains(&"DescribeInstances".to_owned()), "{since:?}");
    daemon.stop().await;
}
