//! Many who follow logs and events: each hears all, in order, and none of them costs the others much.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::own_templates;
use crate::support::{Daemon, Setup, local_machine, requires, until};

/// A stream of server-sent events, read event by event; comments between them are none.
pub struct Events {
    response: Response,
    text: String,
}

impl Events {
    pub async fn open(daemon: &Daemon, path: &str, last: Option<&str>) -> Self {
        let request = Client::new().get(format!("{}{path}", daemon.base())).bearer_auth(daemon.token());
        let request = request.header("accept", "text/event-stream");
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Id and data of the next event; `None` at the end.
    pub async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let fields = |name: &str| -> Vec<String> {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(|line| line.trim_start().to_owned()).collect()
                };
                let (ids, data, rest) = (fields("id:"), fields("data:"), rest.to_owned());
                self.text = rest;
                if !data.is_empty() {
                    return Some((ids.concat(), data.join("\n")));
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

#[tokio::test]
async fn fifty_who_follow_a_log_all_read_all_of_it() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&local_machine("workers", 2, &json!({"create_seconds": 6})).to_string()).await;
    let run = until("its run", async || daemon.runs("workers").await.pop()).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/log");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let request = Client::new().get(format!("{}{path}?follow=true", daemon.base())).bearer_auth(daemon.token());
        if n % 2 == 0 {
            tasks.spawn(async move { request.send().await.unwrap().text().await.unwrap() });
            continue;
        }
        let mut events = Events::open(&daemon, &path, None).await;
        tasks.spawn(async move {
            let mut text = String::new();
            while let Some((_, data)) = events.next().await {
                text += &data;
                text.push('\n');
            }
            text
        });
    }
    daemon.wait_for_end(&run).await;
    let whole = daemon.get(&path).await.text;
    assert!(whole.contains("── terraform apply"), "{whole}");
    while let Some(read) = tasks.join_next().await {
        assert_eq!(read.unwrap(), whole);
    }

    // From a place on: the lines before it are not told again.
    let lines: Vec<&str> = whole.lines().collect();
    let known = lines.len() / 2;
    let mut events = Events::open(&daemon, &path, Some(&known.to_string())).await;
    let (id, rest) = events.next().await.unwrap();
    assert_eq!((id, rest), (lines.len().to_string(), lines[known..].join("\n")));
    assert_eq!(events.next().await, None);
    daemon.stop().await;
}

#[tokio::test]
async fn who_reads_when_all_is_over_has_missed_nothing_and_reads_nothing_twice() {
    if !requires("terraform") {
        return;
    }
    let main = r#"resource "terraform_data" "it" {
  provisioner "local-exec" {
    command = "for n in $(seq 80); do seq -f \"$n %01000g\" 130; sleep 0.15; done"
  }
}
"#;
    let folder = own_templates::folder(main);
    let config = format!("[templates]\ndir = {}\n[engine]\nlog_bytes_max = 33554432\n", json!(folder.path()));
    let daemon = Daemon::start_with(Setup { config });
    let declared = own_templates::machine();
    assert_eq!(daemon.put("/v1/namespaces/default/machines/workers", &declared).await.status, 201);
    let run = until("its run", async || daemon.runs("workers").await.pop()).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/log");
    let mut slow = Events::open(&daemon, &path, None).await;
    let request = Client::new().get(format!("{}{path}?follow=true", daemon.base())).bearer_auth(daemon.token());
    let slow_text = request.send().await.unwrap();
    daemon.wait_for_end(&run).await;
    let whole = daemon.get(&path).await.text;
    assert!(whole.len() > 9 << 20, "more than what lies between lets through: {}", whole.len());
    assert!(slow_text.text().await.unwrap() == whole, "as text");
    let mut text = String::new();
    let mut count = 0;
    while let Some((id, data)) = slow.next().await {
        count += data.lines().count();
        assert_eq!(id, count.to_string());
        text.push_str(&data);
        text.push('\n');
    }
    assert!(text == whole, "as events");
    daemon.stop().await;
}

#[tokio::test]
async fn two_hundred_who_follow_the_events_hear_all_and_hold_up_nobody() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.put("/v1/namespaces/first", &json!({})).await;
    let position = daemon.get("/v1/events").await.json()["position"].to_string();
    let mut streams = Vec::new();
    for n in 0..200 {
        let path = if n % 2 == 0 { "/v1/events" } else { "/v1/namespaces/first/events" };
        streams.push(Events::open(&daemon, path, Some(&position)).await);
    }
    for n in 0..20 {
        let data = json!({"spec": {"data": {"n": n.to_string()}}});
        for namespace in ["default", "first"] {
            let written = daemon.put(&format!("/v1/namespaces/{namespace}/secrets/counter"), &data).await;
            assert!(written.status.is_success(), "{}", written.text);
            let healthy = tokio::time::timeout(Duration::from_secs(10), daemon.get("/healthz")).await;
            assert_eq!(healthy.expect("it answers all the while").status, 200);
        }
    }
    let all = daemon.get(&format!("/v1/events?after={position}&limit=500")).await.json()["items"].clone();
    let all: Vec<Value> = all.as_array().unwrap().clone();
    assert!(all.len() >= 40, "{all:?}");
    for (n, stream) in streams.iter_mut().enumerate() {
        let asked_for = |event: &&Value| n % 2 == 0 || event["namespace"] == "first";
        for event in all.iter().filter(asked_for) {
            let (id, data) = stream.next().await.unwrap();
            assert_eq!((id, &serde_json::from_str::<Value>(&data).unwrap()), (event["position"].to_string(), event));
        }
    }
    drop(streams);
    daemon.stop().await;
}

#[tokio::test]
async fn followers_have_bounds_in_all_by_client_and_by_log() {
    if !requires("terraform") {
        return;
    }
    let config = "[server]\nfollowers_max = 5\nfollowers_by_client_max = 4\nfollowers_by_log_max = 2\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    daemon.apply(&local_machine("workers", 2, &json!({"create_seconds": 8})).to_string()).await;
    let run = until("its run", async || daemon.runs("workers").await.pop()).await["id"].as_str().unwrap().to_owned();
    let log = format!("/v1/runs/{run}/log?follow=true");
    let follow = async |path: &str| {
        let request = Client::new().get(format!("{}{path}", daemon.base())).bearer_auth(daemon.token());
        request.send().await.unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(follow(&log).await);
    }
    let cases = [
        (log.as_str(), "server.followers_by_log_max"),
        ("/v1/events?follow=true", ""),
        ("/v1/events?follow=true", ""),
        ("/v1/events?follow=true", "server.followers_by_client_max"),
    ];
    for (path, setting) in cases {
        let answer = follow(path).await;
        if setting.is_empty() {
            assert_eq!(answer.status(), 200);
            held.push(answer);
            continue;
        }
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (429, true));
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["code"], "too_many_followers");
        assert!(said["detail"].as_str().unwrap().contains(setting), "{said}");
    }
    drop(held);
    until("there is room again", async || (follow("/v1/events?follow=true").await.status() == 200).then_some(())).await;
    daemon.wait_for_end(&run).await;
    daemon.stop().await;
}
