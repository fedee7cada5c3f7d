//! An upgrade: a run that an earlier captd has begun is brought to its end by this one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::aws::seed_yaml;
use crate::confine::{machine, template};
use crate::leftovers::plant::{Victims, forms, plant};
use crate::restart::create_slowly;
use crate::support::{Daemon, FakeAws, local_machine, on_path, requires, until};

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// `make upgrade-test` names another captd in `CAPTD_UPGRADE_FROM`. Without it the same captd
/// stands for the earlier one, and its record is written again in the format before.
#[tokio::test]
async fn a_run_goes_on_across_a_change_of_captd() {
    if !requires("terraform") {
        return;
    }
    let earlier = std::env::var_os("CAPTD_UPGRADE_FROM").map(PathBuf::from);
    let own = Path::new(env!("CARGO_BIN_EXE_captd"));
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("captd.toml"), "").unwrap();
    let daemon = Daemon::start_program(dir, earlier.as_deref().unwrap_or(own), &[]);
    let version_before = daemon.get("/v1/version").await.json()["version"].clone();
    let run = create_slowly(&daemon).await;
    let folder = daemon.dir().join("data/runs").join(&run).join("4-apply");
    let terraform = read(&folder.join("terraform.json"));
    let dir = daemon.end(Signal::KILL).await;
    if earlier.is_none() {
        let mut command = read(&folder.join("command.json"));
        command["format"] = json!(2);
        command.as_object_mut().unwrap().remove("limits").expect("format 3 says what it may take");
        std::fs::write(folder.join("command.json"), command.to_string()).unwrap();
    }

    let daemon = Daemon::start_in(dir);
    let version = daemon.get("/v1/version").await.json()["version"].clone();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(earlier.is_none() || version != version_before, "{version} took over from {version_before}");
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert_eq!(read(&folder.join("terraform.json")), terraform, "it was the same terraform");
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    assert_eq!(daemon.scale("workers", 3).await["summary"]["create"], 1, "and it goes on with its state");
    daemon.stop().await;
}

/// As after an upgrade that renders the template in another way: what the workspace was initialised
/// with is out of Terraform's reach.
#[tokio::test]
async fn outputs_are_those_of_the_state_where_terraform_cannot_be_asked_for_them() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let run = create_slowly(&daemon).await;
    let initialised = daemon.work_dir(&run).join(".terraform");
    std::fs::rename(initialised, daemon.dir().join("data/elsewhere")).unwrap();
    let ended = daemon.wait_for_end(&run).await;
    let steps = ended["steps"].as_array().unwrap();
    let output = steps.iter().find(|step| step["name"] == "output").unwrap();
    assert!(output["exitCode"] != 0, "terraform could be asked: {ended}");
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let made = daemon.wait_until_ready("workers").await;
    assert_eq!((&made["status"]["currentSize"], &made["status"]["outputs"]["status"]), (&json!(2), &json!("ACTIVE")));
    daemon.stop().await;
}

