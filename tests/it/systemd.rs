//! What systemd is told by the daemon, and the unit that starts it.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::support::{Daemon, local_machine, on_path, requires, until};

/// Waits for the next message that holds `what`.
fn hear(socket: &UnixDatagram, what: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("waited in vain for {what}: {error}"));
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if text.lines().any(|line| line.starts_with(what)) {
            return text;
        }
    }
}

/// How many signs of life have come and were not read.
fn signs_of_life(socket: &UnixDatagram) -> usize {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let heard = std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec()));
    let count = heard.filter(|text| text.starts_with(b"WATCHDOG=1")).count();
    socket.set_nonblocking(false).unwrap();
    count
}

#[tokio::test]
async fn it_is_told_of_the_beginning_of_life_and_of_the_end() {
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("captd.toml"), "").unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "1000000")];
    let daemon = Daemon::start_program(dir, env!("CARGO_BIN_EXE_captd").as_ref(), &variables);
    assert!(hear(&socket, "READY=1").contains(&format!("STATUS=listens on {}", daemon.base())));
    assert!(hear(&socket, "WATCHDOG=1").contains("STATUS=0 runs at work, 0 wait"));

    // A run that is held back makes the queue ask for the database in each round.
    daemon.request(reqwest::Method::PUT, "/v1/hold", &[], Vec::new()).await;
    daemon.post("/v1/namespaces/default/machines", &local_machine("held", 1, &json!({}))).await;
    daemon.wait_for_machine("held", "it is planned", |m| m["status"]["latestRun"]["state"] == "planned").await;
    // Somebody else has the database: what only a timer would say is not said.
    let options = SqliteConnectOptions::new().filename(daemon.dir().join("data/captd.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    signs_of_life(&socket);
    until("the queue has given up", async || daemon.log().contains("cannot give places to runs").then_some(())).await;
    let signs = signs_of_life(&socket);
    assert!(signs <= 2, "{signs} signs of life in five seconds without a round");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    hear(&socket, "WATCHDOG=1");

    daemon.end(Signal::TERM).await;
    hear(&socket, "STOPPING=1");
}

#[test]
fn the_unit_leaves_runs_alone_and_systemd_takes_it() {
    let folder = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["unit", "--user", "root", "--data-dir", "/var/lib/elsewhere"])
        .output()
        .unwrap();
    let unit = String::from_utf8(output.stdout).unwrap();
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "KillMode=process",
        "OOMPolicy=continue",
        "RuntimeDirectoryPreserve=yes",
        "PrivateTmp=no",
        "Restart=always",
        "StateDirectory=elsewhere",
        concat!("ExecStart=", env!("CARGO_BIN_EXE_captd"), " serve --data-dir /var/lib/elsewhere"),
    ] {
        assert!(unit.lines().any(|said| said == line), "no line `{line}` in {unit}");
    }
    if on_path("systemd-analyze").is_none() {
        println!("skipped in part: systemd-analyze not found");
        return;
    }
    let file = folder.path().join("captd.service");
    std::fs::write(&file, unit).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("captd.service:"), "{said}");
}
