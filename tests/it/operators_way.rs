//! What the operator says of a provider configuration, and the real AWS provider does: its proxy, its certificates, the
//! tags of others.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::captd;
use crate::support::{Daemon, FakeAws, Setup, python, requires, until};

fn machine(name: &str, subnets: &[String], tags: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
            "clusterName": "demo",
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium", "subnetIds": subnets, "tags": tags,
                "scaling": {"minSize": 1, "maxSize": 5, "desiredSize": 1}},
        },
    })
}

/// A proxy that leads every host to the fake AWS; it ends with its standard input.
fn proxy(host: &str, aws: &FakeAws, folder: &Path) -> (Child, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/fake_aws/tls_proxy.py");
    let port = aws.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let mut child = Command::new(python().unwrap())
        .arg(script)
        .args([host, &port])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening ").unwrap().to_owned();
    (child, address)
}

#[tokio::test]
async fn runs_go_by_the_proxy_and_trust_the_certificates_of_their_provider_configuration() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let folder = TempDir::new().unwrap();
    // No resolver knows this host, and nobody else has signed for it.
    let host = "aws.captd.invalid";
    let (mut child, address) = proxy(host, &aws, folder.path());
    let config = aws.config().replace(aws.url(), &format!("https://{host}"));
    let ca_file = folder.path().join("ca.pem");
    for gateway in ["on", "off"] {
        let config = format!("[engine]\ngateway = \"{gateway}\"\n{config}proxy = {address:?}\nca_file = {ca_file:?}\n");
        let daemon = Daemon::start_with(Setup { config });
        let name = format!("gateway-{gateway}");
        let created = daemon.post("/v1/namespaces/default/machines", &machine(&name, &subnets, &json!({}))).await;
        assert_eq!(created.status, 201, "{}", created.text);
        daemon.wait_until_ready(&name).await;
        assert!(aws.describe("demo", &name).await.is_some());
        daemon.stop().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn tags(aws: &FakeAws, name: &str) -> BTreeMap<String, String> {
    serde_json::from_value(aws.describe("demo", name).await.unwrap()["tags"].clone()).unwrap()
}

/// Tags a node group as somebody else does.
async fn tag(aws: &FakeAws, name: &str, key: &str) {
    let mut all = tags(aws, name).await;
    all.insert(key.to_owned(), "of others".to_owned());
    aws.edit("demo", name, json!({"tags": all})).await;
}

fn drifted(machine: &Value) -> bool {
    machine["status"]["conditions"].as_array().unwrap().iter().any(|it| it["type"] == "Drifted")
}

#[tokio::test]
async fn tags_of_others_stay_through_an_edit_and_are_drift_unless_they_are_ignored() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let config = format!(
        "{}ignore_tags = {{keys = [\"Backup\"], key_prefixes = [\"corp:\"]}}\n[reconcile]\nobserve_interval_seconds = 2\n",
        aws.config()
    );
    let daemon = Daemon::start_with(Setup { config });
    let own = json!({"team": "data", "old": "x"});
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &machine("workers", &subnets, &own)).await.status, 201);
    daemon.wait_until_ready("workers").await;
    for key in ["corp:cost", "Backup"] {
        tag(&aws, "workers", key).await;
    }
    let seen = daemon.machine("workers").await["status"]["observedAt"].clone();
    let looked = daemon
        .wait_for_machine("workers", "it is looked at", |m| {
            m["status"]["observedAt"] != seen && !m["status"]["observedAt"].is_null()
        })
        .await;
    assert!(!drifted(&looked), "what is ignored is no drift: {looked}");
    tag(&aws, "workers", "Somebody's/own").await;
    daemon.wait_for_machine("workers", "it has drifted", drifted).await;

    // An edit changes the size, takes away a tag of its own, and leaves those of others.
    let edit = json!({"spec": {"nodeGroupConfig": {"scaling": {"desiredSize": 2}, "tags": {"old": null}}}});
    assert_eq!(daemon.patch("/v1/namespaces/default/machines/workers", &edit).await.status, 200);
    until("it is scaled", async || {
        let group = aws.describe("demo", "workers").await.unwrap();
        (group["scalingConfig"]["desiredSize"] == 2).then_some(())
    })
    .await;
    daemon.wait_until_ready("workers").await;
    let there = tags(&aws, "workers").await;
    for key in ["corp:cost", "Backup", "Somebody's/own", "team"] {
        assert!(there.contains_key(key), "{key}: {there:?}");
    }
    assert!(!there.contains_key("old"), "{there:?}");
    daemon.wait_for_machine("workers", "it is drift still", drifted).await;
    // So does a retry, which puts back all else.
    captd(&daemon, "retry workers --wait").with_code(0);
    assert!(tags(&aws, "workers").await.contains_key("Somebody's/own"));
    let shown =
        captd(&daemon, "template show eks-nodegroup-template --rendered --provider-config default").with_code(0).out;
    assert!(shown.contains("keys         = [\"Backup\"]") && shown.contains("key_prefixes = [\"corp:\"]"), "{shown}");
    daemon.stop().await;
}
