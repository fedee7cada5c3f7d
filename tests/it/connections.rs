//! What connections cost: silent ones, slow ones and many keep nobody out, and no run from its state.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use reqwest::{Client, Method};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Daemon, Setup, local_machine, requires, until};

/// What a slow client does at most, so that a defect ends the test and not the machine.
const DRIPS_MAX: usize = 400;
const DRIP: std::time::Duration = std::time::Duration::from_millis(200);

/// A captd that may have few open files.
fn with_few_files(dir: &TempDir, files: u32) -> PathBuf {
    let path = dir.path().join("captd.sh");
    let program = env!("CARGO_BIN_EXE_captd");
    std::fs::write(&path, format!("#!/bin/sh\nulimit -n {files}\nexec {program} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Connections that say nothing.
async fn silent(address: &str, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        // A full backlog is a refusal like any other.
        streams.extend(TcpStream::connect(address).await);
    }
    streams
}

fn address(daemon: &Daemon) -> String {
    daemon.base().trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn a_thousand_silent_connections_shut_nobody_out_and_fail_no_run() {
    if !requires("terraform") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("captd.toml"), "").unwrap();
    let program = with_few_files(&dir, 256);
    let daemon = Daemon::start_program(dir, &program, &[]);
    let port = std::fs::read_to_string(daemon.dir().join("data/state.port")).unwrap();
    let mut held = silent(&address(&daemon), 1_100).await;
    held.extend(silent(&format!("127.0.0.1:{}", port.trim()), 1_100).await);
    // Others come while the run saves its state.
    let machine = local_machine("workers", 2, &json!({}));
    until("a machine is taken", async || {
        let client = Client::new().post(format!("{}/v1/namespaces/default/machines", daemon.base()));
        let asked = client.bearer_auth(daemon.token()).json(&machine).send().await;
        asked.is_ok_and(|answer| [201, 409].contains(&answer.status().as_u16())).then_some(())
    })
    .await;
    held.extend(silent(&format!("127.0.0.1:{}", port.trim()), 300).await);
    daemon.wait_until_ready("workers").await;
    let runs = daemon.runs("workers").await;
    assert_eq!(runs.iter().filter(|run| run["state"] == "failed").count(), 0, "{runs:?}");
    let told = daemon.log().lines().filter(|line| line.contains("too many connections")).count();
    assert!((1..=10).contains(&told), "it is told, and not for each: {told}");
    drop(held);
    daemon.stop().await;
}

/// Sends pieces one after the other, slowly; then reads. All that was answered until the end.
async fn speak(address: &str, pieces: &[Vec<u8>], drip: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
    }
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        for _ in 0..DRIPS_MAX {
            if drip.is_empty() || writing.write_all(drip).await.is_err() {
                break;
            }
            tokio::time::sleep(DRIP).await;
        }
    };
    let read = async { reading.read_to_end(&mut answer).await.ok() };
    let both = async {
        tokio::select! {
            _ = read => {}
            () = async { dripping.await; std::future::pending().await } => {}
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), both).await.expect("it is never closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn whoever_is_too_slow_is_let_go() {
    if !requires("terraform") {
        return;
    }
    let config = "[server]\nhead_seconds_max = 2\nidle_seconds_max = 2\nstall_seconds_max = 2\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let (address, token) = (address(&daemon), daemon.token().to_owned());
    let states = std::fs::read_to_string(daemon.dir().join("data/state.port")).unwrap();
    let states = format!("127.0.0.1:{}", states.trim());
    let head = |what: &str| format!("{what} HTTP/1.1\r\nhost: captd\r\nauthorization: Bearer {token}\r\n");
    let post = format!("{}content-type: application/yaml\r\n", head("POST /v1/apply"));
    // What is sent, what follows drop by drop, and how the answer begins; empty: it is only closed.
    let cases: Vec<(&str, &str, String, &str, &str)> = vec![
        ("silent", &address, String::new(), "", ""),
        ("half a head", &address, "GET /healthz HT".to_owned(), "", ""),
        ("a head byte by byte", &address, "GET /healthz HTTP/1.1\r\nx: ".to_owned(), "x", ""),
        ("headers without end", &address, head("GET /v1/version"), "x-more: y\r\n", ""),
        ("idle after an answer", &address, format!("{}\r\n", head("GET /v1/version")), "", "HTTP/1.1 200"),
        ("half a second head", &address, format!("{}\r\nGET /v1/", head("GET /v1/version")), "", "HTTP/1.1 200"),
        ("a body that never comes", &address, format!("{post}content-length: 100\r\n\r\n"), "", "HTTP/1.1 408"),
        ("a body byte by byte", &address, format!("{post}content-length: 9000\r\n\r\n"), "#", "HTTP/1.1 408"),
        (
            "chunks without end",
            &address,
            format!("{post}transfer-encoding: chunked\r\n\r\n"),
            "1\r\n#\r\n",
            "HTTP/1.1 408",
        ),
        ("garbage", &address, "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned(), "", "HTTP/1.1 400"),
        (
            "garbage behind a request",
            &address,
            format!("{}\r\n\0\0\0\r\n\r\n", head("GET /v1/version")),
            "",
            "HTTP/1.1 200",
        ),
        (
            "a body of a stranger",
            &address,
            "POST /v1/apply HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n".to_owned(),
            "#",
            "HTTP/1.1 401",
        ),
        ("silent where states are", &states, String::new(), "", ""),
        ("half a head where states are", &states, "LOCK /state/v1/".to_owned(), "", ""),
        (
            "a stranger's state",
            &states,
            "POST /state/v1/workspaces/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n".to_owned(),
            "{",
            "HTTP/1.1 400",
        ),
    ];
    let asked = cases.iter().map(|(name, address, sent, drip, begins)| async move {
        let answer = speak(address, &[sent.as_bytes().to_vec()], drip.as_bytes()).await;
        assert!(answer.starts_with(begins), "{name}: {answer}");
        assert!(!begins.is_empty() || answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{name}: {answer}");
    });
    futures_of(asked).await;
    never_reads(&address, &head("GET /v1/version")).await;
    assert_eq!(daemon.get("/v1/version").await.status, 200);
    daemon.stop().await;
}

/// All of them, side by side.
async fn futures_of<F: Future<Output = ()>>(asked: impl Iterator<Item = F>) {
    let mut all: Vec<_> = asked.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Asks and asks, and takes no answer: it is cut off.
async fn never_reads(address: &str, head: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let requests = format!("{head}\r\n").repeat(500);
    let asking = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_mins(2), asking).await.expect("it is never closed");
}

/// Follows the events on a connection of its own, forwarded for others.
async fn follow(daemon: &Daemon, forwarded_for: &str) -> reqwest::Response {
    let request = Client::new().request(Method::GET, format!("{}/v1/events?follow=true", daemon.base()));
    request.bearer_auth(daemon.token()).header("x-forwarded-for", forwarded_for).send().await.unwrap()
}

#[tokio::test]
async fn behind_a_proxy_each_peer_has_its_own_bound() {
    if !requires("terraform") {
        return;
    }
    let config = "[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.7\"]\nconnections_by_peer_max = 3\nconnections_loopback_max = 12\n";
    let daemon = Daemon::start_with(Setup { config: config.to_owned() });
    let mut held = Vec::new();
    for _ in 0..3 {
        let stream = follow(&daemon, "203.0.113.1").await;
        assert_eq!(stream.status(), 200);
        held.push(stream);
    }
    // What it is counted as: the last one that is no proxy.
    let cases = [
        ("203.0.113.1", 503),
        ("203.0.113.2", 200),
        ("203.0.113.2, 203.0.113.1", 503),
        ("203.0.113.1, 203.0.113.2", 200),
        ("203.0.113.2, 203.0.113.1, 10.0.0.7", 503),
        ("203.0.113.1:4711", 503),
        ("nonsense, 203.0.113.1", 503),
        ("203.0.113.1, nonsense", 200),
        ("::ffff:203.0.113.1", 503),
        ("2001:db8::1", 200),
    ];
    for (forwarded_for, status) in cases {
        let answer = Client::new().get(format!("{}/v1/version", daemon.base())).bearer_auth(daemon.token());
        let answer = answer.header("x-forwarded-for", forwarded_for).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{forwarded_for}");
        assert_eq!(answer.headers().contains_key("retry-after"), status == 503, "{forwarded_for}");
    }
    // This machine has its bound, too: with a request under way on each, the next one is told.
    let mut n = 0;
    let refused = loop {
        n += 1;
        assert!(n < 40, "there is no bound");
        let stream = follow(&daemon, &format!("198.51.100.{n}")).await;
        if stream.status() != 200 {
            break stream;
        }
        held.push(stream);
    };
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "2"));
    let said = refused.text().await.unwrap();
    assert!(said.contains("server.connections_loopback_max"), "{said}");
    drop(held);
    until("there is room again", async || {
        let answer = Client::new().get(format!("{}/healthz", daemon.base())).send().await;
        answer.is_ok_and(|answer| answer.status() == 200).then_some(())
    })
    .await;
    daemon.stop().await;
}
