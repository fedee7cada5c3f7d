//! What Terraform would apply is applied, whatever it lists: outputs, moves, what is let go, imports, what an earlier
//! replacement has left. What takes away what is protected waits for a person.

mod cases;

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use cases::{Case, Z, cases};

use crate::cli::{captd, type_in};
use crate::support::{Daemon, Setup, requires, terraform_says, until};

const MODULE: &str = "resource \"terraform_data\" \"a\" { input = \"a\" }\n";

/// A state of another workspace, as a file of a template.
fn other_state(x: &str) -> String {
    json!({"version": 4, "terraform_version": "1.6.0", "serial": 1, "lineage": "x", "resources": [],
        "outputs": {"x": {"value": x, "type": "string"}}})
    .to_string()
}

fn write_templates(folder: &Path, main: impl Fn(&Case) -> String) {
    for case in cases() {
        let template = folder.join("workspace").join(case.name);
        std::fs::create_dir_all(template.join("m")).unwrap();
        let protects = format!("description: Of a test.\nprovider: none\nprotects: [{}]\n", case.protects);
        for (file, text) in [
            ("template.yaml", protects),
            ("main.tf", main(&case)),
            ("m/main.tf", MODULE.to_owned()),
            ("x.json", other_state("1")),
            ("y.json", other_state("2")),
        ] {
            std::fs::write(template.join(file), text).unwrap();
        }
    }
}

fn path(name: &str) -> String {
    format!("/v1/namespaces/default/workspaces/{name}")
}

async fn read(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&path(name)).await.json()
}

async fn state(daemon: &Daemon, name: &str) -> Value {
    daemon.get(&format!("{}/state", path(name))).await.json()
}

fn condition(workspace: &Value, kind: &str) -> Option<Value> {
    let all = workspace["status"]["conditions"].as_array().unwrap();
    all.iter().find(|condition| condition["type"] == kind).cloned()
}

/// Tries again, and waits until the run is over or waits for a person.
async fn retry(daemon: &Daemon, name: &str) -> Value {
    let asked = daemon.post(&format!("{}/retry", path(name)), &json!({})).await;
    assert_eq!(asked.status, 202, "{name}: {}", asked.text);
    let id = asked.json()["run"]["id"].as_str().unwrap().to_owned();
    let rests = |run: &Value| run.get("finishedAt").is_some() || run["state"] == "awaiting_approval";
    daemon.wait_for_run(&id, &format!("{name} rests"), rests).await
}

/// Addresses of what is in a state, sorted.
fn resources(state: &Value) -> Vec<String> {
    let address = |resource: &Value| {
        let text = |field: &str| resource[field].as_str().unwrap().to_owned();
        let module = resource["module"].as_str().map(|module| format!("{module}.")).unwrap_or_default();
        let data = if text("mode") == "data" { "data." } else { "" };
        format!("{module}{data}{}.{}", text("type"), text("name"))
    };
    let mut found: Vec<String> = state["resources"].as_array().unwrap().iter().map(address).collect();
    found.sort();
    found
}

/// What the state says of the outputs that are not sensitive, and the status and `captd output` say the same.
async fn check_outputs(daemon: &Daemon, name: &str) {
    let kept = state(daemon, name).await["outputs"].clone();
    let visible = kept.as_object().unwrap().iter().filter(|(_, output)| output["sensitive"] != true);
    let visible: Value =
        visible.map(|(name, output)| (name.clone(), output["value"].clone())).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(read(daemon, name).await["status"]["outputs"], visible, "{name}");
    for (output, value) in visible.as_object().unwrap() {
        let told = daemon.get(&format!("{}/outputs/{output}", path(name))).await;
        assert_eq!(told.json()["value"], *value, "{name}: {output}");
    }
}

/// Leaves a second object of `terraform_data.a`, as a replacement does whose deletion has failed, and another output.
async fn leave_deposed(daemon: &Daemon) {
    let name = "left-by-a-replacement";
    let mut state = state(daemon, name).await;
    let mut left = state["resources"][0]["instances"][0].clone();
    left["deposed"] = json!("0a1b2c3d");
    left["attributes"]["id"] = json!("left");
    state["resources"][0]["instances"].as_array_mut().unwrap().push(left);
    state["serial"] = json!(state["serial"].as_u64().unwrap() + 1);
    state["outputs"]["said"]["value"] = json!("pushed");
    let pushed = daemon.post(&format!("{}/state", path(name)), &state).await;
    assert!(pushed.status.is_success(), "{}", pushed.text);
    assert_eq!(read(daemon, name).await["status"]["outputs"]["said"], "pushed", "others take what is in the state");
}

