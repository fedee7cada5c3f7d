//! States that others have written: handed in, taken over, rolled back and handed out again.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::cli::{captd, type_in};
use crate::support::{Daemon, requires, terraform_says, until};

/// What somebody runs without captd.
const MAIN: &str = r#"variable "text" {
  type    = string
  default = "good day"
}
resource "terraform_data" "it" {
  input = var.text
}
output "said" {
  value = terraform_data.it.output
}
"#;

/// A folder in which Terraform has worked; its state.
fn plain(folder: &Path) -> Value {
    std::fs::write(folder.join("main.tf"), MAIN).unwrap();
    terraform_says(folder, &["init", "-input=false"]);
    terraform_says(folder, &["apply", "-input=false", "-auto-approve"]);
    serde_json::from_slice(&std::fs::read(folder.join("terraform.tfstate")).unwrap()).unwrap()
}

fn template() -> String {
    let files = json!({"main.tf": MAIN});
    json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": "greeting"}, "spec": {"files": files}})
        .to_string()
}

fn workspace(name: &str, text: &str) -> String {
    let spec = json!({"workspaceTemplateRef": {"name": "greeting"}, "variables": {"text": text}});
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": spec}).to_string()
}

/// As Terraform's Kubernetes backend keeps it.
fn secret(state: &[u8]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(state).unwrap();
    let data = STANDARD.encode(gzip.finish().unwrap());
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: tfstate-default-greeting}}\ndata:\n  tfstate: {data}\n")
}

fn pulled(daemon: &Daemon, line: &str) -> Value {
    serde_json::from_str(&captd(daemon, line).with_code(0).out).unwrap()
}

/// But for the count of its changes.
fn content(mut state: Value) -> Value {
    state["serial"] = Value::Null;
    state
}

