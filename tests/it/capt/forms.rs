//! What each kind becomes.

use std::collections::BTreeMap;

use captd_capt::{Conversion, Mirror, Mirrored, Surroundings, Version, convert};
use serde_json::{Value, json};

/// The two examples with which CAPT's machines began, in one request.
pub const FIRST: &str = r#"apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: CaptMachine
spec:
  workspaceTemplateRef:
    name: eks-nodegroup-template
  nodeGroupConfig:
    name: "managed-ng-1"
    instanceType: "t3.medium"
    scaling:
      minSize: 1
      maxSize: 3
      desiredSize: 2
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
spec:
  template:
    spec:
      module: |
        module "eks_managed_node_group" {
          source = "terraform-aws-modules/eks/aws//modules/eks-managed-node-group"
          # ... node group configuration ...
        }
"#;

pub const NODE_GROUP: &str = "terraform-aws-modules/eks/aws//modules/eks-managed-node-group";

/// A stand-in with a few of the inputs.
pub fn mirror() -> Mirror {
    let main = r#"
variable "name" { type = string }
variable "use_name_prefix" { type = bool }
variable "cluster_name" { type = string }
variable "subnet_ids" { type = list(string) }
variable "min_size" { type = number }
variable "max_size" { type = number }
variable "desired_size" { type = number }
variable "instance_types" { type = list(string) }
variable "disk_size" { type = number }
variable "use_custom_launch_template" { type = bool }
resource "aws_eks_node_group" "this" {}
output "node_group_status" { value = "ACTIVE" }
"#;
    let files = BTreeMap::from([("main.tf".to_owned(), main.to_owned())]);
    let version = Version::parse("20.37.2").unwrap();
    Mirror(BTreeMap::from([(NODE_GROUP.to_owned(), Mirrored { version, files })]))
}

pub fn converted(text: &str) -> Conversion {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    convert(&documents, &Surroundings { namespace: "default".to_owned(), mirror: mirror(), ..Surroundings::default() })
}

/// The declarations, when nothing is wrong.
fn good(text: &str) -> Vec<Value> {
    let conversion = converted(text);
    assert!(conversion.problems.is_empty(), "{}", conversion.problems);
    conversion.documents.into_iter().map(|converted| converted.value).collect()
}

#[test]
fn a_lone_module_gets_what_a_machine_says() {
    let conversion = converted(FIRST);
    assert!(conversion.problems.is_empty(), "{}", conversion.problems);
    let template = &conversion.documents[1].value;
    assert_eq!(template["metadata"], json!({"name": "eks-nodegroup-template"}));
    assert_eq!(template["spec"]["protects"], json!(["module.eks_managed_node_group.aws_eks_node_group.this"]));
    let files = template["spec"]["files"].as_object().unwrap();
    insta::assert_snapshot!(files["main.tf"].as_str().unwrap(), @r#"
    module "eks_managed_node_group" {
      source = "./modules/eks-managed-node-group"
      cluster_name = var.cluster_name
      name = var.node_group_name
      use_name_prefix = false
      instance_types = var.instance_types
      min_size = var.min_size
      max_size = var.max_size
      desired_size = var.desired_size
      subnet_ids = var.subnet_ids
      disk_size = var.disk_size
      use_custom_launch_template = var.disk_size == null
      # ... node group configuration ...
    }
    "#);
    let completed = files["completed.tf"].as_str().unwrap();
    for variable in ["cluster_name", "node_group_name", "instance_types", "min_size", "max_size", "subnet_ids"] {
        assert!(completed.contains(&format!("variable \"{variable}\" {{\n")), "{completed}");
    }
    let status = "output \"status\" {\n  value = module.eks_managed_node_group.node_group_status\n}\n";
    assert!(completed.contains(status), "{completed}");
    let names: Vec<&String> = files.keys().collect();
    let modules = "modules/eks-managed-node-group/main.tf";
    assert_eq!(names, ["capt.json", "completed.tf", "main.tf", modules, "provider.tf.tera", "versions.tf"]);
    assert_eq!(
        conversion.notes[0].1,
        "the template has no name and takes `eks-nodegroup-template`, which document 0 refers to"
    );
}

const VPC: &str = r#"
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: vpc, namespace: default}
spec:
  template:
    metadata: {description: A network., version: "1.0", tags: {a: b}}
    spec:
      providerConfigRef: {name: aws}
      writeConnectionSecretToRef: {name: "${WORKSPACE_NAME}-connection", namespace: default}
      forProvider:
        source: Inline
        vars:
          - {key: name, value: "${vpc_name}"}
          - {key: zones, value: "[\"a\",\"b\"]"}
        initArgs: ["-upgrade"]
        module: |
          variable "name" { type = string }
          variable "zones" { type = list(string) }
          variable "count_of" {
            type    = number
            default = 1
          }
          resource "terraform_data" "it" {
            # Kept as it is: ${not_looked_at}.
            input = { name = "${environment}-${var.name}", zones = [for z in var.zones : "${z}-${upper(z)}"], raw = "$${raw}" }
          }
          output "vpc_id" { value = terraform_data.it.id }
