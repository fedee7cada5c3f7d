//! Node groups that somebody else has made: taken over as they are, and handed over again. The real Terraform and the
//! real AWS provider against the fake AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{captd, type_in};
use crate::support::{Daemon, FakeAws, Setup, local_machine, requires, terraform};

const ROLE: &str = "arn:aws:iam::123456789012:role/demo-eu-central-1-node";

/// A node group with what most have, and `more`.
fn node_group(name: &str, subnets: &[String], more: &Value) -> Value {
    let mut body = json!({
        "nodegroupName": name, "nodeRole": ROLE, "subnets": subnets, "instanceTypes": ["t3.medium"],
        "scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 2},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// Three of them, as different as they may be.
async fn made_by_hand(aws: &FakeAws) {
    let subnets = aws.seed("demo").await;
    aws.create_node_group("demo", &node_group("workers", &subnets, &json!({}))).await;
    let spot = json!({
        "capacityType": "SPOT", "instanceTypes": ["m5.large", "m5a.large"], "diskSize": 80,
        "labels": {"pool": "batch"}, "tags": {"team": "data"},
        "taints": [{"key": "batch", "value": "only", "effect": "NO_SCHEDULE"}],
        "updateConfig": {"maxUnavailablePercentage": 30},
    });
    aws.create_node_group("demo", &node_group("Batch_Spot", &subnets, &spot)).await;
    let arm = json!({"amiType": "AL2023_ARM_64_STANDARD", "instanceTypes": ["m7g.large"], "nodeRepairConfig": {"enabled": true}});
    aws.create_node_group("demo", &node_group("arm", &subnets, &arm)).await;
}

#[tokio::test]
async fn what_a_launch_template_and_a_key_pair_say_is_taken_over_too() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let launch_template = aws.create_launch_template("nodes").await;
    let mut body =
        node_group("templated", &subnets, &json!({"launchTemplate": {"id": launch_template, "version": "1"}}));
    body.as_object_mut().unwrap().remove("instanceTypes");
    aws.create_node_group("demo", &body).await;
    let ssh = json!({"remoteAccess": {"ec2SshKey": "ops"}});
    aws.create_node_group("demo", &node_group("reachable", &subnets, &ssh)).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    for name in ["templated", "reachable"] {
        captd(&daemon, &format!("import {name} --id demo:{name} --wait")).with_code(3);
        captd(&daemon, &format!("approve {name} --wait")).with_code(0);
        captd(&daemon, &format!("plan {name} --detailed-exitcode")).with_code(0);
    }
    assert_eq!(changes(&aws).await, tags_of(&["templated", "reachable"]));
    let spec = daemon.machine("templated").await["spec"]["nodeGroupConfig"].clone();
    assert_eq!(spec["launchTemplate"], json!({"id": launch_template, "version": "1"}));
    assert_eq!(spec["diskSize"], Value::Null, "the launch template says it");
    let reachable = daemon.machine("reachable").await;
    assert_eq!(reachable["spec"]["nodeGroupConfig"]["remoteAccess"], json!({"ec2SshKey": "ops", "openToWorld": true}));
    daemon.stop().await;
}

/// What it is but for the tags that say whose it is.
fn untagged(mut group: Value) -> Value {
    let tags = group["tags"].as_object_mut().unwrap();
    tags.retain(|name, _| !name.starts_with("captd:"));
    group["modifiedAt"] = Value::Null;
    group
}

/// What captd's terraforms have changed: which call, and of what. A call whose answer was lost is made again by the
/// provider, which is no change more.
async fn changes(aws: &FakeAws) -> BTreeSet<String> {
    let reads = ["Describe", "List", "Get"];
    let calls = aws.calls().await.into_iter().filter_map(|call| {
        let action = call["action"].as_str()?;
        // Tags are those of an ARN.
        let of_arn = || call["path"].as_str()?.split("nodegroup/demo/").nth(1)?.split('/').next();
        Some(format!("{action} {}", call["about"].as_str().or_else(of_arn).unwrap_or("?")))
    });
    calls.filter(|call| !reads.iter().any(|read| call.starts_with(read))).collect()
}

/// Nothing but the tags of these node groups.
fn tags_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("TagResource {name}")).collect()
}