#[tokio::test]
async fn a_state_of_plain_terraform_is_the_same_at_each_step() {
    if !requires("terraform") {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let state = plain(folder.path());
    let daemon = Daemon::start();
    type_in(&daemon, "apply -f -", &template()).with_code(0);
    let said = type_in(&daemon, "apply -f - --paused", &workspace("taken", "good day")).with_code(0);
    assert!(said.out.contains("workspace/default/taken created"), "{said:?}");
    let runs = daemon.get("/v1/runs?namespace=default&workspace=taken").await.json();
    assert_eq!(runs["items"], json!([]), "paused, it begins nothing that could make it anew");

    let file = folder.path().join("terraform.tfstate");
    captd(&daemon, &format!("state push workspace/taken --from {}", file.display())).with_code(0);
    assert_eq!(pulled(&daemon, "state pull workspace/taken"), state, "handed in");
    captd(&daemon, "plan workspace/taken --detailed-exitcode").with_code(0);
    captd(&daemon, "resume workspace/taken").with_code(0);
    let taken = until("it is in force", async || {
        let taken = daemon.get("/v1/namespaces/default/workspaces/taken").await.json();
        (taken["status"]["ready"] == true).then_some(taken)
    })
    .await;
    assert_eq!(taken["status"]["outputs"]["said"], "good day");
    assert_eq!(pulled(&daemon, "state pull workspace/taken"), state, "taken over");

    type_in(&daemon, "apply -f - --wait", &workspace("taken", "good night")).with_code(0);
    assert_eq!(pulled(&daemon, "state pull workspace/taken")["outputs"]["said"]["value"], "good night");
    captd(&daemon, "state rollback workspace/taken --to 1").with_code(0);
    let back = pulled(&daemon, "state pull workspace/taken");
    assert_eq!(content(back.clone()), content(state.clone()), "rolled back");
    assert!(back["serial"].as_u64() > state["serial"].as_u64(), "its history went on, and did not fork");

    std::fs::write(&file, captd(&daemon, "state pull workspace/taken").with_code(0).out).unwrap();
    let plan = terraform_says(folder.path(), &["plan", "-input=false", "-no-color", "-detailed-exitcode"]);
    assert!(plan.contains("No changes."), "exported again: {plan}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_state_comes_from_the_secret_of_the_kubernetes_backend_and_never_twice() {
    if !requires("terraform") {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let state = plain(folder.path());
    let daemon = Daemon::start();
    type_in(&daemon, "apply -f -", &template()).with_code(0);
    let both = workspace("taken", "good day") + "\n---\n" + &workspace("other", "good day");
    type_in(&daemon, "apply -f - --paused", &both).with_code(0);

    let bytes = std::fs::read(folder.path().join("terraform.tfstate")).unwrap();
    let push = "state push workspace/taken --from-secret -";
    let twice =
        secret(&bytes) + "---\n" + &secret(&bytes).replace("tfstate-default-greeting", "tfstate-default-second");
    let cases = [
        ("kind: Secret\ndata: {password: eA==}\n".to_owned(), "no Secret with the key `tfstate`"),
        ("kind: Secret\ndata: {tfstate: '?'}\n".to_owned(), "data.tfstate is no base64"),
        ("kind: Secret\ndata: {tfstate: eA==}\n".to_owned(), "data.tfstate is not gzipped"),
        (secret(b"{}"), "this is no Terraform state of version 4"),
        (twice, "tfstate-default-greeting, tfstate-default-second; leave one of them"),
    ];
    for (text, why) in cases {
        let said = type_in(&daemon, push, &text).with_code(1).err;
        assert!(said.contains(why), "{said}");
    }
    captd(&daemon, "state pull workspace/taken").with_code(1);
    type_in(&daemon, push, &secret(&bytes)).with_code(0);
    assert_eq!(pulled(&daemon, "state pull workspace/taken"), state);

    let said = type_in(&daemon, "state push workspace/other --from-secret -", &secret(&bytes)).with_code(1).err;
    assert!(said.contains("is that of workspace default/taken"), "{said}");

    // Who thinks better of it gets it back as it came: captd has applied nothing.
    let out = folder.path().join("back");
    let line = format!("eject workspace/taken --out {}", out.display());
    let said = captd(&daemon, &line).with_code(1).err;
    assert!(said.contains("not in force") && said.contains("--as-it-is"), "{said}");
    captd(&daemon, &format!("{line} --as-it-is")).with_code(0);
    assert_eq!(std::fs::read(out.join("terraform.tfstate")).unwrap(), bytes);
    captd(&daemon, "get workspace/taken").with_code(1);
    daemon.stop().await;
}

/// What a management cluster has of a workspace, as `kubectl get -o yaml` prints it.
const CAPT: &str = r#"
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplate
metadata: {name: greeting, namespace: default}
spec:
  template:
    spec:
      forProvider:
        source: Inline
        module: |
          variable "times" { type = number }
          resource "terraform_data" "it" { input = "${greeting} from ${WORKSPACE_NAME}, ${var.times} times" }
          output "said" { value = terraform_data.it.output }
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: WorkspaceTemplateApply
metadata: {name: hello-apply, namespace: default}
spec:
  templateRef: {name: greeting}
  variables: {greeting: good day, times: "3"}
"#;

/// What Crossplane's provider has run of it: `${name}` is put in as text, and the values are in a file.
const CAPT_RAN: &str = r#"
variable "times" { type = number }
resource "terraform_data" "it" { input = "good day from hello, ${var.times} times" }
output "said" { value = terraform_data.it.output }
"#;

#[tokio::test]
async fn capt_is_left_step_by_step_and_nothing_is_rebuilt() {
    if !requires("terraform") {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("main.tf"), CAPT_RAN).unwrap();
    std::fs::write(folder.path().join("terraform.tfvars"), "times = 3\n").unwrap();
    terraform_says(folder.path(), &["init", "-input=false"]);
    terraform_says(folder.path(), &["apply", "-input=false", "-auto-approve"]);
    let state = std::fs::read(folder.path().join("terraform.tfstate")).unwrap();

    let daemon = Daemon::start();
    type_in(&daemon, "apply -f - --paused", CAPT).with_code(0);
    type_in(&daemon, "state push workspace/hello --from-secret -", &secret(&state)).with_code(0);
    captd(&daemon, "plan workspace/hello --detailed-exitcode").with_code(0);
    captd(&daemon, "resume workspace/hello").with_code(0);
    let said = until("it is in force", async || {
        let runs = daemon.get("/v1/runs?namespace=default&workspace=hello").await.json();
        let applies = runs["items"].as_array().unwrap().iter().filter(|run| run["kind"] == "apply");
        let is_over = applies.into_iter().any(|run| run["state"] == "unchanged");
        is_over.then(|| captd(&daemon, "output workspace/hello said").with_code(0).out)
    })
    .await;
    assert_eq!(said.trim(), "good day from hello, 3 times");
    let kept = pulled(&daemon, "state pull workspace/hello");
    assert_eq!(kept, serde_json::from_slice::<Value>(&state).unwrap(), "nothing was made anew");
    daemon.stop().await;
}
