//! When a try is made, when none is, and what brings the next one at once. The real Terraform; the real AWS provider where
//! the cloud matters.

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::captd;
use crate::local::seed_yaml;
use crate::support::{Daemon, FakeAws, Setup, requires, until};

/// What fails is tried again in ten minutes at the soonest.
const SLOW: &str = "[reconcile]\nretry_base_seconds = 600\nretry_cap_seconds = 600\n";

const PROVISIONERS: &str = "[templates]\nallow_provisioners = true\n";

async fn upload(daemon: &Daemon, name: &str, text: &str) {
    let body = json!({"spec": {"files": {"main.tf": text}}});
    let answer = daemon.put(&format!("/v1/namespaces/default/templates/{name}"), &body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

async fn declare(daemon: &Daemon, name: &str, template: &str, variables: Value) {
    let body = json!({"metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": template}, "variables": variables}});
    let answer = daemon.post("/v1/namespaces/default/workspaces", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn failed(daemon: &Daemon, path: &str) -> Value {
    let ask = async || Some(daemon.get(path).await.json()).filter(|it| it["status"]["failureReason"].is_string());
    until(&format!("{path} failed"), ask).await
}

fn workspace(name: &str) -> String {
    format!("/v1/namespaces/default/workspaces/{name}")
}

fn machine(name: &str) -> String {
    format!("/v1/namespaces/default/machines/{name}")
}

/// A person's LOCK or UNLOCK, as Terraform says it.
async fn by_hand(daemon: &Daemon, name: &str, method: &str) -> u16 {
    let workspace = daemon.runs(name).await[0]["workspace"].as_str().unwrap().to_owned();
    let url = format!("{}/state/v1/workspaces/{workspace}", daemon.base());
    let lock = json!({"ID": format!("mine-{name}"), "Operation": "OperationTypeApply", "Who": "kim@laptop"});
    let request = Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    let answer = request.basic_auth("ops", Some(daemon.token())).body(lock.to_string()).send().await.unwrap();
    answer.status().as_u16()
}

fn condition<'a>(resource: &'a Value, name: &str) -> Option<&'a Value> {
    resource["status"]["conditions"].as_array().unwrap().iter().find(|it| it["type"] == name)
}

#[tokio::test]
async fn a_lock_that_a_person_holds_is_waited_for_and_costs_no_try() {
    if !requires("terraform") {
        return;
    }
    let config = "[reconcile]\nretries_max = 0\nretry_base_seconds = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let names = ["scaled", "deleted", "idle", "planned"];
    daemon.apply(&names.map(|name| seed_yaml(name, 1)).concat()).await;
    for name in names {
        daemon.wait_until_ready(name).await;
        let lock = async || (by_hand(&daemon, name, "LOCK").await == 200).then_some(());
        until("no look has the lock", lock).await;
    }
    let run_of = async |name: &str| daemon.runs(name).await.iter().filter(|run| run["kind"] != "refresh").count();
    let scale = daemon.post(&format!("{}/scale", machine("scaled")), &json!({"desiredSize": 2})).await;
    assert_eq!(scale.status, 200, "no run begins: {}", scale.text);
    assert_eq!(daemon.delete(&machine("deleted")).await.status, 202);
    for verb in ["plan", "retry"] {
        let refused = daemon.post(&format!("{}/{verb}", machine("planned")), &json!({})).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(refused.text.contains("ops") && refused.text.contains("captd state unlock"), "{}", refused.text);
    }
    let refused = daemon.delete(&format!("{}?abandon=true", machine("idle"))).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("locked")), "{}", refused.text);
    assert!(refused.text.contains("captd state unlock"), "{}", refused.text);
    for (name, phase) in [("scaled", "Waiting"), ("deleted", "Deleting"), ("idle", "Ready"), ("planned", "Ready")] {
        let found = daemon.wait_for_phase(name, phase).await;
        let locked = condition(&found, "StateLocked").unwrap_or_else(|| panic!("{name}: {found}"));
        assert!(locked["message"].as_str().unwrap().contains("kim@laptop"), "{locked}");
        let waits = condition(&found, "Waiting").map(|waiting| waiting["reason"].clone());
        assert_eq!(waits, ["scaled", "deleted"].contains(&name).then(|| json!("StateLocked")), "{found}");
        let why = found["status"].get("failureReason").cloned();
        assert_eq!(why, ["scaled", "deleted"].contains(&name).then(|| json!("lock")), "{found}");
    }
    // Rounds of the reconciler go by; none begins anything.
    for _ in 0..2 {
        let seen = daemon.get("/v1/runs?state=failed").await.json()["items"].as_array().unwrap().len();
        assert_eq!(seen, 0);
        assert_eq!((run_of("scaled").await, run_of("deleted").await), (1, 1));
    }
    captd(&daemon, "state unlock scaled").with_code(0);
    assert_eq!(by_hand(&daemon, "deleted", "UNLOCK").await, 200);
    assert_eq!(daemon.wait_until_ready("scaled").await["status"]["currentSize"], 2);
    daemon.wait_until_gone("deleted").await;
    for name in ["scaled", "deleted"] {
        let newest = daemon.runs(name).await.into_iter().find(|run| run["kind"] != "refresh").unwrap();
        assert_eq!((&newest["attempt"], &newest["state"]), (&json!(1), &json!("succeeded")), "{newest}");
    }
    for name in ["idle", "planned"] {
        assert_eq!(by_hand(&daemon, name, "UNLOCK").await, 200);
    }
    daemon.stop().await;
}

