//! Confinement: what a template can touch when it tries, what a run may touch, and what happens
//! where the kernel cannot confine.

mod rights;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{AccessFs, Ruleset, RulesetAttr};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::support::{Daemon, Setup, on_path, requires, until};

const ATTEMPTS: &str = include_str!("confine/attempts.sh");

/// What must not work, in the order of the attempts.
const DENIED: &[&str] = &[
    "read the token",
    "read the database",
    "read its journal",
    "read a key",
    "read the configuration",
    "read the home folder",
    "read what signs in to registries",
    "read another work folder",
    "read another run",
    "list the data folder",
    "list all revisions",
    "list all runs",
    "read the daemon's environment",
    "read by the daemon's root",
    "read by a link",
    "read by a hard link",
    "rename a file into its folder",
    "write into the data folder",
    "write Terraform's configuration",
    "write into another work folder",
    "write where its supervisor writes",
    "make a command of its own run",
    "lay a link where its supervisors have their sockets",
    "write to /tmp",
    "write to the home folder",
    "read the gateway's token",
    "connect to a gateway",
    "signal the daemon",
    "signal its supervisor",
    "make a device",
    "read secrets of the system",
];

/// What must work.
const DONE: &[&str] = &[
    "write into its own folder",
    "use temporary files",
    "run a program of its own",
    "read the system's certificates",
    "read the system's users",
    "write to /dev/null",
    "signal what it started",
];

/// What only root can do, confined or not.
const OF_ROOT: &[&str] = &["make a device", "read secrets of the system"];

/// A folder with one template, `own`, whose apply runs a script.
pub fn template(script: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let template = folder.path().join("workspace/own");
    std::fs::create_dir_all(&template).unwrap();
    std::fs::write(template.join("template.yaml"), "description: Tries.\nprovider: none\nprotects: []\n").unwrap();
    let variables = ["node_group_name", "instance_types", "min_size", "max_size", "desired_size", "labels", "tags"]
        .map(|name| format!("variable \"{name}\" {{ default = null }}\n"));
    std::fs::write(template.join("variables.tf"), variables.concat()).unwrap();
    let main = format!(
        "variable \"environment\" {{ default = {{}} }}
resource \"terraform_data\" \"tries\" {{
  provisioner \"local-exec\" {{
    environment = var.environment
    command     = <<-EOT\n{script}EOT
  }}
}}
"
    );
    std::fs::write(template.join("main.tf"), main).unwrap();
    folder
}

pub fn setup(folder: &Path, engine: &str) -> Setup {
    Setup { config: format!("[templates]\ndir = {}\n[engine]\n{engine}\n", json!(folder)) }
}

pub fn machine(environment: &Value) -> Value {
    json!({
        "metadata": {"name": "workers"},
        "spec": {
            "workspaceTemplateRef": {"name": "own"},
            "nodeGroupConfig": {"name": "workers", "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
            "variables": {"environment": environment},
        },
    })
}

/// The only run of a data folder: what else lies beside it has an ending.
fn only_run(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_none()).collect::<Vec<_>>().pop().unwrap()
}

/// Lets the template try, and gives back what came of each attempt.
async fn attempts(engine: &str) -> BTreeMap<String, String> {
    let folder = template(ATTEMPTS);
    let daemon = Daemon::start_with(setup(folder.path(), engine));
    let data = daemon.dir().join("data");
    daemon.apply(&seed_yaml("other", 1)).await;
    daemon.wait_until_ready("other").await;
    let other_run = only_run(&data);
    let of_terraform = daemon.dir().join(".terraform.d");
    std::fs::create_dir(&of_terraform).unwrap();
    std::fs::write(of_terraform.join("credentials.tfrc.json"), "{}").unwrap();
    // As of a run that is at work.
    let other_work = data.join("runs/0123456789ab.w");
    std::fs::create_dir(&other_work).unwrap();
    std::fs::write(other_work.join("main.tf"), "secret").unwrap();
    for name in ["some.key", "to-move"] {
        std::fs::write(data.join(name), "secret").unwrap();
    }
    let environment = json!({
        "DATA": data,
        "HOME_DIR": daemon.dir(),
        "OTHER_WORK": other_work.join("main.tf"),
        "OTHER_RUN": other_run.join("2-plan/command.json"),
        "DAEMON": daemon.pid().to_string(),
    });
    let created = daemon.post("/v1/namespaces/default/machines", &machine(&environment)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    daemon.wait_until_ready("workers").await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    let log = daemon.get(&format!("/v1/runs/{run}/log")).await.text;
    assert!(log.contains("attempts are over"), "{log}");
    until("nothing but its own folder is left", async || {
        let mut left = std::fs::read_dir(data.join("runs")).unwrap().map(|entry| entry.unwrap().path());
        left.all(|path| path.extension().is_none() || path == other_work).then_some(())
    })
    .await;
    daemon.stop().await;
    let told = log.lines().filter_map(|line| line.split_once("(local-exec): "));
    told.filter(|(_, text)| text.ends_with(": done") || text.ends_with(": denied"))
        .map(|(_, text)| text.split_once(": ").map(|(what, how)| (what.to_owned(), how.to_owned())).unwrap())
        .collect()
}

fn expected(names: &[&str], how: &str) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), how.to_owned())).collect()
}

