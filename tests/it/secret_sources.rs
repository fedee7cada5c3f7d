//! Secrets that workspaces write, and what of secrets reaches a run besides single variables.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{captd, type_in};
use crate::support::{Daemon, requires, until};
use crate::workspaces::{put, setup};

/// Something with a sensitive output, as a control plane has its kubeconfig.
const PLANE: &str = r#"
variable "name" { type = string }
resource "terraform_data" "it" { input = var.name }
output "kubeconfig" {
  value     = "server of ${terraform_data.it.output}"
  sensitive = true
}
output "zones" { value = ["a", "b"] }
"#;

/// Something that needs it.
const ADDONS: &str = r#"
variable "kubeconfig" {
  type      = string
  sensitive = true
  default   = ""
}
resource "terraform_data" "it" { input = sha256(var.kubeconfig) }
output "digest" { value = nonsensitive(terraform_data.it.output) }
output "loop" {
  value     = var.kubeconfig
  sensitive = true
}
"#;

/// Hex SHA-256 of `server of one` and of `server of two`, by `sha256sum`.
const ONE: &str = "7b9f7e06e2b7053360b305478172878d3ea5308a96cb1110029eddf9f1bdd9d0";
const TWO: &str = "a177376a06df380e80cdb0bbee11d973b8eb04a55911c3a78dc96127a3211c20";

fn templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "plane", PLANE);
    put(folder.path(), "addons", ADDONS);
    folder
}

fn workspace(name: &str, template: &str, spec: &Value) -> Value {
    let mut whole = json!({"workspaceTemplateRef": {"name": template}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name}, "spec": whole})
}

fn plane(name: &str) -> Value {
    let spec = json!({"variables": {"name": name}, "writeConnectionSecretToRef": {"name": "plane-connection"}});
    workspace("plane", "plane", &spec)
}

fn addons() -> Value {
    let from = json!({"valueFrom": {"secret": "plane-connection", "key": "kubeconfig"}});
    workspace("addons", "addons", &json!({"variables": {"kubeconfig": from}}))
}

async fn digest(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("/v1/namespaces/default/workspaces/{name}")).await.json()["status"]["outputs"]["digest"].clone()
}

async fn runs(daemon: &Daemon, name: &str) -> usize {
    daemon.get(&format!("/v1/runs?workspace={name}")).await.json()["items"].as_array().unwrap().len()
}

/// What is refused: pointer, code and sentence of its first problem.
async fn refused(daemon: &Daemon, documents: &[&Value]) -> String {
    let answer = daemon.apply(&json!(documents).to_string()).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let error = answer.json()["errors"][0].clone();
    format!(
        "{} {}: {}",
        error["pointer"].as_str().unwrap(),
        error["code"].as_str().unwrap(),
        error["detail"].as_str().unwrap()
    )
}