/// Fails while it is made, for a reason that captd does not know, where `v` is `bad`.
const FAILING: &str = r#"variable "v" { type = string }
resource "terraform_data" "it" {
  input            = var.v
  triggers_replace = [var.v]
  provisioner "local-exec" {
    command     = "if [ \"$V\" = bad ]; then echo something that nobody has seen before >&2; exit 1; fi"
    environment = { V = var.v }
  }
}
output "it" { value = terraform_data.it.output }
"#;

#[tokio::test]
async fn what_mends_the_world_brings_the_next_try_at_once() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: format!("{SLOW}{PROVISIONERS}") });
    let broken = FAILING.replace("= bad", "!= x");
    upload(&daemon, "pushed", &broken).await;
    upload(&daemon, "rolled-back", FAILING).await;
    let first = daemon.get("/v1/namespaces/default/templates/rolled-back").await.json()["revision"].clone();
    upload(&daemon, "rolled-back", &broken).await;
    upload(
        &daemon,
        "secret",
        &FAILING
            .replace("type = string", "\n  type = string\n  sensitive = true\n")
            .replace("value = terraform_data.it.output", "value = 1"),
    )
    .await;
    upload(&daemon, "failing", FAILING).await;
    upload(&daemon, "base", "variable \"v\" { type = string }\noutput \"it\" { value = var.v }\nresource \"terraform_data\" \"it\" { input = var.v }\n").await;
    let secret = "/v1/namespaces/default/secrets/word";
    assert_eq!(daemon.put(secret, &json!({"spec": {"data": {"value": "bad"}}})).await.status, 201);
    declare(&daemon, "base", "base", json!({"v": "bad"})).await;
    declare(&daemon, "pushed", "pushed", json!({"v": "good"})).await;
    declare(&daemon, "rolled-back", "rolled-back", json!({"v": "good"})).await;
    declare(&daemon, "secret", "secret", json!({"v": {"valueFrom": {"secret": "word", "key": "value"}}})).await;
    declare(&daemon, "input", "failing", json!({"v": {"valueFrom": {"workspace": "base", "output": "it"}}})).await;
    declare(&daemon, "edited", "failing", json!({"v": "bad"})).await;
    let all = ["pushed", "rolled-back", "secret", "input", "edited"];
    for name in all {
        let failed = failed(&daemon, &workspace(name)).await;
        assert_eq!(failed["status"]["failureReason"], "provider", "what nobody knows is no defect of captd: {failed}");
        assert!(failed["status"]["nextRetryAt"].is_string(), "it is recorded, so a try is safe: {failed}");
    }
    upload(&daemon, "pushed", FAILING).await;
    let back = daemon.post("/v1/namespaces/default/templates/rolled-back/rollback", &json!({"revision": first})).await;
    assert!(back.status.is_success(), "{}", back.text);
    assert_eq!(daemon.put(secret, &json!({"spec": {"data": {"value": "good"}}})).await.status, 200);
    let good = json!({"spec": {"variables": {"v": "good"}}});
    for name in ["base", "edited"] {
        assert_eq!(daemon.patch(&workspace(name), &good).await.status, 200);
    }
    for name in all {
        daemon.wait_for_workspace(name).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_never_made_may_be_declared_elsewhere() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(Setup { config: PROVISIONERS.to_owned() });
    upload(
        &daemon,
        "wrong",
        "variable \"v\" { type = string }\nresource \"terraform_data\" \"it\" { input = tonumber(var.v) }\n",
    )
    .await;
    upload(&daemon, "right", FAILING).await;
    for name in ["never", "made"] {
        declare(&daemon, name, if name == "never" { "wrong" } else { "right" }, json!({"v": "word"})).await;
    }
    let told = failed(&daemon, &workspace("never")).await;
    assert_eq!(told["status"]["failureReason"], "configuration", "{told}");
    daemon.wait_for_workspace("made").await;
    let moved = daemon.patch(&workspace("never"), &json!({"spec": {"workspaceTemplateRef": {"name": "right"}}})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    daemon.wait_for_workspace("never").await;
    for name in ["never", "made"] {
        let moved = daemon.patch(&workspace(name), &json!({"spec": {"workspaceTemplateRef": {"name": "wrong"}}})).await;
        assert_eq!(
            (moved.status.as_u16(), moved.pointers()),
            (422, vec!["/spec/workspaceTemplateRef/name".to_owned()])
        );
    }
    daemon.stop().await;
}

/// A machine of the fake AWS whose role exists.
fn nodes(name: &str, subnets: &[String], more: &Value) -> Value {
    let mut spec = json!({
        "workspaceTemplateRef": {"name": "eks-nodegroup-template"}, "clusterName": "demo",
        "nodeGroupConfig": {"name": name, "instanceType": "t3.medium", "subnetIds": subnets,
            "nodeRoleArn": "arn:aws:iam::123456789012:role/demo-eu-central-1-node",
            "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn what_may_have_been_made_and_cannot_be_looked_for_waits_for_a_person() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let config = format!("{}[reconcile]\nretry_base_seconds = 1\nretry_cap_seconds = 1\n", aws.config());
    let daemon = Daemon::start_with(Setup { config });
    let error = json!({"status": 400, "code": "SomethingNew", "message": "nobody has seen this before"});
    // What has import ids is looked for, and what was refused was not made.
    aws.rule(&json!({"action": "CreateNodegroup", "fail_after": error, "times": 1})).await;
    daemon.post("/v1/namespaces/default/machines", &nodes("found", &subnets, &json!({}))).await;
    daemon.wait_until_ready("found").await;
    assert_eq!(aws.actions().await.iter().filter(|action| *action == "CreateNodegroup").count(), 1);

    aws.rule(&json!({"action": "CreateVpc", "fail_after": error, "times": 1})).await;
    aws.rule(&json!({"action": "CreateVpc", "fail": {"status": 400, "code": "VpcLimitExceeded"}, "times": 1})).await;
    // That something else is there already is no reason to make a second one of what may have been made.
    let exists = json!({"status": 400, "code": "SomethingDuplicate", "message": "this one already exists"});
    aws.rule(&json!({"action": "AllocateAddress", "fail": exists, "times": 1})).await;
    let variables = json!({"name": "net", "cluster_name": "demo", "zones": ["eu-central-1a", "eu-central-1b"]});
    let body = json!({"metadata": {"name": "net"},
        "spec": {"workspaceTemplateRef": {"name": "vpc-template"}, "variables": variables}});
    assert_eq!(daemon.post("/v1/namespaces/default/workspaces", &body).await.status, 201);
    let waits = until("it waits for a person", async || {
        let found = daemon.get(&workspace("net")).await.json();
        found["status"]["failureMessage"].as_str().is_some_and(|it| it.contains("importIds")).then_some(found)
    })
    .await;
    let message = waits["status"]["failureMessage"].as_str().unwrap();
    for part in ["module.vpc.aws_vpc.this", "SomethingNew", "already exists", "captd retry"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(waits["status"].get("nextRetryAt"), None, "{waits}");
    // Neither a reload nor the time that goes by is a person's word.
    kill_process(Pid::from_raw(i32::try_from(daemon.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
    until("it was read again", async || daemon.log().contains("read again").then_some(())).await;
    let made = async || aws.actions().await.iter().filter(|action| *action == "CreateVpc").count();
    assert_eq!(made().await, 1, "it was made once");
    captd(&daemon, "retry workspace/net").with_code(0);
    daemon.wait_for_workspace("net").await;
    assert_eq!(made().await, 3, "a person has said so, and what was refused is tried by itself");

    // It is made, and terraform has said so, but no state that has it came before all were killed.
    aws.rule(&json!({"action": "CreateSubnet", "hang_seconds": 600})).await;
    let lost = String::from_utf8(serde_json::to_vec(&body).unwrap()).unwrap().replace("\"net\"", "\"lost\"");
    let lost = daemon.post("/v1/namespaces/default/workspaces", &serde_json::from_str(&lost).unwrap()).await;
    assert_eq!(lost.status, 201, "{}", lost.text);
    let run = lost.json()["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let folder = daemon.dir().join("data/runs").join(&run).join("4-apply");
    let said = || std::fs::read_to_string(folder.join("stdout.log")).unwrap_or_default();
    until("the network is made", async || said().contains("aws_vpc.this: Creation complete").then_some(())).await;
    for file in ["supervisor.json", "terraform.json"] {
        let noted: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        let pid = Pid::from_raw(i32::try_from(noted["pid"].as_i64().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    aws.behave().await;
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!((&ended["state"], &ended["failure"]["class"]), (&json!("failed"), &json!("limit")), "{ended}");
    assert!(ended["failure"]["remedy"].as_str().unwrap().contains("module.vpc.aws_vpc.this"), "{ended}");
    assert_eq!(made().await, 4, "no rescue has made it twice");
    let said = captd(&daemon, "delete workspace/lost --abandon --yes").with_code(0);
    assert!(said.out.contains("module.vpc.aws_vpc.this"), "what may exist is named: {said:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_reload_a_corrected_region_and_a_repeated_import_go_on_at_once() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let role = "arn:aws:iam::123456789012:role/demo-eu-central-1-node";
    for name in ["taken", "left"] {
        let body = json!({"nodegroupName": name, "nodeRole": role, "subnets": subnets, "instanceTypes": ["t3.medium"],
            "labels": {"pool": "web"}, "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1}});
        aws.create_node_group("demo", &body).await;
    }
    let late = aws.config().replace(".default]", ".late]");
    let unreachable = late.replace(aws.url(), "http://127.0.0.1:9");
    let daemon = Daemon::start_with(Setup { config: format!("{}{unreachable}{SLOW}", aws.config()) });
    let post = async |body: &Value| {
        let answer = daemon.post("/v1/namespaces/default/machines", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    };
    post(&nodes("late", &subnets, &json!({"providerConfigRef": {"name": "late"}}))).await;
    post(&nodes("elsewhere", &subnets, &json!({"region": "us-east-1"}))).await;
    let import = json!({"import": {}});
    post(&nodes("taken", &subnets, &import)).await;
    post(&nodes("left", &subnets, &import)).await;
    for (name, class) in
        [("late", "network"), ("elsewhere", "configuration"), ("taken", "configuration"), ("left", "configuration")]
    {
        assert_eq!(failed(&daemon, &machine(name)).await["status"]["failureReason"], class, "{name}");
    }
    // The region was corrected: the cloud had refused to make anything in the other one.
    let corrected = daemon.patch(&machine("elsewhere"), &json!({"spec": {"region": "eu-central-1"}})).await;
    assert_eq!(corrected.status, 200, "{}", corrected.text);
    daemon.wait_until_ready("elsewhere").await;
    let moved = daemon.patch(&machine("elsewhere"), &json!({"spec": {"region": "us-east-1"}})).await;
    assert_eq!(moved.status, 422, "now it is made: {}", moved.text);

    let said = captd(
        &daemon,
        "import machine/taken --id demo:taken --accept-changes module.nodegroup.aws_eks_node_group.this --wait",
    );
    said.with_code(3);
    captd(&daemon, "approve taken --wait").with_code(0);
    let said = captd(&daemon, "delete left --wait").with_code(0);
    assert!(said.err.contains("never in force") && said.err.contains("stays there as it is"), "{said:?}");
    assert!(aws.describe("demo", "left").await.is_some());

    std::fs::write(daemon.dir().join("captd.toml"), format!("{}{late}{SLOW}", aws.config())).unwrap();
    kill_process(Pid::from_raw(i32::try_from(daemon.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
    daemon.wait_until_ready("late").await;
    daemon.stop().await;
}