/// Terraform, but that its plans and its applies wait for as long as there is a file that says so.
fn wait_for_files(dir: &Path) -> String {
    let folder = dir.join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("terraform");
    let script = format!(
        "#!/bin/sh\nwhile [ -e \"{}/hold-$1\" ]; do sleep 0.05; done\nexec '{}' \"$@\"\n",
        folder.display(),
        on_path("terraform").unwrap().display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!(
        "[engine]\nbinary = {:?}\nplans_at_once = 8\napplies_at_once = 8\nconfine_read = [{:?}]\n",
        program.display().to_string(),
        folder.display().to_string()
    )
}

async fn latest(daemon: &Daemon, name: &str, state: &str) -> String {
    let is = |machine: &Value| machine["status"]["latestRun"]["state"] == state;
    let machine = daemon.wait_for_machine(name, state, is).await;
    machine["status"]["latestRun"]["id"].as_str().unwrap().to_owned()
}

/// Only `make upgrade-test` has an earlier captd that keeps a folder for each workspace.
#[tokio::test]
async fn each_run_goes_on_wherever_the_earlier_captd_has_left_it() {
    let Some(earlier) = std::env::var_os("CAPTD_UPGRADE_FROM").map(PathBuf::from) else {
        println!("skipped: CAPTD_UPGRADE_FROM names no earlier captd");
        return;
    };
    assert!(requires("terraform"));
    let stays = "(while [ -e \"$STAY\" ]; do sleep 0.1; done) >/dev/null 2>&1 </dev/null &\n";
    let (dir, templates) = (TempDir::new().unwrap(), template(stays));
    let config = wait_for_files(dir.path()) + &format!("[templates]\ndir = {:?}\n", templates.path());
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    let bin = dir.path().join("bin");
    let hold = |what: &str| std::fs::write(bin.join(format!("hold-{what}")), "").unwrap();
    let mark = bin.join("stay");
    std::fs::write(&mark, "").unwrap();
    let daemon = Daemon::start_program(dir, &earlier, &[]);
    let names = ["waits", "errs", "goes"];
    for name in names {
        daemon.apply(&local_machine(name, 1, &json!({})).to_string()).await;
    }
    let mut leaves = machine(&json!({"STAY": mark}));
    leaves["metadata"]["name"] = json!("leaves");
    assert_eq!(daemon.post("/v1/namespaces/default/machines", &leaves).await.status, 201);
    for name in names.iter().chain(&["leaves"]) {
        daemon.wait_until_ready(name).await;
    }
    let edit = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}});
    assert_eq!(daemon.patch("/v1/namespaces/default/machines/waits", &edit).await.status, 200);
    let waits = latest(&daemon, "waits", "awaiting_approval").await;
    hold("apply");
    daemon.apply(&local_machine("applies", 2, &json!({})).to_string()).await;
    daemon.delete("/v1/namespaces/default/machines/goes").await;
    let errs = daemon.ask("errs", "scale", &json!({"desiredSize": 2})).await;
    let applies = latest(&daemon, "applies", "applying").await;
    for name in ["goes", "errs"] {
        latest(&daemon, name, "applying").await;
    }
    let mut state = daemon.get("/v1/namespaces/default/machines/errs/state").await.json();
    state["serial"] = json!(state["serial"].as_u64().unwrap() + 50);
    let workspace = daemon.run(&errs).await["workspace"].as_str().unwrap().to_owned();
    let folder = daemon.dir().join("data/workspaces").join(workspace);
    until("its apply works there", async || folder.exists().then_some(())).await;
    std::fs::write(folder.join("errored.tfstate"), state.to_string()).unwrap();
    hold("plan");
    daemon.apply(&local_machine("plans", 2, &json!({})).to_string()).await;
    let plans = latest(&daemon, "plans", "planning").await;

    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    for what in ["plan", "apply"] {
        std::fs::remove_file(bin.join(format!("hold-{what}"))).unwrap();
    }
    for run in [&plans, &applies] {
        assert_eq!(daemon.wait_for_end(run).await["state"], "succeeded", "{}", daemon.run(run).await);
    }
    daemon.wait_until_gone("goes").await;
    daemon.wait_for_end(&errs).await;
    let versions = daemon.get("/v1/namespaces/default/machines/errs/state/versions").await.text;
    assert!(versions.contains(&format!("run/{errs}")), "the state that it had left is kept: {versions}");
    assert_eq!(daemon.post(&format!("/v1/runs/{waits}/approve"), &json!({})).await.status, 200);
    assert_eq!(daemon.wait_for_end(&waits).await["state"], "succeeded");
    leaves["spec"]["nodeGroupConfig"]["scaling"]["desiredSize"] = json!(3);
    assert_eq!(daemon.put("/v1/namespaces/default/machines/leaves", &leaves).await.status, 200);
    for name in ["waits", "errs", "applies", "plans", "leaves"] {
        daemon.wait_until_ready(name).await;
    }
    let daemon = Daemon::start_in(daemon.stop().await);
    let data = daemon.dir().join("data");
    until("no folder of a workspace is left", async || (!data.join("workspaces").exists()).then_some(())).await;
    std::fs::remove_file(&mark).unwrap();
    daemon.stop().await;
}