async fn restart_with(daemon: Daemon, folder: &Path, main: impl Fn(&Case) -> String) -> Daemon {
    let dir = daemon.stop().await;
    write_templates(folder, main);
    Daemon::start_in(dir)
}

#[tokio::test]
async fn what_terraform_would_apply_is_applied_and_what_takes_away_waits() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    write_templates(folder.path(), |case| case.first.clone());
    let daemon = Daemon::start_with(Setup { config: format!("[templates]\ndir = {}\n", json!(folder.path())) });
    let declared: Vec<Value> = cases().iter().map(|case| declaration(case.name, case.name, &json!({}))).collect();
    let made = daemon.post("/v1/apply", &json!(declared)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let mut ids = std::collections::BTreeMap::new();
    for case in cases() {
        daemon.wait_for_workspace(case.name).await;
        check_outputs(&daemon, case.name).await;
        let made = state(&daemon, case.name).await;
        ids.insert(case.name, made["resources"][0]["instances"][0]["attributes"]["id"].clone());
    }
    leave_deposed(&daemon).await;
    let looked = until("what was pushed is looked at", async || {
        let it = read(&daemon, "left-by-a-replacement").await;
        condition(&it, "Drifted").map(|drifted| drifted["message"].to_string())
    })
    .await;
    assert!(looked.contains("output said"), "the state has another one than the declaration gives: {looked}");

    let daemon = restart_with(daemon, folder.path(), |case| case.then.clone()).await;
    let waits = declaration("takes", "taker", &json!({"valueFrom": {"workspace": "output-added", "output": "new"}}));
    assert_eq!(put_taker(&daemon, &waits).await, 200);
    let waiting =
        until("it waits", async || Some(read(&daemon, "takes").await).filter(|it| it["status"]["phase"] == "Waiting"))
            .await;
    assert!(condition(&waiting, "Waiting").unwrap()["message"].as_str().unwrap().contains("output `new`"), "{waiting}");
    for case in cases() {
        check(&daemon, &case, &retry(&daemon, case.name).await).await;
        check_outputs(&daemon, case.name).await;
    }
    // Whoever waited for the output begins by itself.
    let taken = daemon.wait_for_workspace("takes").await;
    assert_eq!(taken["status"]["outputs"]["it"], "n");
    for name in ["moved", "into-a-module"] {
        let kept = state(&daemon, name).await;
        assert_eq!(kept["resources"][0]["instances"][0]["attributes"]["id"], ids[name], "{name}: it is the same one");
    }
    a_check_that_does_not_hold_is_told(&daemon).await;
    what_waits_is_shown_and_may_go_on(&daemon).await;
    a_look_applies_nothing(&daemon).await;
    // Dropped a revision later, a move leaves nothing to be done.
    let daemon =
        restart_with(daemon, folder.path(), |case| if case.name == "moved" { Z.to_owned() } else { case.then.clone() })
            .await;
    assert_eq!(retry(&daemon, "moved").await["state"], "unchanged");
    assert_eq!(state(&daemon, "moved").await["resources"][0]["instances"][0]["attributes"]["id"], ids["moved"]);
    what_was_applied_plans_clean_without_captd(&daemon);
    only_outputs_are_taken_away(&daemon).await;
    daemon.stop().await;
}

fn declaration(name: &str, template: &str, it: &Value) -> Value {
    let variables = if it.as_object().is_some_and(serde_json::Map::is_empty) { json!({}) } else { json!({"it": it}) };
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": template}, "variables": variables}})
}

/// Uploads the template that takes an output, and declares `workspace`, which uses it.
async fn put_taker(daemon: &Daemon, workspace: &Value) -> u16 {
    let main = "variable \"it\" { type = string }\noutput \"it\" { value = var.it }\n";
    let template = json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": "taker"},
        "spec": {"files": {"template.yaml": "description: Takes an output.\nprovider: none\n", "main.tf": main}}});
    let answer = daemon.post("/v1/apply", &json!([template, workspace])).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.status.as_u16()
}

