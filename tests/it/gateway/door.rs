//! The gateway's door: who has not shown the token gets little, for a short time, and keeps nobody out.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use captd_gateway::{Borrower, Client};
use captd_process::Process;
use serde_json::{Value, json};
use tempfile::TempDir;

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
    let name = daemon.dir().join("data/gateway/name");
    assert!(name.exists());
    let root = daemon.end(rustix::process::Signal::TERM).await;
    assert!(!name.exists(), "nobody is sent to a name that another may take");
    drop(root);
}

/// A process that is not this one, for as long as it is kept.
struct Another(Child);

impl Another {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Another {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What comes first on the listener from a client that looks for the gateway of `folder`; empty when nothing does.
async fn heard(folder: &Path, listener: &UnixListener) -> String {
    let borrower = Borrower {
        run: "a run".to_owned(),
        namespace: "default".to_owned(),
        configuration: "default".to_owned(),
        environment: [("AWS_SECRET_ACCESS_KEY".to_owned(), "a secret".to_owned())].into(),
    };
    let folder = folder.to_owned();
    let asking = tokio::spawn(async move { Client::connect(&folder, Some(borrower)).await.map(|_| ()) });
    let listener = listener.try_clone().unwrap();
    let heard = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 4_096];
        // It says something, or ends.
        let length = stream.read(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    let heard = heard.await.unwrap();
    assert!(asking.await.unwrap().is_err());
    heard
}

#[tokio::test]
async fn nothing_is_said_to_who_takes_the_name_of_a_gateway_that_has_ended() {
    let mut ended = Another::start();
    let gone = process(ended.0.id());
    ended.end();
    let other = Another::start();
    let own = process(std::process::id());
    let mut earlier = own.clone();
    earlier["start_time"] = json!(own["start_time"].as_u64().unwrap() - 1);
    let mut of_another_boot = own.clone();
    of_another_boot["boot_id"] = json!("4ad9b6f6-0000-4000-8000-000000000000");
    // This process stands for whoever listens. Only the last is the gateway itself.
    for (case, process, is_told) in [
        ("its process has ended", Some(gone), false),
        ("its process lives, and another one listens", Some(process(other.0.id())), false),
        ("its process id is another's by now", Some(earlier), false),
        ("its process id is of before the machine's start", Some(of_another_boot), false),
        ("nobody said which process it is", None, false),
        ("it listens itself", Some(own), true),
    ] {
        for has_path in [false, true] {
            let folder = TempDir::new().unwrap();
            std::fs::write(folder.path().join("token"), "the token").unwrap();
            let listener = if has_path {
                UnixListener::bind(folder.path().join("g.sock")).unwrap()
            } else {
                let name = format!("captd-gateway-{}", folder.path().display());
                std::fs::write(folder.path().join("name"), format!("@{name}")).unwrap();
                let address = SocketAddr::from_abstract_name(name).unwrap();
                UnixListener::bind_addr(&address).unwrap()
            };
            if let Some(process) = &process {
                let identity = json!({"process": process, "protocol": 2, "captd": "0.1.0"});
                std::fs::write(folder.path().join("gateway.json"), identity.to_string()).unwrap();
            }
            if process.is_none() || case.contains("ended") || case.contains("id is") {
                // It is not even called.
                listener.set_nonblocking(true).unwrap();
                assert!(Client::connect(folder.path(), None).await.is_err(), "{case}");
                assert!(listener.accept().is_err(), "{case}");
                continue;
            }
            let heard = heard(folder.path(), &listener).await;
            assert_eq!(heard.contains("the token"), is_told, "{case}: {heard}");
            assert!(!heard.contains("a secret"), "{case}: {heard}");
        }
    }
}

fn process(pid: u32) -> Value {
    serde_json::to_value(Process::with_pid(pid).unwrap()).unwrap()
}