#[tokio::test]
async fn a_template_that_tries_gets_at_its_own_things_only() {
    if !requires("terraform") || captd::supervisor::landlock().is_err() {
        return;
    }
    let mut wanted = expected(DENIED, "denied");
    wanted.extend(expected(DONE, "done"));
    assert_eq!(attempts("confine = \"required\"").await, wanted);
}

#[tokio::test]
async fn the_same_template_gets_at_everything_when_confinement_is_off() {
    if !requires("terraform") {
        return;
    }
    let mut told = attempts("confine = \"off\"").await;
    // Temporary files are then where they are for everybody.
    for name in OF_ROOT.iter().chain(&["use temporary files"]) {
        told.remove(*name);
    }
    let mut wanted = expected(DENIED, "done");
    wanted.extend(expected(DONE, "done"));
    wanted.retain(|name, _| told.contains_key(name));
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn what_the_operator_opens_is_open() {
    if !requires("terraform") || captd::supervisor::landlock().is_err() {
        return;
    }
    let (read, write) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::write(read.path().join("in"), "brought\n").unwrap();
    // A subshell: a redirection that fails would end the script.
    let script = "cat \"$READ/in\" >\"$WRITE/out\"\nif (: >>\"$READ/in\"); then echo written >>\"$WRITE/out\"; fi\n";
    let folder = template(script);
    let engine = format!("confine_read = [{:?}]\nconfine_write = [{:?}]", read.path(), write.path());
    let daemon = Daemon::start_with(setup(folder.path(), &engine));
    let environment = json!({"READ": read.path(), "WRITE": write.path()});
    daemon.post("/v1/namespaces/default/machines", &machine(&environment)).await;
    daemon.wait_until_ready("workers").await;
    assert_eq!(std::fs::read_to_string(write.path().join("out")).unwrap(), "brought\n");
    daemon.stop().await;
}

/// Runs something on a thread that the kernel confines no further: domains lie at most 16 deep.
fn where_nothing_can_be_confined<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        for _ in 0..16 {
            // Forbids what no test does.
            let ruleset = Ruleset::default().handle_access(AccessFs::MakeBlock).unwrap();
            ruleset.create().unwrap().restrict_self().unwrap();
        }
        work()
    });
    thread.join().unwrap()
}

#[tokio::test]
async fn without_landlock_required_does_not_start_and_preferred_warns() {
    if !requires("terraform") || captd::supervisor::landlock().is_err() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_owned();
    std::fs::write(path.join("captd.toml"), "[engine]\nconfine = \"required\"\n").unwrap();
    let output = where_nothing_can_be_confined(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_captd"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(path.join("data"));
        command.arg("--config").arg(path.join("captd.toml")).output().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in ["engine.confine = \"required\"", "Landlock", "\"preferred\" or \"off\""] {
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }

    let daemon = where_nothing_can_be_confined(Daemon::start);
    assert!(daemon.log().contains("terraform is not confined"), "{}", daemon.log());
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

/// A daemon whose terraform is a link in a folder of the test's, `bin`.
fn start_with_link(engine: &str) -> (Daemon, TempDir) {
    let bin = TempDir::new().unwrap();
    let link = bin.path().join("terraform");
    std::os::unix::fs::symlink(on_path("terraform").unwrap(), &link).unwrap();
    let config = format!("[engine]\nbinary = {:?}\n{engine}\n", link.display().to_string());
    (Daemon::start_with(Setup { config }), bin)
}

#[tokio::test]
async fn a_terraform_that_cannot_be_started_is_no_lost_one() {
    if !requires("terraform") {
        return;
    }
    for engine in ["", "confine = \"off\""] {
        let (daemon, bin) = start_with_link(engine);
        std::fs::remove_file(bin.path().join("terraform")).unwrap();
        daemon.apply(&seed_yaml("workers", 1)).await;
        let failed = daemon.wait_for_phase("workers", "Failed").await;
        let message = failed["status"]["failureMessage"].as_str().unwrap();
        assert!(message.contains("captd cannot start") && message.contains("No such file"), "{message}");
        let run = &daemon.runs("workers").await[0];
        assert_eq!(run["steps"].as_array().unwrap().last().unwrap()["exitCode"], 127, "{run}");
        assert!(run["failure"]["remedy"].as_str().unwrap().contains("engine.binary"), "{run}");
        daemon.end(rustix::process::Signal::TERM).await;
    }
}

#[tokio::test]
async fn a_supervisor_can_be_started_by_a_link_to_terraform_and_its_child_has_few_rights() {
    if !requires("terraform") || captd::supervisor::landlock().is_err() {
        return;
    }
    let (daemon, _bin) = start_with_link("confine = \"required\"");
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let plan = until("the plan is kept", async || {
        let run = only_run(&daemon.dir().join("data"));
        std::fs::metadata(run.join("2-plan/command.json")).ok()
    })
    .await;
    assert_eq!(plan.mode() & 0o077, 0, "nobody else reads what a command may touch");
    daemon.stop().await;
}
