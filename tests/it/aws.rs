//! Machines on the built-in EKS template: the real Terraform and the real AWS provider against
//! the fake AWS.

use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, requires, resources_of, until};

/// The seed's YAML with cluster and subnets added.
pub fn seed_yaml(subnets: &[String]) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: CaptMachine
spec:
  workspaceTemplateRef:
    name: eks-nodegroup-template
  clusterName: demo
  nodeGroupConfig:
    name: \"managed-ng-1\"
    instanceType: \"t3.medium\"
    subnetIds: {}
    scaling:
      minSize: 1
      maxSize: 3
      desiredSize: 2
",
        json!(subnets)
    )
}

/// A change of the plan by path: `(before, after)`.
fn change(plan: &Value, path: &str) -> (Value, Value) {
    let resources = plan["resources"].as_array().unwrap().iter();
    let changes = resources.flat_map(|resource| resource["changes"].as_array().unwrap());
    let found = changes.clone().find(|change| change["path"] == path);
    let found = found.unwrap_or_else(|| panic!("no change of {path} in {plan}"));
    (found["before"].clone(), found["after"].clone())
}

#[tokio::test]
async fn a_node_group_lives_from_declaration_to_deletion() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let applied = daemon.apply(&seed_yaml(&subnets)).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let made = daemon.wait_until_ready("managed-ng-1").await;
    assert_eq!((&made["status"]["phase"], &made["status"]["currentSize"]), (&json!("Ready"), &json!(2)));
    let there = aws.describe("demo", "managed-ng-1").await.unwrap();
    assert_eq!(there["scalingConfig"], json!({"minSize": 1, "maxSize": 3, "desiredSize": 2}));
    let uid = made["metadata"]["uid"].as_str().unwrap();
    assert_eq!(there["tags"]["captd:machine"], format!("default/managed-ng-1/{uid}"));

    let run = daemon.scale("managed-ng-1", 3).await;
    assert_eq!(resources_of(&run), json!({"create": 0, "update": 1, "replace": 0, "delete": 0}));
    assert_eq!(aws.describe("demo", "managed-ng-1").await.unwrap()["scalingConfig"]["desiredSize"], 3);
    assert_eq!(daemon.machine("managed-ng-1").await["status"]["currentSize"], 3);

    // Somebody changes it by hand: the next plan shows it, and would put it back.
    aws.edit("demo", "managed-ng-1", json!({"scalingConfig": {"desiredSize": 1}})).await;
    let run = daemon.ask("managed-ng-1", "plan", &json!({})).await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    let plan = daemon.plan(&run).await;
    assert_eq!(change(&plan, "scaling_config[0].desired_size"), (json!(1), json!(3)));
    assert_eq!(aws.describe("demo", "managed-ng-1").await.unwrap()["scalingConfig"]["desiredSize"], 1, "only planned");

    let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}});
    daemon.patch("/v1/namespaces/default/machines/managed-ng-1", &edit).await;
    let waiting = daemon.wait_for_phase("managed-ng-1", "AwaitingApproval").await;
    let run = waiting["status"]["latestRun"]["id"].as_str().unwrap();
    assert_eq!(
        daemon.run(run).await["because"],
        json!(["the plan would replace module.nodegroup.aws_eks_node_group.this because of instance_types"])
    );
    assert_eq!(aws.describe("demo", "managed-ng-1").await.unwrap()["instanceTypes"], json!(["t3.medium"]));

    assert_eq!(daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await.status, 202);
    daemon.wait_until_gone("managed-ng-1").await;
    assert_eq!(aws.describe("demo", "managed-ng-1").await, None);
    daemon.stop().await;
}

#[tokio::test]
async fn every_field_of_a_node_group_reaches_eks() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let group = json!({
        "name": "w", "instanceTypes": ["m5.large", "m5a.large"], "subnetIds": subnets, "diskSize": 50,
        "scaling": {"minSize": 0, "maxSize": 3, "desiredSize": 1}, "capacityType": "SPOT",
        "amiType": "BOTTLEROCKET_x86_64", "version": "1.32", "releaseVersion": "1.40.0-f8a4e3d1",
        "labels": {"team": "data"}, "tags": {"cost": "42"},
        "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
        "updateConfig": {"maxUnavailablePercentage": 33}, "nodeRepairConfig": {"enabled": true},
        "remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-0a1b"]},
        "timeouts": {"create": "90m", "update": "90m", "delete": "1h30m"}
    });
    let machine = json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "w"},
        "spec": {"clusterName": "demo", "nodeGroupConfig": group}});
    let applied = daemon.apply(&machine.to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    daemon.wait_until_ready("w").await;
    let there = aws.describe("demo", "w").await.unwrap();
    for (field, value) in [
        ("instanceTypes", json!(["m5.large", "m5a.large"])),
        ("diskSize", json!(50)),
        ("capacityType", json!("SPOT")),
        ("amiType", json!("BOTTLEROCKET_x86_64")),
        ("version", json!("1.32")),
        ("releaseVersion", json!("1.40.0-f8a4e3d1")),
        ("labels", json!({"team": "data"})),
        ("taints", json!([{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}])),
        ("updateConfig", json!({"maxUnavailablePercentage": 33})),
        ("nodeRepairConfig", json!({"enabled": true})),
        ("remoteAccess", json!({"ec2SshKey": "ops", "sourceSecurityGroups": ["sg-0a1b"]})),
    ] {
        assert_eq!(there[field], value, "{field}: {there}");
    }

    // What EKS updates in place is updated in place.
    let edit = json!({"spec": {"nodeGroupConfig": {"version": "1.33", "releaseVersion": "1.41.0-0a1b2c3d",
        "nodeRepairConfig": {"enabled": false}, "forceUpdateVersion": true}}});
    let run = daemon.edit("w", &edit).await;
    assert_eq!(resources_of(&run), json!({"create": 0, "update": 1, "replace": 0, "delete": 0}), "{run}");
    let there = aws.describe("demo", "w").await.unwrap();
    assert_eq!((&there["version"], &there["releaseVersion"]), (&json!("1.33"), &json!("1.41.0-0a1b2c3d")));
    assert_eq!(there["nodeRepairConfig"], json!({"enabled": false}));
    daemon.stop().await;
}

