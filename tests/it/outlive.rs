//! An apply on AWS outlives its daemon: the real Terraform and the real AWS provider, a node group
//! that takes its time, and a daemon that is killed meanwhile.

use std::path::PathBuf;

use captd::domain::time::{Clock, SystemClock};
use rustix::process::Signal;
use serde_json::Value;

use crate::aws::seed_yaml;
use crate::support::{Daemon, FakeAws, Setup, requires, until};

const MACHINE: &str = "managed-ng-1";

/// A daemon whose terraform waits for a node group that is CREATING.
struct Creating {
    aws: FakeAws,
    daemon: Daemon,
    run: String,
}

impl Creating {
    async fn begin(creating_seconds: u32) -> Self {
        Self::begin_with("", creating_seconds).await
    }

    async fn begin_with(config: &str, creating_seconds: u32) -> Self {
        let aws = FakeAws::start();
        let subnets = aws.seed("demo").await;
        aws.rule(&serde_json::json!({"action": "CreateNodegroup", "creating_seconds": creating_seconds})).await;
        let daemon = Daemon::start_with(Setup { config: format!("{}{config}", aws.config()) });
        daemon.apply(&seed_yaml(&subnets)).await;
        until("the cloud was asked", async || (creations(&aws).await > 0).then_some(())).await;
        let run = daemon.runs(MACHINE).await[0]["id"].as_str().unwrap().to_owned();
        Self { aws, daemon, run }
    }

    /// What is true whatever happened meanwhile: ready, made once, and nothing is left.
    async fn check_and_end(self) {
        assert_eq!(self.daemon.wait_until_ready(MACHINE).await["status"]["currentSize"], 2);
        assert_eq!(creations(&self.aws).await, 1, "it was asked once");
        self.daemon.delete(&format!("/v1/namespaces/default/machines/{MACHINE}")).await;
        self.daemon.wait_until_gone(MACHINE).await;
        self.daemon.stop().await;
    }

    fn apply_folder(&self) -> PathBuf {
        self.daemon.dir().join("data/runs").join(&self.run).join("4-apply")
    }

    async fn log(&self) -> String {
        self.daemon.get(&format!("/v1/runs/{}/log", self.run)).await.text
    }
}

async fn creations(aws: &FakeAws) -> usize {
    aws.actions().await.into_iter().filter(|action| action == "CreateNodegroup").count()
}

/// What Terraform has said to people in a log of its own, read here and not by captd.
fn messages(log: &str) -> String {
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = events.filter(|event| event["type"] != "version");
    told.map(|event| format!("{}\n", event["@message"].as_str().unwrap())).collect()
}

/// A process by what the supervisor noted: pid and start time.
#[derive(Debug, PartialEq)]
struct Noted {
    pid: i32,
    start_time: u64,
}

impl Noted {
    fn read(file: &std::path::Path) -> Self {
        let noted: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let pid = i32::try_from(noted["pid"].as_i64().unwrap()).unwrap();
        Self { pid, start_time: noted["start_time"].as_u64().unwrap() }
    }

    /// Whether the kernel still knows a process of this pid that began then.
    fn is_alive(&self) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        // A zombie has ended, and only waits for its parent to hear of it.
        fields[0] != "Z" && fields[19] == self.start_time.to_string()
    }
}