"#;

const APPLY: &str = r#"
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplateApply
metadata: {name: net-apply, namespace: default, annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}}
spec:
  templateRef: {name: vpc, namespace: default}
  variables: {vpc_name: "a \"quoted\" ${name}", environment: prod, count_of: "3"}
  retainWorkspaceOnDelete: true
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplateApply
metadata: {name: other, namespace: default}
spec:
  templateRef: {name: vpc}
  variables: {vpc_name: other, environment: dev}
  waitForSecrets: [{name: net-connection, namespace: default}]
  waitForWorkspaces: [{name: net}]
  writeConnectionSecretToRef: {name: mine, namespace: default}
"#;

#[test]
fn mirrored_modules_of_one_name_lie_side_by_side() {
    let module = |text: &str| Mirrored {
        version: Version::parse("1.0.0").unwrap(),
        files: BTreeMap::from([("main.tf".to_owned(), text.to_owned())]),
    };
    let ours = BTreeMap::from([
        ("shop/network/aws".to_owned(), module("# the shop's\n")),
        ("office/network/aws".to_owned(), module("# the office's\n")),
    ]);
    let text = r#"
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: networks}
spec:
  template:
    spec:
      module: |
        module "a" { source = "shop/network/aws" }
        module "b" { source = "office/network/aws" }
        module "c" { source = "shop/network/aws" }
"#;
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let known = Surroundings { namespace: "default".to_owned(), mirror: Mirror(ours), ..Surroundings::default() };
    let made = convert(&documents, &known).documents.remove(0).value;
    let files = &made["spec"]["files"];
    assert_eq!(
        (&files["modules/aws/main.tf"], &files["modules/aws-2/main.tf"]),
        (&json!("# the shop's\n"), &json!("# the office's\n"))
    );
    let sources: Vec<&str> = files["main.tf"].as_str().unwrap().matches(r#""./modules/aws""#).collect();
    assert_eq!(sources.len(), 2, "{files}");
}

