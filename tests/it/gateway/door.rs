//! The gateway's door: who has not shown the token gets little, for a short time, and keeps nobody out.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use serde_json::json;

use crate::support::{Daemon, requires, until};

/// More than it takes to be let go.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to the daemon's gateway, of a process that is not confined.
fn connect(daemon: &Daemon) -> UnixStream {
    let folder = daemon.dir().join("data/gateway");
    let name = std::fs::read_to_string(folder.join("name")).unwrap();
    let stream = match name.strip_prefix('@') {
        Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap(),
        None => UnixStream::connect(folder.join("g.sock")).unwrap(),
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A frame of a length that it may not have.
fn frame(length: u32, text: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes(), text].concat()
}

fn whole(text: &str) -> Vec<u8> {
    frame(u32::try_from(text.len()).unwrap(), text.as_bytes())
}

#[tokio::test]
async fn a_stranger_gets_nothing_and_keeps_nobody_out() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    until("the gateway is at work", async || (daemon.get("/v1/gateway").await.json()["state"] == "on").then_some(()))
        .await;
    let hello = |token: &str| json!({"ask": "hello", "protocol": 2, "token": token}).to_string();
    // What is sent; and whether it is answered before it is let go.
    let cases = [
        ("nothing", Vec::new(), false),
        ("half a length", vec![0, 0], false),
        ("a length of 64 MiB", frame(64 << 20, b""), false),
        ("a length of 64 MiB, and some of it", frame(64 << 20, &vec![b'x'; 100_000]), false),
        ("a length above all", frame(u32::MAX, b"{}"), false),
        ("a little more than a token takes", frame(1_025, &[b' '; 1_025]), false),
        ("half of what it says", frame(1_000, b"{\"ask\": \"hello\""), false),
        ("an empty frame", frame(0, b""), false),
        ("what is no JSON", whole("hello"), false),
        ("another question first", whole(&json!({"ask": "status"}).to_string()), true),
        ("a wrong token", whole(&hello("0000")), true),
        ("an empty token", whole(&hello("")), true),
        ("a wrong token, and on", [whole(&hello("0000")), whole(&json!({"ask": "status"}).to_string())].concat(), true),
    ];
    let mut held = Vec::new();
    for (name, sent, is_answered) in cases {
        let mut stream = connect(&daemon);
        // It may have been let go in the middle of it.
        stream.write_all(&sent).ok();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(
            ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset,
            "{name}: it is kept"
        );
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(text.contains("refused"), is_answered, "{name}: {text}");
        assert!(!text.contains("processes"), "{name}: {text}");
    }
    for n in 0..150 {
        held.push(connect(&daemon));
        if n % 30 == 0 {
            let view = daemon.get("/v1/gateway").await.json();
            assert_eq!(view["state"], "on", "{view}");
        }
    }
    drop(held);
    daemon.stop().await;
}