/// The daemon is killed in the middle of the apply, and comes back: at once, or `away_seconds` after the node group was made.
async fn kill_and_come_back(creating: Creating, away_seconds: Option<i64>) {
    let folder = creating.apply_folder();
    let terraform = Noted::read(&folder.join("terraform.json"));
    let before = creating.log().await;
    assert!(before.contains("Creating...") && terraform.is_alive(), "{before}");
    let Creating { aws, daemon, run } = creating;
    let dir = daemon.end(Signal::KILL).await;
    if let Some(away) = away_seconds {
        let said = || std::fs::read_to_string(folder.join("stdout.log")).unwrap();
        until("the node group is made and terraform knows", async || {
            said().contains("aws_eks_node_group.this: Creation complete").then_some(())
        })
        .await;
        let made = SystemClock.now();
        until("the time is over", async || (SystemClock.now().duration_since(made).as_secs() >= away).then_some(()))
            .await;
    }
    assert!(terraform.is_alive() && !folder.join("exit.json").exists(), "it waits, for the cloud or for captd");

    let creating = Creating { aws, daemon: Daemon::start_in(dir), run };
    let after = creating.log().await;
    assert!(after.starts_with(&before), "the log goes on from where it was:\n{before}\n{after}");
    let ended = creating.daemon.wait_for_end(&creating.run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert_eq!(Noted::read(&folder.join("terraform.json")), terraform, "it was the same terraform");
    assert!(!terraform.is_alive());
    let exit: Value = serde_json::from_slice(&std::fs::read(folder.join("exit.json")).unwrap()).unwrap();
    assert_eq!(exit["code"], 0);

    let log = creating.log().await;
    assert!(log.starts_with(&after), "and so does its end:\n{after}\n{log}");
    let said = std::fs::read_to_string(folder.join("stdout.log")).unwrap();
    let (_, applied) = log.split_once("── terraform apply\n").unwrap();
    assert_eq!(applied, messages(&said), "each line of Terraform's, in its order");
    assert!(applied.contains("Creation complete") && applied.contains("Apply complete!"), "{applied}");
    creating.check_and_end().await;
}

#[tokio::test]
async fn a_daemon_killed_in_a_minute_of_creating_is_not_missed() {
    if !requires("aws") {
        return;
    }
    kill_and_come_back(Creating::begin(60).await, None).await;
}

/// The daemon is away when terraform hands in the state that it has at the end; for two minutes
/// with `CAPTD_AWAY_SECONDS=120`.
#[tokio::test]
async fn an_apply_that_ends_while_the_daemon_is_away_waits_for_it() {
    if !requires("aws") {
        return;
    }
    let away = std::env::var("CAPTD_AWAY_SECONDS").map_or(5, |seconds| seconds.parse().unwrap());
    let creating_seconds = if away > 5 { 60 } else { 10 };
    kill_and_come_back(Creating::begin(creating_seconds).await, Some(away)).await;
}

/// Terraform goes on without it, and hands in its state. How it ended nobody knows, so the next run looks.
/// Its provider is its own: without the gateway.
#[tokio::test]
async fn an_apply_whose_supervisor_is_killed_is_looked_at_and_not_applied_again() {
    if !requires("aws") {
        return;
    }
    let creating = Creating::begin_with("[engine]\ngateway = \"off\"\n", 60).await;
    let folder = creating.apply_folder();
    let terraform = Noted::read(&folder.join("terraform.json"));
    let before = creating.log().await;
    let supervisor = rustix::process::Pid::from_raw(Noted::read(&folder.join("supervisor.json")).pid).unwrap();
    rustix::process::kill_process(supervisor, Signal::KILL).unwrap();

    assert_eq!(creating.daemon.wait_for_end(&creating.run).await["state"], "lost");
    assert_eq!(Noted::read(&folder.join("terraform.json")), terraform, "it was the same terraform to its end");
    assert!(!terraform.is_alive());
    let log = creating.log().await;
    assert!(log.starts_with(&before) && log.contains("Apply complete!"), "{before}\n{log}");
    let rescue = until("it is looked at", async || {
        let runs = creating.daemon.runs(MACHINE).await;
        runs.into_iter().find(|run| run["trigger"] == "rescue" && run.get("finishedAt").is_some())
    })
    .await;
    assert_eq!(rescue["state"], "unchanged", "{rescue}");
    creating.check_and_end().await;
}

/// Between terraform and a warm provider there is the supervisor: its end costs the run its provider, and what was
/// begun is taken in by the next one.
#[tokio::test]
async fn an_apply_that_loses_its_supervisor_and_so_its_provider_is_not_applied_again() {
    if !requires("aws") {
        return;
    }
    let creating = Creating::begin(10).await;
    let folder = creating.apply_folder();
    let terraform = Noted::read(&folder.join("terraform.json"));
    let supervisor = rustix::process::Pid::from_raw(Noted::read(&folder.join("supervisor.json")).pid).unwrap();
    rustix::process::kill_process(supervisor, Signal::KILL).unwrap();

    assert_eq!(creating.daemon.wait_for_end(&creating.run).await["state"], "lost");
    assert!(!terraform.is_alive());
    let rescue = until("it is taken in", async || {
        let runs = creating.daemon.runs(MACHINE).await;
        runs.into_iter().find(|run| run["state"] == "succeeded")
    })
    .await;
    assert_eq!(rescue["summary"]["import"], 1, "{rescue}");
    creating.check_and_end().await;
}