/// Its supervisor speaks the protocol of before, which the new gateway does not.
#[tokio::test]
async fn an_apply_keeps_the_provider_that_an_earlier_gateway_has_lent() {
    let Some(earlier) = std::env::var_os("CAPTD_UPGRADE_FROM").map(PathBuf::from) else {
        println!("skipped: CAPTD_UPGRADE_FROM names no earlier captd");
        return;
    };
    assert!(requires("aws"));
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 60})).await;
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("captd.toml"), aws.config()).unwrap();
    let daemon = Daemon::start_program(dir, &earlier, &[]);
    daemon.apply(&seed_yaml(&subnets)).await;
    let created = async || aws.actions().await.iter().filter(|action| *action == "CreateNodegroup").count();
    until("the cloud was asked", async || (created().await > 0).then_some(())).await;
    let run = daemon.runs("managed-ng-1").await[0]["id"].as_str().unwrap().to_owned();
    let folder = daemon.dir().join("data/runs").join(&run).join("4-apply");
    let terraform = read(&folder.join("terraform.json"));
    let lent = daemon.get("/v1/gateway").await.json()["status"]["processes"].clone();
    assert!(lent.to_string().contains("\"inUse\":true"), "{lent}");

    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    let found = until("another gateway has found its provider", async || {
        let status = daemon.get("/v1/gateway").await.json()["status"].clone();
        status.to_string().contains("an earlier captd").then_some(status)
    })
    .await;
    assert_eq!(found["captd"], env!("CARGO_PKG_VERSION"), "{found}");
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert_eq!(read(&folder.join("terraform.json")), terraform, "it was the same terraform");
    assert_eq!(daemon.wait_until_ready("managed-ng-1").await["status"]["currentSize"], 2);
    assert_eq!(created().await, 1, "it was asked once");
    daemon.delete("/v1/namespaces/default/machines/managed-ng-1").await;
    daemon.wait_until_gone("managed-ng-1").await;
    daemon.stop().await;
}

#[tokio::test]
async fn folders_of_workspaces_go_when_no_state_in_them_is_needed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&local_machine("workers", 1, &json!({})).to_string()).await;
    daemon.wait_until_ready("workers").await;
    let run = daemon.runs("workers").await.remove(0);
    let state = daemon.get("/v1/namespaces/default/machines/workers/state").await.text;
    let dir = daemon.stop().await;
    // As an earlier captd has left them.
    let data = dir.path().join("data");
    let victims = Victims::lay(&data);
    let own = run["workspace"].as_str().unwrap();
    let folder = data.join("workspaces").join(own);
    plant(&folder, &victims);
    std::fs::write(folder.join("errored.tfstate"), &state).unwrap();
    std::fs::write(folder.join("terraform.tfstate"), "{\"version\": 4}").unwrap();
    let gone = data.join("workspaces/01a222fc-cb67-72dd-ac57-ccfccc367812");
    plant(&gone, &victims);
    let hostile = data.join("workspaces/01a222fc-cb67-72dd-ac57-ccfccc367813");
    std::fs::create_dir(&hostile).unwrap();
    let (form, lay) = forms("errored.tfstate").remove(0);
    lay(&hostile, &victims);

    let daemon = Daemon::start_in(dir);
    until("they are gone", async || (!folder.exists() && !gone.exists()).then_some(())).await;
    for (name, text) in [("errored.tfstate", state.as_str()), ("terraform.tfstate", "{\"version\": 4}")] {
        let aside = data.join("diverged").join(format!("{own}.{name}"));
        assert_eq!(std::fs::read_to_string(aside).unwrap(), text, "{name} was set aside");
    }
    until("what cannot be read is named", async || {
        let log = daemon.log();
        (log.contains("stays: a state in it cannot be kept") && log.contains("367813")).then_some(())
    })
    .await;
    assert!(hostile.exists(), "{form} stays");
    assert_eq!(daemon.scale("workers", 2).await["state"], "succeeded");
    victims.are_untouched();
    daemon.stop().await;
}
