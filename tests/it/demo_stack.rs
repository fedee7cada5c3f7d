//! A whole cluster on the built-in templates: network, control plane, Fargate profiles, node groups.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::{captd, type_in};
use crate::support::{Daemon, FakeAws, Setup, requires};

/// When a run of this owner began and ended.
async fn span(daemon: &Daemon, owner: &str, kind: &str) -> (String, String) {
    let runs = daemon.get(&format!("/v1/runs?{owner}")).await.json();
    let run = runs["items"].as_array().unwrap().iter().find(|run| run["kind"] == kind).cloned();
    let run = run.unwrap_or_else(|| panic!("no {kind} run of {owner} in {runs}"));
    let time = |field: &str| run[field].as_str().unwrap().to_owned();
    (time("startedAt"), time("finishedAt"))
}

#[tokio::test]
async fn the_example_is_made_by_two_commands_and_without_a_cloud() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let file = daemon.dir().join("demo-stack.yaml");
    let written = captd(&daemon, &format!("init demo-stack -o {}", file.display())).with_code(0).out;
    assert!(written.contains("--wait makes it"), "{written}");
    let again = captd(&daemon, &format!("init demo-stack -o {}", file.display())).with_code(1).err;
    assert!(again.contains("is there already, and stays as it is"), "{again}");
    captd(&daemon, &format!("apply -f {} --wait", file.display())).with_code(0);

    let network = daemon.get("/v1/namespaces/default/workspaces/network").await.json()["status"]["outputs"].clone();
    let subnets = network["private_subnet_ids"].as_array().unwrap().clone();
    assert_eq!(subnets.len(), 2);
    let cluster = daemon.get("/v1/namespaces/default/workspaces/cluster").await.json()["status"]["outputs"].clone();
    assert_eq!((&cluster["cluster_name"], &cluster["status"]), (&json!("demo"), &json!("ACTIVE")));
    assert_eq!(cluster.get("kubeconfig"), None, "it is sensitive");
    assert_eq!(daemon.machine("spot").await["status"]["currentSize"], 3);
    let drawn = captd(&daemon, "graph").with_code(0).out;
    let expected = "workspace/network  Ready
├─ workspace/cluster  Ready
│  ├─ workspace/fargate-system  Ready
│  ├─ machine/general  Ready
│  └─ machine/spot  Ready
├─ workspace/fargate-system  Ready
├─ machine/general  Ready
└─ machine/spot  Ready
";
    assert_eq!(drawn, expected);
    captd(&daemon, "delete workspace/network --cascade --wait").with_code(0);
    let left = daemon.get("/v1/namespaces/default").await.json();
    assert_eq!((&left["status"]["machines"], &left["status"]["workspaces"]), (&json!(0), &json!(0)));
    daemon.stop().await;
}

fn workspace(name: &str, template: &str, variables: &Value) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": template}, "variables": variables}})
}

fn from(workspace: &str, output: &str) -> Value {
    json!({"valueFrom": {"workspace": workspace, "output": output}})
}

fn fargate(name: &str) -> Value {
    let variables = json!({
        "profile_name": name, "selectors": [{"namespace": name, "labels": {"on": "fargate"}}],
        "cluster_name": from("cluster", "cluster_name"), "subnet_ids": from("network", "private_subnet_ids"),
    });
    workspace(&format!("fargate-{name}"), "eks-fargate-profile-template", &variables)
}

fn nodes(name: &str, desired: u32) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name}, "spec": {
        "clusterName": "demo",
        "waitFor": [{"workspace": "cluster"}],
        "variables": {"subnet_ids": from("network", "private_subnet_ids")},
        "nodeGroupConfig": {"name": name, "instanceType": "t3.medium",
            "scaling": {"minSize": 1, "maxSize": 5, "desiredSize": desired}}}})
}

