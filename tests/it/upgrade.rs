//! An upgrade: a run that an earlier captd has begun is brought to its end by this one.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::restart::create_slowly;
use crate::support::{Daemon, requires};

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
        command["format"] = json!(1);
        command.as_object_mut().unwrap().remove("captd").expect("format 2 names its captd");
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
