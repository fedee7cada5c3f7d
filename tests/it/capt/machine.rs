//! The two examples with which CAPT's machines began, on the real AWS provider against the fake AWS, with the stand-in
//! for the module that they name.

use serde_json::{Value, json};

use super::forms::{FIRST, NODE_GROUP};
use crate::cli::{captd, type_in};
use crate::support::{Daemon, FakeAws, Setup, requires};

#[tokio::test]
async fn the_first_examples_of_capt_become_a_node_group_that_scales() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let mirror =
        format!("[modules.mirror.\"{NODE_GROUP}\"]\nmodule = \"eks-managed-node-group\"\nversion = \"20.37.2\"\n");
    let daemon = Daemon::start_with(Setup { config: aws.config() + &mirror });
    let role = "arn:aws:iam::123456789012:role/demo-eu-central-1-node";
    let defaults = json!({"clusterName": "demo", "subnetIds": subnets, "nodeRoleArn": role});
    daemon.put("/v1/namespaces/default", &json!({"spec": {"defaults": defaults}})).await;

    let said = type_in(&daemon, "apply -f - --wait", FIRST).with_code(0);
    assert!(
        said.err.contains("note: standard input, document 2: /metadata/name: the template has no name"),
        "{said:?}"
    );
    let there = aws.describe("demo", "managed-ng-1").await.unwrap();
    assert_eq!(there["scalingConfig"], json!({"minSize": 1, "maxSize": 3, "desiredSize": 2}));
    assert_eq!((&there["instanceTypes"], &there["nodeRole"]), (&json!(["t3.medium"]), &json!(role)));
    captd(&daemon, "scale managed-ng-1 --desired 3 --wait").with_code(0);
    assert_eq!(aws.describe("demo", "managed-ng-1").await.unwrap()["scalingConfig"]["desiredSize"], 3);

    // Said again it is what it is.
    let again = type_in(&daemon, "apply -f -", FIRST).with_code(0).out;
    assert!(again.contains("workspacetemplate/default/eks-nodegroup-template unchanged"), "{again}");
    let rendered =
        captd(&daemon, "template show eks-nodegroup-template --rendered --provider-config default").with_code(0).out;
    assert!(rendered.contains("cluster_name = var.cluster_name"), "nothing is hidden: {rendered}");
    captd(&daemon, "delete managed-ng-1 --wait").with_code(0);
    assert_eq!(aws.describe("demo", "managed-ng-1").await, None);
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_of_capt_goes_from_request_to_outputs() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let text = r#"
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: greeting}
spec:
  template:
    spec:
      writeConnectionSecretToRef: {name: "${WORKSPACE_NAME}-out", namespace: default}
      forProvider:
        module: |
          variable "times" { type = number }
          resource "terraform_data" "it" { input = "${greeting} from ${WORKSPACE_NAME}, ${var.times} times" }
          output "said" { value = terraform_data.it.output }
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplateApply
metadata: {name: hello-apply}
spec:
  templateRef: {name: greeting}
  variables: {greeting: "good \"day\" ${x}", times: "3"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
"#;
    let refused = type_in(&daemon, "apply -f -", text).with_code(1).err;
    assert!(refused.contains("document 3: /kind") && refused.contains("--skip-unknown-kinds"), "{refused}");
    let said = type_in(&daemon, "apply -f - --skip-unknown-kinds --wait", text).with_code(0);
    assert!(said.err.contains("passed over: standard input, document 3: the kind Deployment of apps/v1"), "{said:?}");
    let outputs = daemon.get("/v1/namespaces/default/workspaces/hello").await.json()["status"]["outputs"].clone();
    assert_eq!(outputs["said"], "good \"day\" ${x} from hello, 3 times");
    let secret = daemon.get("/v1/namespaces/default/secrets/hello-out").await.json();
    assert_eq!(secret["status"]["keys"], json!(["said"]));
    let converted = type_in(&daemon, "convert -f - --skip-unknown-kinds", text).with_code(0).out;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&converted).unwrap();
    assert_eq!(documents[1]["spec"]["variables"]["times"], json!(3), "{converted}");
    type_in(&daemon, "apply -f -", &converted).with_code(0);
    captd(&daemon, "delete workspace/hello --wait").with_code(0);
    daemon.stop().await;
}

const GREETING: &str = r#"
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: greeting}
spec:
  template:
    spec:
      writeConnectionSecretToRef: {name: "${WORKSPACE_NAME}-out", namespace: shop}
      forProvider:
        module: output "said" { value = "good day" }
"#;

/// An apply in the namespace `home`, of the template of another.
fn greeting(home: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: WorkspaceTemplateApply\n\
         metadata: {{name: {name}-apply, namespace: {home}}}\n\
         spec: {{templateRef: {{name: greeting, namespace: shop}}{spec}}}\n"
    )
}

#[tokio::test]
async fn an_apply_waits_for_whoever_writes_its_secret_and_sees_nothing_of_others() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    for namespace in ["shop", "office"] {
        daemon.put(&format!("/v1/namespaces/{namespace}"), &json!({"spec": {}})).await;
    }
    type_in(&daemon, "-n shop apply -f -", GREETING).with_code(0);
    type_in(&daemon, "apply -f - --wait", &greeting("shop", "first", "")).with_code(0);
    let second = greeting("shop", "second", ", waitForSecrets: [{name: first-out, namespace: shop}]");
    let converted: Value = serde_saphyr::from_str(&type_in(&daemon, "convert -f -", &second).with_code(0).out).unwrap();
    assert_eq!(
        converted["spec"]["waitFor"],
        json!([{"workspace": "first"}]),
        "the secret is there, and may be rewritten"
    );

    let foreign = type_in(&daemon, "convert -f -", &greeting("office", "third", "")).with_code(1).err;
    assert!(foreign.contains("there is no template `greeting` in namespace shop"), "{foreign}");
    daemon.stop().await;
}