#[tokio::test]
async fn a_sensitive_output_feeds_another_workspace_through_a_secret() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let applied = daemon.apply(&json!([addons(), plane("one")]).to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    daemon.wait_for_workspace("addons").await;
    assert_eq!(digest(&daemon, "addons").await, ONE);
    let secret = daemon.get("/v1/namespaces/default/secrets/plane-connection").await;
    assert_eq!(secret.json()["status"]["keys"], json!(["kubeconfig", "zones"]));
    assert!(!secret.text.contains("server of"), "{}", secret.text);

    // It is the workspace's own.
    let own = json!({"spec": {"data": {"kubeconfig": "x"}}});
    let written = daemon.put("/v1/namespaces/default/secrets/plane-connection", &own).await;
    assert!(
        written.status == 409 && written.text.contains("is written by workspace default/plane"),
        "{}",
        written.text
    );
    assert_eq!(daemon.delete("/v1/namespaces/default/secrets/plane-connection").await.status, 409);

    // Another output brings a run of those that use it, the same one does not.
    let before = runs(&daemon, "addons").await;
    type_in(&daemon, "apply -f - --wait", &plane("two").to_string()).with_code(0);
    until("it has the second", async || (digest(&daemon, "addons").await == TWO).then_some(())).await;
    captd(&daemon, "retry workspace/plane --wait").with_code(0);
    daemon.wait_for_workspace("addons").await;
    assert_eq!(runs(&daemon, "addons").await, before + 1);

    let graph = captd(&daemon, "graph").with_code(0).out;
    assert_eq!(graph, "workspace/plane  Ready\n└─ workspace/addons  Ready\n");
    let needed = captd(&daemon, "delete workspace/plane").with_code(1).err;
    assert!(needed.contains("is needed by workspace default/addons"), "{needed}");
    let mut silent = plane("two");
    silent["spec"].as_object_mut().unwrap().remove("writeConnectionSecretToRef");
    let used = refused(&daemon, &[&silent]).await;
    assert!(used.starts_with("/0/spec/writeConnectionSecretToRef in_use:"), "{used}");
    captd(&daemon, "delete workspace/plane --cascade --wait").with_code(0);
    assert_eq!(daemon.get("/v1/namespaces/default/secrets/plane-connection").await.status, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_secret_that_a_workspace_writes_is_told() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let mut other_key = addons();
    other_key["spec"]["variables"]["kubeconfig"]["valueFrom"]["key"] = json!("token");
    insta::assert_snapshot!(refused(&daemon, &[&plane("one"), &other_key]).await, @"/1/spec/variables/kubeconfig not_found: it needs `token` of secret default/plane-connection, which workspace default/plane writes: its template `plane` has the outputs kubeconfig, zones; write it before, or in the same apply");
    let mut twin = plane("one");
    twin["metadata"]["name"] = json!("twin");
    insta::assert_snapshot!(refused(&daemon, &[&plane("one"), &twin]).await, @"/1/spec/writeConnectionSecretToRef taken: the secret `plane-connection` is written by workspace default/plane; take another name");
    let from = |secret: &str| json!({"valueFrom": {"secret": secret, "key": "loop"}});
    let one = workspace(
        "a",
        "addons",
        &json!({"variables": {"kubeconfig": from("b")}, "writeConnectionSecretToRef": {"name": "a"}}),
    );
    let two = workspace(
        "b",
        "addons",
        &json!({"variables": {"kubeconfig": from("a")}, "writeConnectionSecretToRef": {"name": "b"}}),
    );
    insta::assert_snapshot!(refused(&daemon, &[&one, &two]).await, @"/0/spec circle: this closes a circle, in which each waits for the next: workspace default/a → workspace default/b → workspace default/a");
    daemon.put("/v1/namespaces/default/secrets/plane-connection", &json!({"spec": {"data": {"a": "b"}}})).await;
    insta::assert_snapshot!(refused(&daemon, &[&plane("one")]).await, @"/0/spec/writeConnectionSecretToRef taken: there is a secret `plane-connection` already, which a client wrote; delete it, or take another name");
    daemon.stop().await;
}

/// It fails unless its environment is right.
const TAKES: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}
variable "sizes" {
  type      = object({ small = number, large = optional(number) })
  sensitive = true
  default   = { small = 0 }
}
variable "open" { default = "" }
resource "terraform_data" "it" {
  input = sha256("${var.password} ${var.sizes.small}")

  provisioner "local-exec" {
    command = "test \"$GREETING\" = \"hello there\" && test \"$(printf %s \"$TOKEN\" | sha256sum | cut -c1-8)\" = \"$WANTED\""
  }
}
output "digest" { value = nonsensitive(terraform_data.it.output) }
"#;

/// Hex SHA-256 of `correct horse 3` and of `spec wins 3`, by `sha256sum`.
const OF_FILE: &str = "461a6cc2c5ab89b0ef242e4d7d1bdc29c5a24c6fe948ef09cbbc1dff0d55cb1a";
const OF_SPEC: &str = "49c85e222425995389ecdc31e83fe9d4cdc8db8c49fd86d547c59aeabb1c9c5b";

fn takes(spec: &Value) -> Value {
    workspace("takes", "takes", spec)
}

/// A workspace whose variables come from two files, and whose environment comes from the spec and a secret.
fn from_files() -> Value {
    takes(&json!({
        "varFiles": [
            {"secretRef": {"name": "files", "key": "hcl"}},
            {"secretRef": {"name": "files", "key": "json"}, "format": "JSON"},
        ],
        "env": [
            {"name": "GREETING", "value": "hello there"},
            {"name": "TOKEN", "secretRef": {"name": "files", "key": "token"}},
            // The beginning of the hex SHA-256 of the token, by `sha256sum`.
            {"name": "WANTED", "value": "11e2b789"},
        ],
    }))
}

