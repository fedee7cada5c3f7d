//! What was taken in once and is not allowed any more: it stays as it is, and waits at its next run.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::captd;
use crate::doctor::ask;
use crate::support::{Daemon, Setup, requires, until};
use crate::workspaces::put;

const PATH: &str = "/v1/namespaces/default/workspaces";

fn condition(of: &Value) -> Option<&Value> {
    of["status"]["conditions"].as_array().unwrap().iter().find(|it| it["type"] == "NotAllowed")
}

async fn workspace(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("{PATH}/{name}")).await.json()
}

async fn is_gone(daemon: &Daemon, name: &str) {
    let gone = async || (daemon.get(&format!("{PATH}/{name}")).await.status == 404).then_some(());
    until(&format!("{name} is gone"), gone).await;
}

/// Ends the daemon, writes another configuration, and starts it again.
async fn restart_with(daemon: Daemon, config: &str) -> Daemon {
    let dir = daemon.end(Signal::TERM).await;
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    Daemon::start_in(dir)
}

fn opens(folder: &Path, env: &str) {
    let text = format!("description: Of a test.\nprovider: none\nenv: [{env}]\n");
    std::fs::write(folder.join("workspace/own/template.yaml"), text).unwrap();
}

const PROVISIONED: &str = "resource \"terraform_data\" \"it\" {\n  provisioner \"local-exec\" {\n    command = \"true\"\n  }\n}\noutput \"it\" { value = 1 }\n";

const PLAIN: &str = "resource \"terraform_data\" \"it\" {}\noutput \"it\" { value = 1 }\n";

fn files_of(main: &str) -> Value {
    json!({"spec": {"files": {"main.tf": main}}})
}

/// Templates of each kind, and one of each that is made from them.
async fn declare(daemon: &Daemon) {
    for (name, files) in [("net", PROVISIONED), ("mended", PROVISIONED), ("ahead", PLAIN)] {
        let uploaded = daemon.put(&format!("/v1/namespaces/default/templates/{name}"), &files_of(files)).await;
        assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    }
    let manifest = "description: Of a test.\nprovider: none\nmodules: [part]\n";
    let files = json!({"template.yaml": manifest, "main.tf": "module \"part\" {\n  source = \"./modules/part\"\n}\n"});
    let uploaded = daemon.put("/v1/namespaces/default/templates/parts", &json!({"spec": {"files": files}})).await;
    assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    let declared = |name: &str, template: &str, env: Value| {
        json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
            "spec": {"workspaceTemplateRef": {"name": template}, "env": env}})
    };
    let env = json!([{"name": "GREETING", "value": "x"}]);
    let none = || json!([]);
    let documents = json!([
        declared("sets", "own", env.clone()),
        declared("does", "net", none()),
        declared("edited", "own", env),
        declared("better", "mended", none()),
        declared("ahead", "ahead", none()),
        declared("reads", "parts", none())
    ]);
    assert_eq!(daemon.post("/v1/apply", &documents).await.status, 200);
    for name in ["sets", "does", "edited", "better", "ahead", "reads"] {
        daemon.wait_for_workspace(name).await;
        assert_eq!(condition(&workspace(daemon, name).await), None);
    }
}