#[test]
fn an_apply_becomes_a_workspace_with_typed_values() {
    let documents = good(&format!("{VPC}{APPLY}"));
    let files = documents[0]["spec"]["files"].as_object().unwrap();
    insta::assert_snapshot!(files["main.tf"].as_str().unwrap(), @r#"
    variable "name" { type = string }
    variable "zones" {
     type = list(string) 
      default = ["a", "b"]
    }
    variable "count_of" {
      type    = number
      default = 1
    }
    resource "terraform_data" "it" {
      # Kept as it is: ${not_looked_at}.
      input = { name = "${var.environment}-${var.name}", zones = [for z in var.zones : "${z}-${upper(z)}"], raw = "$${raw}" }
    }
    output "vpc_id" { value = terraform_data.it.id }
    "#);
    let completed = "variable \"environment\" {\n  type = string\n}\n\nvariable \"vpc_name\" {\n  type = string\n}\n";
    assert_eq!(files["completed.tf"], completed);
    let facts: Value = serde_json::from_str(files["capt.json"].as_str().unwrap()).unwrap();
    let secret = "${WORKSPACE_NAME}-connection";
    assert_eq!(facts, json!({"providerConfig": "aws", "secret": secret, "vars": {"name": "${vpc_name}"}}));
    assert_eq!(
        documents[1],
        json!({
            "apiVersion": "captd/v1", "kind": "Workspace",
            "metadata": {"name": "net", "namespace": "default", "annotations": {}},
            "spec": {
                "workspaceTemplateRef": {"name": "vpc"}, "providerConfigRef": {"name": "aws"}, "retainOnDelete": true,
                "variables": {"count_of": 3, "environment": "prod", "name": "a \"quoted\" ${name}",
                    "vpc_name": "a \"quoted\" ${name}"},
                "writeConnectionSecretToRef": {"name": "net-connection"},
            },
        })
    );
    let other = &documents[2]["spec"];
    assert_eq!(other["waitFor"], json!([{"workspace": "net"}]), "the secret's writer, and said twice");
    assert_eq!(other["writeConnectionSecretToRef"], json!({"name": "mine"}), "what is said here wins");
}

#[test]
fn a_cluster_and_its_control_plane_become_their_workspaces() {
    let text = format!(
        "{VPC}{}",
        r#"
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: plane}
spec:
  template:
    spec:
      module: |
        variable "cluster_name" { type = string }
        variable "kubernetes_version" { type = string }
        variable "endpoint_public_access" { type = bool }
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: demo}
spec:
  infrastructureRef: {kind: CAPTCluster, name: demo}
  controlPlaneRef: {kind: CAPTControlPlane, name: demo}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: CAPTCluster
metadata: {name: demo}
spec: {region: eu-central-1, vpcTemplateRef: {name: vpc}, retainVpcOnDelete: true}
---
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: CAPTControlPlane
metadata: {name: demo}
spec:
  version: "1.33"
  workspaceTemplateRef: {name: plane}
  controlPlaneConfig: {region: eu-central-1, endpointAccess: {public: true, private: false}, timeouts: {controlPlaneTimeout: 30}}
  additionalTags: {team: data}
"#
    );
    let conversion = converted(&text);
    assert!(conversion.problems.is_empty(), "{}", conversion.problems);
    let made: Vec<&Value> =
        conversion.documents.iter().map(|it| &it.value).filter(|it| it["kind"] == "Workspace").collect();
    let labels = json!({"cluster.x-k8s.io/cluster-name": "demo"});
    assert_eq!(made[0]["metadata"], json!({"name": "demo-vpc", "labels": labels}));
    let variables = json!({"environment": "production", "name": "demo-vpc", "vpc_name": "demo-vpc"});
    assert_eq!(made[0]["spec"]["variables"], variables);
    assert_eq!(
        (&made[0]["spec"]["region"], &made[0]["spec"]["retainOnDelete"]),
        (&json!("eu-central-1"), &json!(true))
    );
    assert_eq!(made[1]["metadata"], json!({"name": "demo-eks-controlplane", "labels": labels}));
    let plane = json!({
        "workspaceTemplateRef": {"name": "plane"}, "region": "eu-central-1", "waitFor": [{"workspace": "demo-vpc"}],
        "variables": {"cluster_name": "demo", "kubernetes_version": "1.33", "endpoint_public_access": true},
        "writeConnectionSecretToRef": {"name": "demo-eks-connection"},
    });
    assert_eq!(made[1]["spec"], plane, "what the template does not declare is left out, as by CAPT");
    let noted: Vec<&str> = conversion.notes.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(noted, ["/0/spec/template/spec/forProvider/initArgs", "/4/spec/controlPlaneConfig/timeouts"]);
}

#[test]
fn secrets_and_config_maps_become_secrets() {
    let documents = good(
        r"
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: prod}
type: Opaque
data: {password: aHVudGVyMg==}
stringData: {user: admin}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {region: eu-central-1}
---
apiVersion: v1
kind: Namespace
metadata: {name: prod}
",
    );
    assert_eq!(documents[0]["spec"], json!({"data": {"password": "hunter2", "user": "admin"}}));
    assert_eq!(documents[0]["metadata"], json!({"name": "db", "namespace": "prod"}));
    assert_eq!(
        (&documents[1]["kind"], &documents[1]["spec"]),
        (&json!("Secret"), &json!({"data": {"region": "eu-central-1"}}))
    );
    assert_eq!(documents[2]["kind"], "Namespace");
}
