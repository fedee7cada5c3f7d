//! `captd drain`: what is at work comes to its end, and nothing else begins.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::{Daemon, local_machine, requires};

const MACHINES: &str = "/v1/namespaces/default/machines";

fn captd(daemon: &Daemon, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(args)
        .env_clear()
        .env("CAPTD_ADDR", daemon.base())
        .env("CAPTD_TOKEN", daemon.token())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn it_waits_for_what_is_at_work_and_begins_nothing_until_it_is_released() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.post(MACHINES, &local_machine("begun", 1, &json!({"create_seconds": 4}))).await;
    daemon.wait_for_machine("begun", "it applies", |m| m["status"]["latestRun"]["state"] == "applying").await;
    let mut drain = captd(&daemon, &["drain"]);
    let mut said = BufReader::new(drain.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.next().unwrap().starts_with("draining since "));
    let at_work = said.next().unwrap();
    assert!(at_work.contains("apply run") && at_work.contains("machine/default/begun is applying"), "{at_work}");

    // What is declared now waits, and says for what. The machine that was begun is not disturbed.
    daemon.post(MACHINES, &local_machine("new", 1, &json!({}))).await;
    let told = |m: &serde_json::Value| m["status"]["conditions"][1]["message"].as_str().unwrap().to_owned();
    let waiting = daemon.wait_for_machine("new", "it says why it waits", |m| told(m).contains("draining since")).await;
    assert!(told(&waiting).contains("is queued: draining since"), "{waiting}");
    assert_eq!(said.next().unwrap(), "nothing is at work");
    assert_eq!(drain.wait().unwrap().code(), Some(0));
    daemon.wait_until_ready("begun").await;

    // It outlives a restart of the daemon, which is ready all the while.
    let daemon = Daemon::start_in(daemon.end(rustix::process::Signal::TERM).await);
    assert_eq!(daemon.get("/readyz").await.status, 200);
    assert_eq!(captd(&daemon, &["drain", "--timeout", "1m"]).wait().unwrap().code(), Some(0), "nothing is at work");
    assert_eq!(daemon.runs("new").await[0]["state"], "queued");

    assert_eq!(captd(&daemon, &["drain", "--release"]).wait().unwrap().code(), Some(0));
    daemon.wait_until_ready("new").await;
    assert_eq!(daemon.get("/v1/drain").await.json()["draining"], false);
    daemon.stop().await;
}

#[tokio::test]
async fn it_ends_with_the_boot_in_which_it_was_asked_for() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    assert_eq!(daemon.post("/v1/drain", &json!({})).await.json()["draining"], true);
    let dir = daemon.stop().await;
    let database = dir.path().join("data/captd.db");
    let earlier = "UPDATE settings SET value = json_set(value, '$.bootId', 'an earlier boot') WHERE key = 'drain'";
    crate::schema::change(&database, earlier).await;
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.get("/v1/drain").await.json()["draining"], false);
    daemon.stop().await;
}