async fn check(daemon: &Daemon, case: &Case, run: &Value) {
    let name = case.name;
    assert_eq!(run["state"], case.state, "{name}: {run}");
    let because = run["because"].to_string();
    assert!(because.contains(case.because), "{name}: {because}");
    if case.counts.is_null() {
        assert_eq!(run.get("summary"), None, "{name}: there is no plan, that of before is not shown: {run}");
    } else {
        let counts: Value = run["summary"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, count)| **count != 0)
            .map(|(name, count)| (name.clone(), count.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(counts, case.counts, "{name}: {run}");
        let plan = daemon.plan(run["id"].as_str().unwrap()).await;
        assert_eq!(plan["applyable"], case.state != "unchanged", "{name}: {plan}");
    }
    assert_eq!(resources(&state(daemon, name).await), case.resources, "{name}");
}

async fn a_check_that_does_not_hold_is_told(daemon: &Daemon) {
    let workspace = read(daemon, "checked").await;
    let failed = condition(&workspace, "ChecksFailed").unwrap();
    assert_eq!((&failed["status"], &failed["message"]), (&json!("True"), &json!("check.c: a is not b")));
    let run = workspace["status"]["latestRun"]["id"].as_str().unwrap();
    assert_eq!(daemon.plan(run).await["failedChecks"], json!(["check.c: a is not b"]));
    let events = captd(daemon, "events --for workspace/checked").with_code(0).out;
    assert!(events.contains("ChecksFailed") && events.contains("a is not b"), "{events}");
    let shown = captd(daemon, &format!("plan {run}")).with_code(0).out;
    assert!(shown.contains("checks that do not hold") && shown.contains("check.c: a is not b"), "{shown}");
}

async fn what_waits_is_shown_and_may_go_on(daemon: &Daemon) {
    let shown = captd(daemon, "plan workspace/let-go-protected --detailed-exitcode").with_code(2);
    for text in [". terraform_data.a  is forgotten", "1 to forget", "the plan waits for approval"] {
        assert!(shown.out.contains(text), "{text}: {shown:?}");
    }
    let listed = captd(daemon, "get runs").with_code(0).out;
    assert!(listed.contains("->1") && listed.contains("outputs:2"), "{listed}");
    let run = read(daemon, "moved-protected").await["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    let shown = captd(daemon, &format!("plan {run}")).with_code(0).out;
    assert!(shown.contains("-> terraform_data.z") && shown.contains("was terraform_data.a"), "{shown}");
    assert_eq!(daemon.post(&format!("/v1/runs/{run}/approve"), &json!({})).await.status, 200);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded");
    assert_eq!(resources(&state(daemon, "moved-protected").await), ["terraform_data.z"]);
    for name in ["let-go-protected", "let-go-and-more", "taken-over"] {
        captd(daemon, &format!("discard workspace/{name}")).with_code(0);
        assert_eq!(resources(&state(daemon, name).await), ["terraform_data.a"], "{name}");
    }
}

/// Outputs that would be others now are drift, where a look can see that, and no reason to apply.
async fn a_look_applies_nothing(daemon: &Daemon) {
    let looked_at = |it: &Value| it["status"]["observedAt"].clone();
    let before = read(daemon, "clock").await;
    let applied = state(daemon, "clock").await["serial"].clone();
    std::fs::write(daemon.dir().join("clock"), "7200").unwrap();
    let after = until("it is looked at", async || {
        Some(read(daemon, "clock").await).filter(|it| looked_at(it) != looked_at(&before))
    })
    .await;
    assert_eq!(
        condition(&after, "Drifted").unwrap()["message"].as_str().unwrap().split(';').next(),
        Some("changed outside captd: output p")
    );
    let runs = daemon.get("/v1/runs?namespace=default&workspace=clock").await.json()["items"].clone();
    let kinds: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["kind"]).collect();
    assert_eq!(kinds, ["refresh", "apply", "apply"]);
    assert_eq!(state(daemon, "clock").await["serial"], applied);
    check_outputs(daemon, "clock").await;
    // Each that can be looked at was looked at, before captd is stopped.
    let before: jiff::Timestamp = looked_at(&before).as_str().unwrap().parse().unwrap();
    let hour_later = (before + jiff::SignedDuration::from_hours(1)).to_string();
    for case in cases().iter().filter(|case| case.state != "failed") {
        until(&format!("{} is looked at", case.name), async || {
            let at = read(daemon, case.name).await["status"]["observedAt"].as_str().unwrap().to_owned();
            (at > hour_later).then_some(())
        })
        .await;
    }
    until("all looks are over", async || {
        let open = daemon.get("/v1/runs?state=queued,preparing,planning,planned,applying").await.json();
        (open["items"] == json!([])).then_some(())
    })
    .await;
}

fn what_was_applied_plans_clean_without_captd(daemon: &Daemon) {
    for name in ["output-gone", "output-hidden", "let-go", "data-only"] {
        let out = daemon.dir().join(name);
        captd(daemon, &format!("eject workspace/{name} --out {}", out.display())).with_code(0);
        terraform_says(&out, &["init", "-input=false"]);
        terraform_says(&out, &["plan", "-input=false", "-no-color", "-detailed-exitcode"]);
    }
}

async fn only_outputs_are_taken_away(daemon: &Daemon) {
    assert_eq!(daemon.delete(&path("outputs-only")).await.status, 202);
    until("it is gone", async || (daemon.get(&path("outputs-only")).await.status == 404).then_some(())).await;
    let runs = daemon.get("/v1/runs?namespace=default&workspace=outputs-only").await.json()["items"].clone();
    let (kind, state, counts) = (&runs[0]["kind"], &runs[0]["state"], &runs[0]["summary"]["outputs"]);
    assert_eq!((kind, state, counts), (&json!("destroy"), &json!("succeeded"), &json!(1)), "{runs}");
}

#[tokio::test]
async fn what_was_protected_waits_though_its_protection_goes_with_it() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let a = "resource \"terraform_data\" \"a\" { input = \"a\" }\n";
    let upload = async |name: &str, protects: &str, main: &str| {
        let manifest = format!("description: Of a test.\nprovider: none\nprotects: [{protects}]\n");
        let body = json!({"spec": {"files": {"template.yaml": manifest, "main.tf": main}}});
        let put = daemon.put(&format!("/v1/namespaces/default/templates/{name}"), &body).await;
        assert!(put.status.is_success(), "{name}: {}", put.text);
    };
    let let_go = "removed {\n  from = terraform_data.a\n  lifecycle { destroy = false }\n}\n";
    let moved = "resource \"terraform_data\" \"b\" { input = \"a\" }\nmoved {\n  from = terraform_data.a\n  to   = terraform_data.b\n}\n";
    let cases = [
        ("deleted", "", "delete terraform_data.a"),
        ("let-go", let_go, "forget terraform_data.a"),
        ("moved", moved, "move terraform_data.a to terraform_data.b"),
    ];
    for (name, ..) in cases {
        upload(name, "terraform_data.a", a).await;
        daemon.post("/v1/apply", &json!([declaration(name, name, &json!({}))])).await;
        daemon.wait_for_workspace(name).await;
    }
    for (name, then, because) in cases {
        upload(name, "", &format!("output \"x\" {{ value = 1 }}\n{then}")).await;
        let waits = until(&format!("{name} waits"), async || {
            let status = read(&daemon, name).await["status"].clone();
            (status["phase"] == "AwaitingApproval").then_some(status)
        })
        .await;
        let run = daemon.run(waits["latestRun"]["id"].as_str().unwrap()).await;
        assert!(run["because"][0].as_str().unwrap().contains(because), "{name}: {run}");
        captd(&daemon, &format!("discard workspace/{name}")).with_code(0);
        assert_eq!(resources(&state(&daemon, name).await), ["terraform_data.a"], "{name}");
    }
    daemon.stop().await;
}

