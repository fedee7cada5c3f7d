//! Gateway and providers that hang: it is noticed, plans go on without them, and an apply is never ended for it.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::lost::{create, pids_of};
use crate::cli::captd;
use crate::support::{Daemon, FakeAws, Setup, requires, until};

/// Stops a process, all of it: a signal reaches one thread, and the others go on until that one has had its turn.
async fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
    let is_stopped = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    };
    until("it has stopped", async || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
        threads.flatten().all(is_stopped).then_some(())
    })
    .await;
}

/// Whether a process is there no more. One that was killed takes a moment, and a moment more to be taken note of.
fn is_gone(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid).is_err()
}

async fn gateway_pid(daemon: &Daemon) -> Option<Pid> {
    let pid = daemon.get("/v1/gateway").await.json()["status"]["pid"].as_i64()?;
    Pid::from_raw(i32::try_from(pid).unwrap())
}

fn condition(machine: &Value, name: &str) -> Option<Value> {
    let conditions = machine["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == name).cloned()
}

/// A daemon that asks often who hangs.
fn daemon(aws: &FakeAws, heartbeat: u32) -> Daemon {
    Daemon::start_with(Setup { config: format!("{}[gateway]\nheartbeat_seconds = {heartbeat}\n", aws.config()) })
}

#[tokio::test]
async fn what_hangs_says_so_is_replaced_and_holds_up_no_run() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let daemon = daemon(&aws, 2);
    create(&daemon, "ruby", "default", &subnets).await;
    daemon.wait_until_ready("ruby").await;

    // A provider costs a plan a moment.
    let hung = pids_of(&daemon, "default").await;
    assert!(!hung.is_empty());
    for pid in &hung {
        stop(*pid).await;
    }
    let scaled = daemon.post("/v1/namespaces/default/machines/ruby/scale", &json!({"desiredSize": 3})).await;
    assert!(scaled.status.is_success(), "{}", scaled.text);
    daemon.wait_until_ready("ruby").await;
    let runs = daemon.runs("ruby").await;
    let made: Vec<&Value> = runs.iter().filter(|run| run["kind"] == "apply").collect();
    assert_eq!(made.iter().map(|run| &run["state"]).collect::<Vec<_>>(), ["succeeded", "succeeded"], "{made:?}");
    let ways = made[0]["steps"].to_string();
    // One that was retired before the plan asked for it costs it nothing.
    let retirements = async || daemon.get("/v1/gateway").await.json()["status"]["retirements"].to_string();
    let is_noticed = ways.contains("hung or ended") || ways.contains("does not answer");
    assert!(is_noticed || retirements().await.contains("it did not answer"), "{ways}");
    until("what hung is gone", async || hung.iter().all(|pid| is_gone(*pid)).then_some(())).await;
    until("it is told", async || retirements().await.contains("it did not answer").then_some(())).await;

    // The gateway.
    let hung = until("the gateway answers", async || gateway_pid(&daemon).await).await;
    stop(hung).await;
    // Until it is replaced, which takes six beats.
    let view = daemon.get("/v1/gateway").await.json();
    assert_eq!(view["state"], "away", "{view}");
    assert!(view["why"].as_str().unwrap().contains("it hangs"), "{view}");
    let shown = captd(&daemon, "gateway status").with_code(0).out;
    assert!(shown.contains("it hangs"), "{shown}");
    let run = create(&daemon, "opal", "default", &subnets).await;
    daemon.wait_until_ready("opal").await;
    assert_eq!(daemon.run(&run).await["state"], "succeeded", "the first one was enough");
    let next =
        until("another one takes its place", async || gateway_pid(&daemon).await.filter(|pid| *pid != hung)).await;
    until("what hung is gone", async || is_gone(hung).then_some(())).await;

    // One that hangs from before the daemon's start on.
    stop(next).await;
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    until("another one takes its place", async || gateway_pid(&daemon).await.filter(|pid| *pid != next)).await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_waits_for_a_provider_that_hangs_and_says_so() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 3_600, "times": 1})).await;
    let daemon = daemon(&aws, 1);
    let run = create(&daemon, "ruby", "default", &subnets).await;
    until("it is being made", async || (aws.node_groups("demo").await.len() == 1).then_some(())).await;
    let hung = pids_of(&daemon, "default").await;
    for pid in &hung {
        stop(*pid).await;
    }
    let waiting = daemon.wait_for_machine("ruby", "it says for whom it waits", |machine| {
        condition(machine, "ProviderSilent").is_some()
    });
    let said = condition(&waiting.await, "ProviderSilent").unwrap();
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("hashicorp/aws") && message.contains("not ended for that"), "{message}");
    until("the gateway says so, too", async || {
        captd(&daemon, "gateway status").with_code(0).out.contains("hangs for").then_some(())
    })
    .await;

    // Others do not wait with it.
    create(&daemon, "opal", "default", &subnets).await;
    daemon.wait_until_ready("opal").await;
    assert_eq!(daemon.run(&run).await["state"], "applying");

    // A daemon that comes back knows it, too.
    let daemon = Daemon::start_in(daemon.end(Signal::KILL).await);
    daemon.wait_for_machine("ruby", "it still says so", |machine| condition(machine, "ProviderSilent").is_some()).await;
    for pid in &hung {
        // The one that nobody applied by is gone.
        kill_process(*pid, Signal::CONT).ok();
    }
    daemon.wait_for_machine("ruby", "it goes on", |machine| condition(machine, "ProviderSilent").is_none()).await;
    aws.edit("demo", "ruby", json!({"status": "ACTIVE"})).await;
    daemon.wait_until_ready("ruby").await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded", "it was never ended");
    let made = aws.journal().await.into_iter().filter(|call| call["action"] == "CreateNodegroup").count();
    assert_eq!(made, 2);
    daemon.stop().await;
}