/// Runs Terraform in a folder as somebody who has no captd, and has providers from where this daemon has them.
fn plain(daemon: &Daemon, folder: &Path, arguments: &[&str]) -> String {
    let output = terraform(folder, arguments)
        .env("TF_CLI_CONFIG_FILE", daemon.dir().join("data/terraform.rc"))
        .env("AWS_ACCESS_KEY_ID", "AKIAPLAIN")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn node_groups_are_taken_over_as_they_are_and_handed_over_again() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    made_by_hand(&aws).await;
    let before = aws.describe("demo", "workers").await.unwrap();
    let daemon = Daemon::start_with(Setup { config: aws.config() });

    let said = captd(&daemon, "import machine/workers --id demo:workers --wait").with_code(3);
    assert!(
        said.out.contains("takes over what exists: module.nodegroup.aws_eks_node_group.this (demo:workers)"),
        "{said:?}"
    );
    assert_eq!(changes(&aws).await, tags_of(&[]), "nothing is touched before a person has said so");
    captd(&daemon, "approve workers --wait").with_code(0);
    assert_eq!(changes(&aws).await, tags_of(&["workers"]), "and then only the tags that say whose it is");
    let after = aws.describe("demo", "workers").await.unwrap();
    assert_eq!(untagged(after.clone()), untagged(before));
    let uid = daemon.machine("workers").await["metadata"]["uid"].clone();
    assert_eq!(after["tags"]["captd:machine"], format!("default/workers/{}", uid.as_str().unwrap()));
    captd(&daemon, "plan workers --detailed-exitcode").with_code(0);

    let file = daemon.dir().join("demo.yaml");
    let line = format!("import --cluster demo --all --out {}", file.display());
    let said = captd(&daemon, &line).with_code(0);
    assert!(
        said.err.contains("passed over: demo:workers is declared here already, as machine default/workers"),
        "{said:?}"
    );
    assert!(said.out.contains("nothing was imported"), "nobody has confirmed it: {said:?}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("name: Batch_Spot\n") && written.contains("diskSize: 80\n"), "for people: {written}");
    captd(&daemon, &format!("apply -f {} --wait", file.display())).with_code(3);
    for name in ["batch-spot", "arm"] {
        captd(&daemon, &format!("approve {name} --wait")).with_code(0);
        captd(&daemon, &format!("plan {name} --detailed-exitcode")).with_code(0);
    }
    assert_eq!(changes(&aws).await, tags_of(&["workers", "Batch_Spot", "arm"]));
    assert_eq!(aws.describe("demo", "Batch_Spot").await.unwrap()["tags"]["team"], "data");

    captd(&daemon, "scale arm --desired 3 --wait").with_code(0);
    assert_eq!(aws.describe("demo", "arm").await.unwrap()["scalingConfig"]["desiredSize"], 3);

    let folder = daemon.dir().join("ejected");
    let said = captd(&daemon, &format!("eject batch-spot --out {}", folder.display())).with_code(0);
    assert!(said.out.contains("machine/default/batch-spot ejected"), "{said:?}");
    daemon.wait_until_gone("batch-spot").await;
    plain(&daemon, &folder, &["init", "-input=false"]);
    let plan = plain(&daemon, &folder, &["plan", "-input=false", "-no-color", "-detailed-exitcode"]);
    assert!(plan.contains("No changes."), "{plan}");
    assert!(aws.describe("demo", "Batch_Spot").await.is_some(), "it goes on");
    daemon.stop().await;
}

/// The declaration that takes one over, changed.
fn declared(name: &str, group: &Value, import: &Value) -> String {
    let mut config = json!({
        "name": name, "nodeRoleArn": ROLE, "instanceType": "t3.medium",
        "scaling": {"minSize": 1, "maxSize": 4, "desiredSize": 2},
    });
    config.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
    let spec = json!({"clusterName": "demo", "nodeGroupConfig": config, "import": import});
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name}, "spec": spec}).to_string()
}