#[tokio::test]
async fn what_changes_in_the_cloud_is_observed_without_applying_anything() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let config = format!("{}[reconcile]\nobserve_interval_seconds = 2\n", aws.config());
    let daemon = Daemon::start_with(Setup { config });
    daemon.apply(&seed_yaml(&subnets)).await;
    daemon.wait_until_ready("managed-ng-1").await;
    let run = until("it was looked at", async || {
        let runs = daemon.runs("managed-ng-1").await;
        runs.into_iter().find(|run| run["kind"] == "refresh" && run.get("finishedAt").is_some())
    })
    .await;
    let id = run["id"].as_str().unwrap();
    let conditions = daemon.machine("managed-ng-1").await["status"]["conditions"].clone();
    let drifted = |c: &Value| c.as_array().unwrap().iter().any(|c| c["type"] == "Drifted");
    assert!(!drifted(&conditions), "nobody has changed anything: {conditions} {}", daemon.plan(id).await);

    let before = aws.actions().await.len();
    aws.edit("demo", "managed-ng-1", json!({"scalingConfig": {"desiredSize": 1}, "status": "DEGRADED"})).await;
    let seen = daemon.wait_for_machine("managed-ng-1", "it is seen", |m| m["status"]["currentSize"] == 1).await;
    let status = &seen["status"];
    assert_eq!((&status["ready"], &status["phase"]), (&json!(false), &json!("Failed")));
    let condition = |name: &str| {
        status["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["type"] == name)
            .unwrap_or_else(|| panic!("{status}"))
            .clone()
    };
    assert_eq!(condition("Ready")["reason"], "NodeGroupDegraded");
    let drift = condition("Drifted");
    assert!(drift["message"].as_str().unwrap().contains("scaling_config[0].desired_size"), "{drift}");
    let calls = aws.actions().await.split_off(before);
    let written: Vec<&String> = calls
        .iter()
        .filter(|call| !(call.starts_with("Get") || call.starts_with("List") || call.starts_with("Describe")))
        .collect();
    assert_eq!(written, Vec::<&String>::new(), "an observation writes nothing");
    assert_eq!(aws.describe("demo", "managed-ng-1").await.unwrap()["scalingConfig"]["desiredSize"], 1);

    daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await;
    daemon.wait_until_gone("managed-ng-1").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_refusal_of_the_cloud_is_told_with_its_class_and_the_next_try() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let quota = "Maximum number of nodegroups (30) reached for cluster demo";
    aws.rule(&json!({"action": "CreateNodegroup", "fail": {"status": 400, "code": "ResourceLimitExceededException", "message": quota}}))
        .await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    daemon.apply(&seed_yaml(&subnets)).await;
    let failed = daemon.wait_for_phase("managed-ng-1", "Failed").await;
    let status = &failed["status"];
    assert_eq!(status["failureReason"], "quota");
    let message = status["failureMessage"].as_str().unwrap();
    assert!(message.contains(quota) && message.contains("raise the quota"), "{message}");
    assert!(status["nextRetryAt"].is_string());
    assert_eq!(aws.describe("demo", "managed-ng-1").await, None);

    daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await;
    daemon.wait_until_gone("managed-ng-1").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_eks_says_of_a_creation_that_failed_stands_in_the_status() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let sentence = "Instances failed to join the kubernetes cluster";
    aws.rule(&json!({"create_failed": {"code": "NodeCreationFailure", "message": sentence}})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    daemon.apply(&seed_yaml(&subnets)).await;
    let failed = daemon.wait_for_phase("managed-ng-1", "Failed").await;
    let status = &failed["status"];
    let issues = json!([{"code": "NodeCreationFailure", "message": sentence, "resourceIds": ["managed-ng-1"]}]);
    assert_eq!(status["healthIssues"], issues, "{status}");
    assert_eq!((&status["failureReason"], status.get("nextRetryAt")), (&json!("configuration"), None));
    let run = daemon.run(status["latestRun"]["id"].as_str().unwrap()).await;
    assert_eq!(run["failure"]["healthIssues"], issues, "{run}");

    daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await;
    daemon.wait_until_gone("managed-ng-1").await;
    daemon.stop().await;
}