#[tokio::test]
async fn there_are_never_more_processes_than_places() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 3_600, "times": 3})).await;
    let of = |n: usize| {
        aws.config().replace("aws.default", &format!("aws.c{n}")).replace("AKIACAPTDTEST", &format!("AKIAOFANOTHE{n}"))
    };
    let configurations: String = (0..3).map(of).collect();
    let config = format!("{configurations}[gateway]\nprocesses_max = 1\n[engine]\nplans_at_once = 3\n");
    let daemon = Daemon::start_with(Setup { config });
    for n in 0..3 {
        create(&daemon, &format!("w{n}"), &format!("c{n}"), &subnets).await;
    }
    let most = until("all of them are being made", async || {
        let status = daemon.get("/v1/gateway").await.json()["status"].clone();
        let count = status["processes"].as_array().map_or(0, Vec::len);
        assert!(count <= 1, "{status}");
        (aws.node_groups("demo").await.len() == 3).then_some(count)
    })
    .await;
    assert!(most <= 1);
    for n in 0..3 {
        aws.edit("demo", &format!("w{n}"), json!({"status": "ACTIVE"})).await;
    }
    for n in 0..3 {
        daemon.wait_until_ready(&format!("w{n}")).await;
    }
    let refused = daemon.get("/v1/gateway").await.json()["status"]["counts"]["refused"].clone();
    assert!(refused.as_object().unwrap().len() <= 33, "{refused}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_forced_stop_may_cost_is_said_before_and_found_again() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    aws.rule(&json!({"action": "CreateNodegroup", "creating_seconds": 3_600, "times": 1})).await;
    let daemon = Daemon::start_with(Setup { config: aws.config() });
    let run = create(&daemon, "ruby", "default", &subnets).await;
    until("it is being made", async || (aws.node_groups("demo").await.len() == 1).then_some(())).await;
    let begun = daemon.wait_for_run(&run, "something is under way", |run| run.get("underWay").is_some()).await;
    let under_way = begun["underWay"][0].as_str().unwrap();
    assert!(under_way.starts_with("create ") && under_way.contains("aws_eks_node_group"), "{under_way}");
    let asked = captd(&daemon, "cancel ruby").with_code(0).out;
    assert!(asked.contains(&format!("under way: {under_way}")), "{asked}");
    let forced = captd(&daemon, "cancel ruby --force").with_code(0);
    assert!(forced.err.contains(&format!("may be made and recorded nowhere: {under_way}")), "{}", forced.err);
    assert!(forced.out.contains("killed after 60 s"), "{}", forced.out);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "canceled");
    aws.edit("demo", "ruby", json!({"status": "ACTIVE"})).await;
    captd(&daemon, "retry ruby").with_code(0);
    daemon.wait_until_ready("ruby").await;
    let made = aws.journal().await.into_iter().filter(|call| call["action"] == "CreateNodegroup").count();
    assert_eq!(made, 1, "it was found again");
    daemon.stop().await;
}