#[tokio::test]
async fn files_of_variables_and_the_environment_come_from_secrets() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    put(folder.path(), "takes", TAKES);
    let manifest = folder.path().join("workspace/takes/template.yaml");
    std::fs::write(manifest, "description: Of a test.\nprovider: none\nenv: [GREETING, TOKEN*, WANTED]\n").unwrap();
    let daemon = Daemon::start_with(setup(&folder));
    let files = json!({"hcl": "password = \"correct horse\"\nsizes = { small = 1 }\n", "json": "{\"sizes\": {\"small\": 3}}",
        "token": "battery staple", "spec": "spec wins"});
    daemon.put("/v1/namespaces/default/secrets/files", &json!({"spec": {"data": files}})).await;
    let applied = daemon.apply(&from_files().to_string()).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    daemon.wait_for_workspace("takes").await;
    assert_eq!(digest(&daemon, "takes").await, OF_FILE, "the later file wins");

    let mut both = from_files();
    both["spec"]["variables"] = json!({"password": {"valueFrom": {"secret": "files", "key": "spec"}}});
    type_in(&daemon, "apply -f - --wait", &both.to_string()).with_code(0);
    assert_eq!(digest(&daemon, "takes").await, OF_SPEC, "the spec wins over its files");

    let id = daemon.get("/v1/runs?workspace=takes").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let mut shown = daemon.get("/v1/namespaces/default/workspaces/takes").await.text;
    for part in ["", "/plan", "/log"] {
        shown += &daemon.get(&format!("/v1/runs/{id}{part}")).await.text;
    }
    let told = ["correct horse", "battery staple", "spec wins"].iter().find(|text| shown.contains(**text));
    assert_eq!(told, None, "{shown}");

    // Another key seals all of it again, and it works on.
    captd(&daemon, "state rotate-key").with_code(0);
    captd(&daemon, "retry workspace/takes --wait").with_code(0);
    type_in(&daemon, "secret set files hcl=-", "password = \"another one\"").with_code(1);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_file_or_the_environment_is_told_without_a_value() {
    if !requires("terraform") {
        return;
    }
    let folder = templates();
    put(folder.path(), "takes", TAKES);
    let daemon = Daemon::start_with(setup(&folder));
    let mut told = String::new();
    for text in [
        "password = ",
        "password = var.other",
        "block {}",
        "nothing = \"hidden text\"",
        "open = \"hidden text\"",
        "password = \"x\"\nsizes = { small = \"hidden text\" }",
        "region = \"hidden text\"",
    ] {
        daemon.put("/v1/namespaces/default/secrets/files", &json!({"spec": {"data": {"hcl": text}}})).await;
        let file = takes(&json!({"varFiles": [{"secretRef": {"name": "files", "key": "hcl"}}]}));
        told += &format!("{}\n", refused(&daemon, &[&file]).await);
    }
    for (files, env) in [
        (json!([{"secretRef": {"name": "files", "key": "hcl"}, "format": "YAML"}]), json!([])),
        (json!([{"secretRef": {"name": "nowhere", "key": "hcl"}}]), json!([])),
        (json!([{"secretRef": {"name": "files", "key": "json"}}]), json!([])),
        (json!([]), json!([{"name": "TF_LOG", "value": "trace"}])),
        (json!([]), json!([{"name": "AWS_PROFILE", "value": "x"}])),
        (json!([]), json!([{"name": "PATH", "value": "/tmp"}])),
        (json!([]), json!([{"name": "a-b", "value": "x"}])),
        (json!([]), json!([{"name": "A", "value": "x"}, {"name": "A", "value": "y"}])),
        (json!([]), json!([{"name": "A"}])),
        (json!([]), json!([{"name": "HTTPS_PROXY", "value": "x"}])),
        (json!([]), json!([{"name": "Ssl_Cert_File", "value": "/proc/self/environ"}])),
        (json!([]), json!([{"name": "A", "value": "hidden text\u{0}"}])),
    ] {
        told += &format!("{}\n", refused(&daemon, &[&takes(&json!({"varFiles": files, "env": env}))]).await);
    }
    assert!(!told.contains("hidden text"), "{told}");
    insta::assert_snapshot!(told, @r"
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` is no HCL at line 1 column 1
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` gives `password` an expression, and must give it a value
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` has a block `block`, and must hold `name = value` alone
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` sets `nothing`, which template `takes` does not declare
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` sets `open`, which would show the secret in plans; say `sensitive = true` in its block
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` sets `sizes`, which at /small is a string, and a number is wanted
    /0/spec/varFiles/0 wrong_type: `hcl` of the secret `files` sets `region`, which comes from /spec/region; set it there
    /0/spec/varFiles/0/format unknown_value: `YAML` is none of HCL, JSON
    /0/spec/varFiles/0 not_found: it needs secret default/nowhere, which does not exist; write it before, or in the same apply
    /0/spec/varFiles/0 not_found: it needs `json` of secret default/files, which has hcl; write it before, or in the same apply
    /0/spec/env/0/name invalid_name: `TF_LOG`: captd says itself how Terraform runs; a value of a variable belongs in `variables`
    /0/spec/env/0/name invalid_name: `AWS_PROFILE`: how to sign in to AWS stands in the provider configuration
    /0/spec/env/0/name invalid_name: `PATH` is captd's own to set
    /0/spec/env/0/name invalid_name: `a-b` is no name of a variable of the environment: letters, digits and `_`
    /0/spec/env duplicate: `A` is said twice; keep one of the two
    /0/spec/env/0/value exactly_one_of: give exactly one of value and secretRef
    /0/spec/env/0/name invalid_name: `HTTPS_PROXY`: which proxy runs take is the operator's to say, by `proxy` of the provider configuration or by captd's own environment
    /0/spec/env/0/name invalid_name: `Ssl_Cert_File`: whose certificates runs trust is the operator's to say, by `ca_file` of the provider configuration or by captd's own environment
    /0/spec/env/0/value invalid_value: holds a zero byte, which no variable of the environment can
    ");
    daemon.stop().await;
}