#[tokio::test]
async fn what_an_import_would_do_besides_is_refused_and_may_be_accepted_by_name() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let labels = json!({"labels": {"pool": "web"}, "tags": {"team": "shop"}});
    aws.create_node_group("demo", &node_group("workers", &subnets, &labels)).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });

    let other = json!({"subnetIds": subnets, "labels": {"pool": "batch"}, "tags": {"team": "shop"}});
    daemon.apply(&declared("workers", &other, &json!({}))).await;
    let failed = daemon.wait_for_failure("workers").await;
    let address = "module.nodegroup.aws_eks_node_group.this";
    let change = format!(r#"{address} would be changed: labels.pool from "web" to "batch""#);
    assert!(failed.contains(&change), "{failed}");
    assert!(!failed.contains("team") && failed.contains("import.acceptChanges"), "{failed}");
    let absent = json!({"subnetIds": subnets});
    daemon.apply(&declared("absent", &absent, &json!({}))).await;
    let failed = daemon.wait_for_failure("absent").await;
    assert!(failed.contains(&format!("{address} (demo:absent) does not exist, and would be created")), "{failed}");
    assert_eq!(changes(&aws).await, tags_of(&[]));
    assert_eq!(daemon.delete("/v1/namespaces/default/machines/absent").await.status, 202);

    daemon.apply(&declared("workers", &other, &json!({"acceptChanges": [address]}))).await;
    daemon.wait_for_phase("workers", "AwaitingApproval").await;
    captd(&daemon, "approve workers --wait").with_code(0);
    assert_eq!(aws.describe("demo", "workers").await.unwrap()["labels"], json!({"pool": "batch"}));

    let line = |line: &str, why: &str| {
        let said = captd(&daemon, line);
        assert!(said.err.contains(why), "{line}: {said:?}");
    };
    line("import machine/x --id demo:nope", "there is no node group `demo:nope` in eu-central-1");
    line("import --cluster nowhere --all", "there is no EKS cluster `nowhere` in eu-central-1");
    line("import machine/x --id demo:${file}", "/names/0");
    line("import machine/x --id demo", "a node group is CLUSTER:NAME");
    line("import machine/x", "captd import machine/NAME --id CLUSTER:NODEGROUP");
    line("import workspace/x --id a:b", "import: {ids: {ADDRESS: ID}}");
    line("import machine/x --id demo:workers --provider-config none", "there is no provider configuration `none`");

    // What is declared already is not written over, by whatever name it is found.
    aws.create_node_group("demo", &node_group("Workers", &subnets, &json!({}))).await;
    line("import machine/workers --id demo:Workers", "machine `workers` exists already");
    line("import machine/other --id demo:workers", "demo:workers is declared here already, as machine default/workers");
    let second =
        declared("workers", &json!({"name": "Workers", "subnetIds": subnets}), &json!({"acceptChanges": [address]}));
    let refused = daemon.apply(&second).await;
    assert_eq!(
        (refused.status.as_u16(), refused.pointers()),
        (422, vec!["/0/spec/import".to_owned()]),
        "{}",
        refused.text
    );
    // What is named and does not exist is made by no acceptance.
    daemon.apply(&declared("absent", &absent, &json!({"acceptChanges": [address]}))).await;
    let failed = daemon.wait_for_failure("absent").await;
    assert!(failed.contains("does not exist, and would be created"), "{failed}");
    assert_eq!(aws.describe("demo", "absent").await, None);

    // What another installation has is its own, also for one who does not ask first.
    let theirs = Daemon::start_with(Setup { config: aws.config() });
    let said = captd(&theirs, "import machine/workers --id demo:workers").with_code(1).err;
    assert!(said.contains("demo:workers belongs to machine default/workers/"), "{said}");
    let before = aws.describe("demo", "workers").await.unwrap();
    theirs.apply(&declared("workers", &other, &json!({"acceptChanges": [address]}))).await;
    let failed = theirs.wait_for_failure("workers").await;
    assert!(failed.contains("already exists and belongs to machine default/workers/"), "{failed}");
    assert!(failed.contains("eject it there first") && !failed.contains("delete"), "{failed}");
    assert_eq!(theirs.delete("/v1/namespaces/default/machines/workers").await.status, 202);
    theirs.wait_until_gone("workers").await;
    assert_eq!(aws.describe("demo", "workers").await.unwrap(), before);
    theirs.stop().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_workspace_takes_over_what_its_declaration_or_its_template_names() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let template = |name: &str, main: &str| {
        let spec = json!({"files": {"main.tf": main}});
        json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": name}, "spec": spec})
            .to_string()
    };
    let workspace = |name: &str, template: &str, import: &Value| {
        let spec = json!({"workspaceTemplateRef": {"name": template}, "import": import});
        json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": spec}).to_string()
    };
    let kept = "resource \"terraform_data\" \"kept\" {}\noutput \"id\" {\n  value = terraform_data.kept.id\n}\n";
    let block = format!("import {{\n  to = terraform_data.kept\n  id = \"from-the-template\"\n}}\n{kept}");
    let all = [
        template("kept", kept),
        template("block", &block),
        workspace("declared", "kept", &json!({"ids": {"terraform_data.kept": "from-the-declaration"}})),
        workspace("written", "block", &Value::Null),
    ];
    let said = type_in(&daemon, "apply -f - --wait", &all.join("\n---\n")).with_code(3);
    for (name, id) in [("declared", "from-the-declaration"), ("written", "from-the-template")] {
        assert!(said.out.contains(&format!("takes over what exists: terraform_data.kept ({id})")), "{said:?}");
        captd(&daemon, &format!("approve workspace/{name} --wait")).with_code(0);
        let outputs =
            daemon.get(&format!("/v1/namespaces/default/workspaces/{name}")).await.json()["status"]["outputs"].clone();
        assert_eq!(outputs["id"], id);
    }
    daemon.stop().await;
}