/// Hex SHA-256 of `correct horse battery` and of `another staple`, by `sha256sum`.
const FIRST: &str = "9028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72";
const SECOND: &str = "59ba4aa6a0011293e1b950a0094b61bfa2c8f27a937ed33b32174cfa67c7a532";

#[tokio::test]
async fn a_rotated_secret_reaches_outputs_the_connection_secret_and_its_users() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let sensitive = "variable \"it\" {\n  type      = string\n  sensitive = true\n}\n";
    let gives = format!("{sensitive}output \"password\" {{\n  value     = var.it\n  sensitive = true\n}}\n");
    let takes = format!("{sensitive}output \"digest\" {{ value = nonsensitive(sha256(var.it)) }}\n");
    crate::workspaces::put(folder.path(), "gives", &gives);
    crate::workspaces::put(folder.path(), "takes", &takes);
    let daemon = Daemon::start_with(crate::workspaces::setup(&folder));
    type_in(&daemon, "secret set db password=-", "correct horse battery").with_code(0);
    let from = |secret: &str| json!({"valueFrom": {"secret": secret, "key": "password"}});
    let mut gives = declaration("gives", "gives", &from("db"));
    gives["spec"]["writeConnectionSecretToRef"] = json!({"name": "conn"});
    let made = daemon.post("/v1/apply", &json!([gives, declaration("takes", "takes", &from("conn"))])).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let has = async |digest: &str| {
        until("its user has it", async || {
            (read(&daemon, "takes").await["status"]["outputs"]["digest"] == *digest).then_some(())
        })
        .await;
        assert_eq!(captd(&daemon, "output workspace/takes digest").with_code(0).out, format!("{digest}\n"));
    };
    has(FIRST).await;
    type_in(&daemon, "secret set db password=-", "another staple").with_code(0);
    has(SECOND).await;
    let revealed = captd(&daemon, "output workspace/gives password --reveal").with_code(0).out;
    assert_eq!(revealed, "another staple\n");
    let runs = daemon.get("/v1/runs?namespace=default&workspace=takes").await.json()["items"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 2, "one for each text: {runs}");
    daemon.stop().await;
}
