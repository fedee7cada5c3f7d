//! What a terraform that was killed has begun ends with it: it would go on unrecorded, beside the run
//! that comes next. A shell stands for terraform here, and a child of it for a provider.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use captd::supervisor::{self, Invocation};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::until;

/// A supervisor whose command begins something that lasts, notes its pid, and then does `then`.
struct Begun {
    dir: TempDir,
    supervisor: Child,
}

fn begin(then: &str) -> Begun {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("sleep 1000 & echo $! >left.new && mv left.new left && {then}");
    let command = Invocation::new("sh".to_owned(), vec!["-c".to_owned(), script], dir.path().to_owned());
    fs::write(dir.path().join("command.json"), serde_json::to_vec(&command).unwrap()).unwrap();
    let supervisor = Command::new(env!("CARGO_BIN_EXE_captd")).arg("supervise").arg(dir.path()).spawn().unwrap();
    Begun { dir, supervisor }
}

impl Begun {
    fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.dir.path().join(file)).unwrap()).unwrap()
    }

    /// The pid of what lasts.
    fn left(&self) -> i32 {
        fs::read_to_string(self.dir.path().join("left")).unwrap().trim().parse().unwrap()
    }
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A kill takes a moment.
async fn until_ended(pid: i32) {
    until("it has ended", || async { (!is_alive(pid)).then_some(()) }).await;
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn the_supervisor_ends_what_a_killed_terraform_has_left() {
    let mut begun = begin("kill -9 $$");
    assert!(begun.supervisor.wait().unwrap().success());
    assert_eq!(begun.read("exit.json")["signal"], json!(9));
    until_ended(begun.left()).await;
}

#[test]
fn what_a_terraform_leaves_that_ends_by_itself_is_left_alone() {
    let mut begun = begin("exit 1");
    assert!(begun.supervisor.wait().unwrap().success());
    assert_eq!(begun.read("exit.json")["code"], json!(1));
    assert!(is_alive(begun.left()));
    kill(begun.left());
}

/// A folder in the place of a file stands for any that cannot be read at the moment.
#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_dead() {
    let run = TempDir::new().unwrap();
    assert!(!supervisor::lives(&run.path().join("gone")) && !supervisor::lives(run.path()));
    let command = run.path().join("4-apply");
    fs::create_dir(&command).unwrap();
    fs::write(run.path().join("work.json"), "{}").unwrap();
    let invocation = Invocation::new("sh".to_owned(), Vec::new(), run.path().to_owned());
    fs::write(command.join("command.json"), serde_json::to_vec(&invocation).unwrap()).unwrap();
    assert!(!supervisor::lives(run.path()), "nothing was ever begun");
    for file in ["supervisor.json", "terraform.json"] {
        fs::create_dir(command.join(file)).unwrap();
        assert!(supervisor::lives(run.path()), "{file}");
        assert!(supervisor::lives_in(run.path(), run.path()), "{file}");
        assert!(!supervisor::lives_in(run.path(), Path::new("/elsewhere")), "{file}");
        let attached = supervisor::attach(&command).unwrap();
        assert!(attached.interrupt().await.is_err() && attached.wait().await.is_err(), "{file}");
        assert!(attached.kill_all().is_err() && attached.force(jiff::Timestamp::UNIX_EPOCH).is_err(), "{file}");
        assert!(!command.join("interrupted").exists() && !command.join("forced").exists(), "{file}");
        fs::remove_dir(command.join(file)).unwrap();
    }
}

#[tokio::test]
async fn the_daemon_ends_what_is_left_when_the_supervisor_was_killed_too() {
    let mut begun = begin("wait");
    let is_there = |file: &str| Path::exists(&begun.dir.path().join(file));
    until("it lasts", || async { (is_there("left") && is_there("terraform.json")).then_some(()) }).await;
    begun.supervisor.kill().unwrap();
    begun.supervisor.wait().unwrap();
    let left = begun.left();
    kill(i32::try_from(begun.read("terraform.json")["pid"].as_i64().unwrap()).unwrap());
    assert!(is_alive(left));
    let exit = supervisor::attach(begun.dir.path()).unwrap().wait().await.unwrap();
    assert_eq!(exit, None, "lost");
    until_ended(left).await;
}