#[tokio::test]
async fn whose_it_is_is_looked_at_again_when_it_is_approved() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.create_node_group("demo", &node_group("workers", &subnets, &json!({}))).await;
    let slow = Daemon::start_with(Setup { config: aws.config() });
    captd(&slow, "import workers --id demo:workers --wait").with_code(3);
    let quick = Daemon::start_with(Setup { config: aws.config() });
    captd(&quick, "import workers --id demo:workers --wait").with_code(3);
    captd(&quick, "approve workers --wait").with_code(0);
    let theirs = aws.describe("demo", "workers").await.unwrap();

    let said = captd(&slow, "approve workers --wait").with_code(1);
    assert!(said.err.contains("already exists and belongs to machine default/workers/"), "{said:?}");
    assert_eq!(aws.describe("demo", "workers").await.unwrap(), theirs);
    assert_eq!(slow.delete("/v1/namespaces/default/machines/workers").await.status, 202);
    slow.wait_until_gone("workers").await;
    assert_eq!(aws.describe("demo", "workers").await.unwrap(), theirs);
    assert_eq!(changes(&aws).await, tags_of(&["workers"]));
    slow.stop().await;
    quick.stop().await;
}

#[tokio::test]
async fn what_exists_stands_in_nobody_s_way_whatever_it_is_called() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let closed = json!({"labels": {"node-role.kubernetes.io/worker": "true"}, "updateConfig": {"maxUnavailable": 9}});
    for (name, more) in
        [("workers", json!({})), ("Workers", closed), ("a_b", json!({})), ("a-b", json!({})), ("arm", json!({}))]
    {
        aws.create_node_group("demo", &node_group(name, &subnets, &more)).await;
    }
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let other = local_machine("arm", 1, &json!({}));
    assert_eq!(daemon.post("/v1/apply?paused=true", &other).await.status, 200);

    let names = async || {
        let asked = json!({"clusterName": "demo"});
        let found = daemon.post("/v1/namespaces/default/discover", &asked).await.json();
        let names = found["items"].as_array().unwrap().iter().map(|it| {
            let text = |pointer: &str| it.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            (text("/declaration/spec/nodeGroupConfig/name"), text("/declaration/metadata/name"))
        });
        names.collect::<BTreeMap<String, String>>()
    };
    let found = names().await;
    assert_eq!(found, names().await, "and the same each time");
    assert_eq!((found["workers"].as_str(), found["a-b"].as_str()), ("workers", "a-b"), "what is called so keeps it");
    for (group, beginning) in [("Workers", "workers-"), ("a_b", "a-b-"), ("arm", "arm-")] {
        let digest = found[group].strip_prefix(beginning).unwrap_or_else(|| panic!("{found:?}"));
        assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{found:?}");
    }

    let file = daemon.dir().join("demo.yaml");
    let said = captd(&daemon, &format!("import --cluster demo --all --yes --out {}", file.display())).with_code(0);
    for place in ["labels/node-role.kubernetes.io~1worker: ", "updateConfig/maxUnavailable: "] {
        let warning = said.err.lines().find(|line| line.starts_with("Warning: ") && line.contains(place));
        assert!(warning.is_some_and(|line| line.contains("It is taken over as it is")), "{said:?}");
    }
    assert_eq!(said.out.matches(" created").count(), 5, "{said:?}");
    let workers = &found["Workers"];
    daemon.wait_for_phase(workers, "AwaitingApproval").await;
    captd(&daemon, &format!("approve {workers} --wait")).with_code(0);
    captd(&daemon, &format!("plan {workers} --detailed-exitcode")).with_code(0);
    assert_eq!(changes(&aws).await, tags_of(&["Workers"]), "nothing else of it was touched");
    // What it has can stay, and all else of it can be edited.
    captd(&daemon, &format!("scale {workers} --desired 3 --wait")).with_code(0);
    for name in found.values() {
        daemon
            .wait_for_machine(name, "its import is planned", |it| {
                it["status"]["phase"] != "Pending" && it["status"]["phase"] != "Provisioning"
            })
            .await;
    }
    daemon.stop().await;
}