#[tokio::test]
async fn what_is_allowed_no_more_keeps_its_ready_waits_and_goes_on_when_it_is_allowed() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    put(folder.path(), "own", PLAIN);
    opens(folder.path(), "GREETING");
    let (part, gone) = (folder.path().join("modules/part"), folder.path().join("part"));
    std::fs::create_dir_all(&part).unwrap();
    std::fs::write(part.join("main.tf"), "resource \"terraform_data\" \"it\" {}\n").unwrap();
    let config = |provisioners: bool| {
        format!(
            "[templates]\ndir = {}\nallow_provisioners = {provisioners}\n[reconcile]\nobserve_interval_seconds = 1\n",
            json!(folder.path())
        )
    };
    let daemon = Daemon::start_with(Setup { config: config(true) });
    let (plain, upload) = (files_of(PLAIN), files_of(PROVISIONED));
    declare(&daemon).await;
    // What it is to have then never comes into force.
    assert_eq!(daemon.post(&format!("{PATH}/ahead/pause"), &json!({})).await.status, 200);
    assert_eq!(daemon.put("/v1/namespaces/default/templates/ahead", &upload).await.status, 200);
    let next = daemon.get("/v1/namespaces/default/templates/ahead").await.json()["revision"].clone();
    let wish = json!({"spec": {"workspaceTemplateRef": {"name": "ahead", "revision": next}}});
    let wished = daemon.patch(&format!("{PATH}/ahead"), &wish).await;
    assert_eq!(wished.status, 200, "{}", wished.text);

    // What it needs of the operator's folder is gone: it holds up no other, neither here nor in the lists.
    std::fs::rename(&part, &gone).unwrap();
    opens(folder.path(), "OTHER");
    let daemon = restart_with(daemon, &config(false)).await;
    let before = workspace(&daemon, "sets").await["status"]["observedAt"].clone();
    for (name, reason, line) in [
        ("sets", "EnvNotAllowed", "with `env: [GREETING]` in the template.yaml of template `own`"),
        ("does", "TemplateNotAllowed", "main.tf line 2: provisioners are not allowed"),
        ("reads", "TemplateNotAllowed", "there is no module `part`"),
    ] {
        let it = workspace(&daemon, name).await;
        let told = condition(&it).unwrap_or_else(|| panic!("{it}"));
        assert_eq!((&told["reason"], &it["status"]["phase"]), (&json!(reason), &json!("Ready")), "{it}");
        assert!(told["message"].as_str().unwrap().contains(line), "{told}");
        let retried = captd(&daemon, &format!("retry workspace/{name}")).with_code(1).err;
        assert!(retried.contains("waits: ") && retried.contains(line), "{retried}");
    }
    // A look at the cloud goes without the variable.
    until("it is looked at", async || {
        (workspace(&daemon, "sets").await["status"]["observedAt"] != before).then_some(())
    })
    .await;
    // A destroy waits likewise, where it would be made from what is not allowed.
    for name in ["sets", "does", "edited", "better", "reads"] {
        assert_eq!(daemon.delete(&format!("{PATH}/{name}")).await.status, 202);
        let it = workspace(&daemon, name).await;
        assert!(condition(&it).is_some() && it["status"]["phase"] == "Deleting", "{it}");
    }
    for list in [PATH, "/v1/namespaces/default/templates"] {
        let listed = daemon.get(list).await;
        assert_eq!(listed.status, 200, "{list}: {}", listed.text);
    }
    assert!(condition(&workspace(&daemon, "ahead").await).is_some());
    assert_eq!(daemon.delete(&format!("{PATH}/ahead")).await.status, 202);
    is_gone(&daemon, "ahead").await;
    // What is written now, and is allowed, is the way out.
    let worse = json!({"spec": {"env": [{"name": "HTTPS_PROXY", "value": "x"}]}});
    assert_eq!(daemon.patch(&format!("{PATH}/edited"), &worse).await.status, 422);
    let edited = daemon.patch(&format!("{PATH}/edited"), &json!({"spec": {"env": null}})).await;
    assert_eq!(edited.status, 200, "{}", edited.text);
    assert_eq!(daemon.put("/v1/namespaces/default/templates/mended", &plain).await.status, 200);
    for name in ["edited", "better"] {
        is_gone(&daemon, name).await;
    }
    let dir = daemon.end(Signal::TERM).await;
    let (lines, _) = ask(dir.path(), "http://127.0.0.1:9");
    std::fs::rename(&gone, &part).unwrap();
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("declarations:")).collect();
    assert_eq!(told.len(), 3, "{lines:#?}");
    assert!(told[0].contains("workspace default/does waits at its next run"), "{lines:#?}");
    assert!(
        told[1].contains("workspace default/reads waits at its next run") && told[1].contains("`part`"),
        "{lines:#?}"
    );
    assert!(told[2].starts_with("warn  ") && told[2].contains("`env: [GREETING]`"), "{lines:#?}");

    opens(folder.path(), "GREET*");
    std::fs::write(dir.path().join("captd.toml"), config(true)).unwrap();
    let daemon = Daemon::start_in(dir);
    for name in ["sets", "does", "reads"] {
        is_gone(&daemon, name).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_template_shows_to_one_provider_configuration_alone_is_refused_where_it_shows() {
    if !requires("terraform") {
        return;
    }
    let provider =
        "[providers.aws.default]\nregion = \"eu-west-3\"\naccess_key = \"AKIA\"\nsecret_key = \"not-a-secret\"\n";
    let daemon = Daemon::start_with(Setup { config: provider.to_owned() });
    let text = "{% if provider.region != \"eu-central-1\" %}output \"it\" {\n  value = core::file(\"/proc/self/environ\")\n}{% endif %}\nresource \"terraform_data\" \"it\" {}\n";
    let upload = json!({"spec": {"provider": "aws", "files": {"main.tf.tera": text}}});
    assert_eq!(daemon.put("/v1/namespaces/default/templates/sly", &upload).await.status, 201);
    let document = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "w"},
        "spec": {"workspaceTemplateRef": {"name": "sly"}}});
    assert_eq!(daemon.post("/v1/apply", &json!([document])).await.status, 200);
    let failed = until("it is refused", async || {
        let it = workspace(&daemon, "w").await;
        (it["status"]["phase"] == "Failed").then_some(it)
    })
    .await;
    let message = failed["status"]["failureMessage"].as_str().unwrap();
    assert!(message.contains("main.tf line 2: file() reads `/proc/self/environ`"), "{message}");
    assert_eq!(failed["status"]["failureReason"], "configuration");
    assert_eq!(daemon.get("/v1/runs?workspace=w").await.json()["items"][0]["steps"], json!([]), "nothing was started");
    daemon.stop().await;
}