/// The whole stack, those that need before what they need.
fn stack() -> String {
    let entry = json!({"principal_arn": "arn:aws:iam::123456789012:role/teams/admins",
        "policies": {"admin": {"policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}}});
    let cluster = json!({
        "cluster_name": "demo", "kubernetes_version": "1.33", "log_types": ["audit"],
        "subnet_ids": from("network", "private_subnet_ids"),
        "addons": {"vpc-cni": {}, "coredns": {"version": "v1.11.4-eksbuild.2"}}, "access_entries": {"admins": entry},
    });
    let network = json!({"name": "demo", "cluster_name": "demo", "zones": ["eu-central-1a", "eu-central-1b"]});
    let documents = [
        nodes("general", 2),
        nodes("spot", 1),
        fargate("system"),
        fargate("batch"),
        workspace("cluster", "eks-controlplane-template", &cluster),
        workspace("network", "vpc-template", &network),
    ];
    documents.map(|document| document.to_string()).join("\n---\n")
}

#[tokio::test]
async fn a_stack_on_aws_goes_up_in_order_and_down_in_reverse_and_leaves_nothing() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let before = aws.left().await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    type_in(&daemon, "apply -f - --wait", &stack()).with_code(0);

    let network = daemon.get("/v1/namespaces/default/workspaces/network").await.json()["status"]["outputs"].clone();
    let there = aws.left().await;
    assert_eq!(there["clusters"], json!(["demo"]));
    assert_eq!(there["vpcs"], json!([network["vpc_id"]]));
    let set = |ids: &Value| -> BTreeSet<String> { serde_json::from_value(ids.clone()).unwrap() };
    for name in ["general", "spot"] {
        let subnets = aws.describe("demo", name).await.unwrap()["subnets"].clone();
        assert_eq!(set(&subnets), set(&network["private_subnet_ids"]), "{name}");
    }
    let cluster = daemon.get("/v1/namespaces/default/workspaces/cluster").await.json()["status"]["outputs"].clone();
    assert_eq!(there["oidc_providers"], json!([cluster["oidc_provider_arn"]]));
    let made = ["workspace=network", "workspace=cluster", "workspace=fargate-system", "machine=general"];
    let mut spans = Vec::new();
    for owner in made {
        spans.push(span(&daemon, owner, "apply").await);
    }
    assert!(spans[0].1 <= spans[1].0 && spans[1].1 <= spans[2].0 && spans[1].1 <= spans[3].0, "{spans:?}");
    // A look at what is in force has nothing to change.
    for owner in ["workspace/network", "workspace/cluster", "workspace/fargate-batch", "machine/general"] {
        captd(&daemon, &format!("plan {owner} --detailed-exitcode")).with_code(0);
    }

    captd(&daemon, "scale general --desired 4 --wait").with_code(0);
    assert_eq!(aws.describe("demo", "general").await.unwrap()["scalingConfig"]["desiredSize"], 4);

    captd(&daemon, "delete workspace/network --cascade --wait").with_code(0);
    let mut spans = Vec::new();
    for owner in made {
        spans.push(span(&daemon, owner, "destroy").await);
    }
    assert!(spans[3].1 <= spans[1].0 && spans[2].1 <= spans[1].0 && spans[1].1 <= spans[0].0, "{spans:?}");
    assert_eq!(aws.left().await, before, "nothing is left");
    let allowed = allowed("vpc-template eks-controlplane-template eks-fargate-profile-template eks-nodegroup-template");
    assert_eq!(not_allowed(&aws, &allowed).await, BTreeSet::new());
    daemon.stop().await;
}

/// The actions of the policy that captd prints for these templates.
pub fn allowed(templates: &str) -> BTreeSet<String> {
    let printed = Command::new(env!("CARGO_BIN_EXE_captd"))
        .arg("iam-policy")
        .args(templates.split_whitespace())
        .output()
        .unwrap();
    let policy: Value = serde_json::from_slice(&printed.stdout).unwrap();
    serde_json::from_value(policy["Statement"][0]["Action"].clone()).unwrap()
}

/// What captd's terraforms called that the policy does not allow; whoever signs in may ask who he is.
pub async fn not_allowed(aws: &FakeAws, allowed: &BTreeSet<String>) -> BTreeSet<String> {
    let calls = aws.calls().await;
    let called =
        calls.iter().filter_map(|call| Some(format!("{}:{}", call["service"].as_str()?, call["action"].as_str()?)));
    called.filter(|action| action != "sts:GetCallerIdentity" && !allowed.contains(action)).collect()
}

#[test]
fn a_policy_is_printed_for_built_in_templates_that_need_aws() {
    let all = allowed("");
    assert!(all.contains("eks:CreateNodegroup") && all.contains("autoscaling:CreateAutoScalingGroup"), "{all:?}");
    let one = allowed("vpc-template");
    assert!(one.iter().all(|action| action.starts_with("ec2:")), "{one:?}");
    let wrong = Command::new(env!("CARGO_BIN_EXE_captd")).args(["iam-policy", "local-vpc-template"]).output().unwrap();
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        wrong.status.code() == Some(1) && said.contains("no built-in template that needs AWS; there are eks-"),
        "{said}"
    );
}
