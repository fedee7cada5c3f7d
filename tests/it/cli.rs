//! The command line, as it is typed: what it prints, and its exit codes.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::local::seed_yaml;
use crate::support::{Daemon, requires};

/// What a command did.
#[derive(Debug)]
pub struct Said {
    code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Fails unless the exit code is this one.
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// Types `captd <line>`, with something on standard input.
pub fn type_in(daemon: &Daemon, line: &str, input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(line.split_whitespace())
        .env_clear()
        .env("HOME", daemon.dir())
        .env("CAPTD_ADDR", daemon.base())
        .env("CAPTD_TOKEN", daemon.token())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

pub fn captd(daemon: &Daemon, line: &str) -> Said {
    type_in(daemon, line, "")
}

#[tokio::test]
async fn a_machine_is_led_through_its_life_from_the_command_line() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let applied = type_in(&daemon, "apply -f - --wait", &seed_yaml("workers", 2)).with_code(0);
    assert!(applied.out.contains("machine/default/workers created"), "{applied:?}");
    assert!(applied.out.contains("Ready, 2 nodes") || applied.err.contains("Ready, 2 nodes"), "{applied:?}");
    let again = type_in(&daemon, "apply -f -", &seed_yaml("workers", 2)).with_code(0);
    assert!(again.out.contains("machine/default/workers unchanged"), "{again:?}");

    let table = captd(&daemon, "get machines").with_code(0).out;
    let (head, row) = table.split_once('\n').unwrap();
    assert!(head.starts_with("NAME") && row.starts_with("workers") && row.contains("Ready"), "{table}");
    assert_eq!(captd(&daemon, "get m -o name").with_code(0).out, "machine/workers\n");
    let shown: Value = serde_json::from_str(&captd(&daemon, "get machine workers -o json").with_code(0).out).unwrap();
    assert_eq!(shown["status"]["currentSize"], 2);
    let yaml = captd(&daemon, "get machine/workers -o yaml").with_code(0).out;
    assert!(yaml.contains("instanceType: t3.medium") && yaml.contains("desiredSize: 2\n"), "{yaml}");

    captd(&daemon, "scale workers --desired 3 --wait").with_code(0);
    assert_eq!(daemon.machine("workers").await["status"]["currentSize"], 3);
    captd(&daemon, "plan workers --detailed-exitcode").with_code(0);
    let log = captd(&daemon, "logs workers").with_code(0).out;
    assert!(log.contains("terraform plan"), "{log}");
    let described = captd(&daemon, "describe machine workers").with_code(0).out;
    assert!(described.contains("workers") && described.contains("NodeGroupActive"), "{described}");

    captd(&daemon, "delete machine workers --wait").with_code(0);
    let gone = captd(&daemon, "get machine workers").with_code(1);
    assert!(gone.err.contains("default/workers"), "{gone:?}");
    let none = captd(&daemon, "get machines").with_code(0);
    assert!(none.out.is_empty() && none.err.contains("No machines found"), "{none:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_plan_that_waits_for_a_person_says_so_with_its_own_exit_code() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    type_in(&daemon, "apply -f - --wait", &seed_yaml("workers", 1)).with_code(0);
    let edited = seed_yaml("workers", 1).replace("t3.medium", "m5.large");
    let waits = type_in(&daemon, "apply -f - --wait", &edited).with_code(3);
    let said = format!("{}{}", waits.out, waits.err);
    assert!(said.contains("captd approve workers") || said.contains("captd approve"), "{said}");
    assert!(said.contains("terraform_data.group"), "it says why: {said}");
    let plan = captd(&daemon, "plan workers --detailed-exitcode").with_code(2);
    assert!(plan.out.contains("the plan waits for approval") && plan.err.contains("this is its plan"), "{plan:?}");
    captd(&daemon, "discard workers").with_code(0);
    let table = captd(&daemon, "get machines").with_code(0).out;
    assert!(table.contains("m5.large (wanted)   2 (1 in force)"), "what is there is not what is declared: {table}");
    captd(&daemon, "retry workers --wait").with_code(3);
    captd(&daemon, "approve workers").with_code(0);
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_plan_with_changes_is_told_by_its_exit_code() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    type_in(&daemon, "apply -f - --wait", &seed_yaml("workers", 1)).with_code(0);
    captd(&daemon, "pause workers").with_code(0);
    captd(&daemon, "scale workers --desired 2").with_code(0);
    let plan = captd(&daemon, "plan workers --detailed-exitcode").with_code(2);
    assert!(plan.out.contains("terraform_data.node[\"1\"]"), "{plan:?}");
    captd(&daemon, "resume workers").with_code(0);
    daemon.wait_until_ready("workers").await;
    let table = captd(&daemon, "get machines").with_code(0).out;
    assert!(!table.contains("wanted") && !table.contains("in force"), "{table}");

    captd(&daemon, "hold").with_code(0);
    let held = captd(&daemon, "scale workers --desired 1 --wait --timeout 4s").with_code(4);
    assert!(held.out.contains("held by ") && held.out.contains("`captd release` ends this"), "{held:?}");
    // What follows an open run is told with that run.
    let slow = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}, "variables": {"create_seconds": 3},
        "runPolicy": {"approval": "auto"}}});
    assert_eq!(daemon.patch("/v1/namespaces/default/machines/workers", &slow).await.status, 200);
    captd(&daemon, "release").with_code(0);
    daemon.wait_for_machine("workers", "it applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    let scaled = daemon.post("/v1/namespaces/default/machines/workers/scale", &json!({"desiredSize": 3})).await;
    assert_eq!((scaled.status.as_u16(), &scaled.json()["run"]["state"]), (202, &json!("applying")), "{}", scaled.text);
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

#[tokio::test]
async fn templates_and_machines_are_shown_in_captds_own_form() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let shown = captd(&daemon, "template show eks-nodegroup-template --rendered").with_code(0).out;
    assert!(shown.contains("# main.tf") && shown.contains("region = \"us-east-1\""), "{shown}");
    let own = type_in(&daemon, "convert -f -", &seed_yaml("workers", 1)).with_code(0).out;
    assert!(own.contains("apiVersion: captd/v1") && own.contains("kind: Machine\n"), "{own}");
    assert!(!own.contains("infrastructure.cluster.x-k8s.io"), "{own}");
    type_in(&daemon, "apply -f - --wait", &own).with_code(0);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place_and_exit_code() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let bad = seed_yaml("workers", 9).replace("minSize: 1", "minSiz: 1");
    let refused = type_in(&daemon, "apply -f -", &bad).with_code(1);
    assert!(refused.err.contains("minSiz") && refused.err.contains("did you mean `minSize`?"), "{refused:?}");
    captd(&daemon, "get machines --no-such-flag").with_code(2);
    let nobody = captd(&daemon, "scale nobody --desired 3").with_code(1);
    assert!(nobody.err.contains("default/nobody"), "{nobody:?}");
    let name = captd(&daemon, "get machine ../../etc").with_code(2);
    assert!(name.err.contains("write a name"), "{name:?}");
    let elsewhere = captd(&daemon, "get machines --addr 127.0.0.1:1").with_code(1);
    assert!(elsewhere.err.contains("captd serve"), "{elsewhere:?}");
    let stranger = captd(&daemon, "get machines --token wrong").with_code(1);
    assert!(stranger.err.contains("token"), "{stranger:?}");
    assert_eq!(daemon.get("/v1/machines").await.json()["items"], json!([]));
    daemon.stop().await;
}

#[test]
fn the_demo_shows_the_whole_way_and_ends() {
    if !requires("terraform") {
        return;
    }
    let home = tempfile::TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["demo", "--once", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", String::from_utf8_lossy(&output.stderr));
    for text in [
        "request",
        "spec",
        "terraform",
        "+ module.nodegroup.terraform_data.node[\"2\"]",
        "\"currentSize\": 3",
        "http://127.0.0.1:",
    ] {
        assert!(out.contains(text), "`{text}` is not in: {out}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_configuration_can_be_checked_before_it_is_used() {
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("captd.toml");
    let check = |config: &str| {
        std::fs::write(&file, config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_captd"))
            .args(["config", "check", "--config"])
            .arg(&file)
            .env_clear()
            .env("HOME", home.path())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (code, said) = check("[engine]\nplans_at_once = 3\n");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = check("[engine]\nplans_at_once = 0\n[reconcile]\ntick = 5\n");
    assert_eq!(code, Some(1));
    assert!(said.contains("engine.plans_at_once") && said.contains("reconcile.tick"), "{said}");
}
