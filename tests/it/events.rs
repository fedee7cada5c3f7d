//! Events: what happened, in one order, as a list, live, and after a restart.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::{captd, type_in};
use crate::followers::Events;
use crate::support::{Daemon, Setup, local_machine, requires, until};

async fn events(daemon: &Daemon, query: &str) -> Value {
    let answer = daemon.get(&format!("/v1/events?limit=500{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Reason and actor of each.
fn reasons(events: &Value) -> Vec<String> {
    let of = |event: &Value| format!("{} by {}", event["reason"].as_str().unwrap(), event["actor"].as_str().unwrap());
    events["items"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn what_happens_to_a_machine_is_told_in_its_order() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&local_machine("workers", 2, &json!({})).to_string()).await;
    daemon.wait_until_ready("workers").await;
    let first = events(&daemon, "&machine=workers").await;
    assert_eq!(
        reasons(&first),
        [
            "Declared by admin",
            "RunQueued by admin",
            "RunStarted by captd",
            "RunApplying by captd",
            "RunSucceeded by captd"
        ]
    );
    let failing = local_machine("workers", 3, &json!({"fail_with": "the end of it"}));
    daemon.apply(&failing.to_string()).await;
    daemon.wait_for_phase("workers", "Failed").await;
    captd(&daemon, "pause workers").with_code(0);
    let since = events(&daemon, &format!("&machine=workers&after={}", first["position"])).await;
    let told = reasons(&since);
    assert_eq!(told[..2], ["Changed by admin", "RunQueued by admin"]);
    assert_eq!(told.last().unwrap(), "Paused by admin");
    let failed = since["items"].as_array().unwrap().iter().find(|event| event["reason"] == "RunFailed").unwrap();
    assert_eq!(failed["severity"], "Warning");
    assert!(failed["message"].as_str().unwrap().contains("the end of it"), "{failed}");
    assert_eq!(daemon.run(failed["run"].as_str().unwrap()).await["state"], "failed");

    let list = daemon.get("/v1/machines").await.json();
    assert_eq!(list["position"], since["position"], "a list says from where to go on");
    let table = captd(&daemon, "events --for workers").with_code(0).out;
    let newest: Vec<&str> = table.lines().last().unwrap().split_whitespace().skip(1).take(4).collect();
    assert_eq!(newest, ["Normal", "Paused", "machine/workers", "admin"], "{table}");
    let described = captd(&daemon, "describe workers").with_code(0).out;
    assert!(described.contains("Events:\n") && described.contains("RunFailed"), "{described}");
    daemon.stop().await;
}

#[tokio::test]
async fn events_are_followed_and_taken_up_again_after_a_restart() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.put("/v1/namespaces/first", &json!({})).await;
    let position = events(&daemon, "").await["position"].as_i64().unwrap();
    let mut stream = follow(&daemon, position).await;
    daemon.put("/v1/namespaces/second", &json!({})).await;
    let (id, event) = next(&mut stream).await;
    assert_eq!((&event["reason"], &event["name"], id), (&json!("NamespaceWritten"), &json!("second"), position + 1));
    let dir = daemon.end(Signal::KILL).await;
    let daemon = Daemon::start_in(dir);
    daemon.put("/v1/namespaces/third", &json!({})).await;
    let mut stream = follow(&daemon, id).await;
    let (next_id, event) = next(&mut stream).await;
    assert_eq!((&event["name"], next_id), (&json!("third"), id + 1));
    drop(stream);
    daemon.stop().await;
}

/// The events after a position, as a browser asks for them.
async fn follow(daemon: &Daemon, after: i64) -> Events {
    Events::open(daemon, "/v1/events", Some(&after.to_string())).await
}

/// Id and data of the next event.
async fn next(stream: &mut Events) -> (i64, Value) {
    let (id, data) = stream.next().await.unwrap();
    (id.parse().unwrap(), serde_json::from_str(&data).unwrap())
}

#[tokio::test]
async fn a_position_that_is_no_longer_kept_is_gone() {
    if !requires("terraform") {
        return;
    }
    let config = "[retention]\nevents = 1000\n[reconcile]\ntick_seconds = 1\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    for n in 0..1_100 {
        let data = json!({"spec": {"data": {"n": n.to_string()}}});
        assert!(daemon.put("/v1/namespaces/default/secrets/counter", &data).await.status.is_success());
    }
    let daemon = Daemon::start_in(daemon.stop().await);
    let gone = until("old events are gone", async || {
        let answer = daemon.get("/v1/events?after=0").await;
        (answer.status == 410).then_some(answer)
    })
    .await;
    assert_eq!(gone.json()["code"], "gone", "{}", gone.text);
    let newest = events(&daemon, "").await;
    let position = newest["position"].as_i64().unwrap();
    assert_eq!(daemon.get(&format!("/v1/events?after={}", position - 10)).await.status, 200);
    for wrong in ["after=-1", "after=x", "limit=0", "other=1"] {
        assert_eq!(daemon.get(&format!("/v1/events?{wrong}")).await.status, 400, "{wrong}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn nothing_secret_is_told_and_that_it_was_read_is() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    type_in(&daemon, "secret set db password=-", "correct horse battery").with_code(0);
    daemon.apply(&local_machine("workers", 1, &json!({})).to_string()).await;
    daemon.wait_until_ready("workers").await;
    captd(&daemon, "state pull workers").with_code(0);
    captd(&daemon, "secret delete db").with_code(0);
    let told = events(&daemon, "").await;
    assert!(!told.to_string().contains("correct horse"), "{told}");
    let read = told["items"].as_array().unwrap().iter().find(|event| event["reason"] == "StatePulled").unwrap();
    assert_eq!((&read["actor"], &read["name"]), (&json!("admin"), &json!("workers")));
    let last = reasons(&told).pop();
    assert_eq!(last.as_deref(), Some("SecretDeleted by admin"));
    daemon.stop().await;
}
