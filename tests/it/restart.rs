//! What is there after the daemon was ended and started again.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::local::seed_yaml;
use crate::support::{Daemon, local_machine, requires, until};

/// All that a user sees.
async fn everything(daemon: &Daemon) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for path in ["/v1/machines", "/v1/namespaces", "/v1/runs"] {
        seen.push((path.to_owned(), daemon.get(path).await.text));
    }
    let runs = daemon.get("/v1/runs").await.json();
    for run in runs["items"].as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        for what in ["plan", "log"] {
            let path = format!("/v1/runs/{id}/{what}");
            let text = daemon.get(&path).await.text;
            seen.push((path, text));
        }
    }
    seen
}

/// Declares a machine of two nodes whose creation takes three seconds, and gives back the run once
/// Terraform is at it.
pub async fn create_slowly(daemon: &Daemon) -> String {
    let body = local_machine("workers", 2, &json!({"create_seconds": 3}));
    daemon.post("/v1/namespaces/default/machines", &body).await;
    let run = daemon.runs("workers").await[0]["id"].as_str().unwrap().to_owned();
    until("terraform creates", async || {
        daemon.get(&format!("/v1/runs/{run}/log")).await.text.contains("Creating...").then_some(())
    })
    .await;
    run
}

#[tokio::test]
async fn an_idle_daemon_starts_again_with_all_it_had() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&(seed_yaml("one", 1) + &seed_yaml("two", 2))).await;
    daemon.wait_until_ready("one").await;
    daemon.wait_until_ready("two").await;
    let before = everything(&daemon).await;
    let token = daemon.token().to_owned();
    assert!(before.iter().any(|(path, text)| path.ends_with("/log") && text.contains("Apply complete!")));

    let daemon = Daemon::start_in(daemon.stop().await);
    assert_eq!(daemon.token(), token);
    assert_eq!(everything(&daemon).await, before);
    assert_eq!(daemon.scale("two", 3).await["summary"]["create"], 1, "and the state of its resources");
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_outlives_a_daemon_that_is_killed() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let run = create_slowly(&daemon).await;
    let dir = daemon.end(Signal::KILL).await;

    let daemon = Daemon::start_in(dir);
    let ended = daemon.wait_for_end(&run).await;
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let applies: Vec<Value> = daemon.runs("workers").await.into_iter().filter(|run| run["kind"] == "apply").collect();
    assert_eq!(applies.len(), 1, "it was not applied twice");
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    let log = daemon.get(&format!("/v1/runs/{run}/log")).await.text;
    assert_eq!(log.matches("Apply complete!").count(), 1, "{log}");
    daemon.stop().await;
}

#[tokio::test]
async fn an_apply_whose_supervisor_is_killed_is_not_applied_again() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let run = create_slowly(&daemon).await;
    let record = daemon.dir().join("data/runs").join(&run).join("4-apply/supervisor.json");
    let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    let pid = i32::try_from(record["pid"].as_i64().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();

    // Nobody knows how terraform ended, but its state is here: the rescue plans, and finds nothing
    // to do.
    assert_eq!(daemon.wait_for_end(&run).await["state"], "lost");
    let ready = daemon.wait_until_ready("workers").await;
    assert_eq!(ready["status"]["currentSize"], 2);
    let rescue = daemon.runs("workers").await.remove(0);
    assert_eq!((&rescue["trigger"], &rescue["state"]), (&json!("rescue"), &json!("unchanged")), "{rescue}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_put_back_meanwhile_changes_nothing() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let dir = daemon.stop().await;
    std::fs::write(dir.path().join("clock"), "-10800").unwrap();

    let daemon = Daemon::start_in(dir);
    // A look is due at once, since nobody knows how long ago the last one was: the apply may have to wait for its end.
    let two = json!({"spec": {"nodeGroupConfig": {"scaling": {"desiredSize": 2}}}});
    assert_eq!(daemon.patch("/v1/namespaces/default/machines/workers", &two).await.status, 200);
    let apply = until("it is scaled", async || {
        let runs = daemon.runs("workers").await.into_iter();
        runs.filter(|run| run["kind"] == "apply" && run["generation"] == 2).find(|run| run.get("finishedAt").is_some())
    })
    .await;
    assert_eq!(apply["state"], "succeeded");
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    // What is newest is what was queued last, whatever the clock said.
    let runs = daemon.runs("workers").await;
    let applies = runs.iter().filter(|run| run["kind"] == "apply");
    let generations: Vec<Value> = applies.map(|run| run["generation"].clone()).collect();
    assert_eq!(generations, [json!(2), json!(1)]);
    daemon.stop().await;
}
