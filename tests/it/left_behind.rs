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

/// Looks at all processes, of which each takes milliseconds.
const LOOKS_MAX: u32 = 2_000;

/// Processes with this mark in their environment, whatever became of their parents.
fn marked(mark: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_mark = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    all.filter(has_mark).filter(|pid| is_alive(*pid)).collect()
}

/// However it is left behind: of another session, elsewhere on the disk, without a parent, faster than anybody looks.
#[test]
fn what_a_terraform_leaves_behind_ends_before_its_end_is_told() {
    let cases = [
        ("a job in the background", "sleep 1000 &"),
        ("in a session of its own", "setsid sleep 1000 &"),
        ("elsewhere", "(cd / && exec setsid sleep 1000) &"),
        ("without a parent", "(setsid sleep 1000 &)"),
        ("by a child that is left behind, too", "(setsid sh -c 'cd /; (sleep 1000 &); sleep 1000' &)"),
        ("deaf to signals", "(trap '' TERM INT HUP; setsid sleep 1000 &)"),
        ("stopped", "(setsid sh -c 'kill -STOP $$; sleep 1000' &)"),
        ("one that is another every moment", "hop() { sleep 0.02; hop & }; (cd /; hop &)"),
        (
            "a whole tree",
            "grow() { [ $1 = 0 ] || { grow $(($1-1)) & grow $(($1-1)) & }; sleep 1000; }; (cd /; grow 4 &)",
        ),
    ];
    std::thread::scope(|scope| {
        for (n, (case, script)) in cases.into_iter().enumerate() {
            scope.spawn(move || {
                for code in [0, 1] {
                    let dir = tempfile::tempdir().unwrap();
                    let script = format!("{script}\nsleep 0.3; exit {code}");
                    let command =
                        Invocation::new("sh".to_owned(), vec!["-c".to_owned(), script], dir.path().to_owned());
                    let json = serde_json::to_vec(&command).unwrap();
                    fs::write(dir.path().join("command.json"), json).unwrap();
                    let mark = format!("{}.{n}.{code}", std::process::id());
                    let status = Command::new(env!("CARGO_BIN_EXE_captd"))
                        .args(["supervise".as_ref(), dir.path().as_os_str()])
                        .env("LEFT_BEHIND", &mark)
                        .status();
                    assert!(status.unwrap().success());
                    let exit = fs::read_to_string(dir.path().join("exit.json")).unwrap();
                    assert!(exit.contains(&format!("\"code\":{code}")), "{case}: {exit}");
                    let mark = format!("LEFT_BEHIND={mark}");
                    // What was killed takes a moment to go; what was not stays.
                    let left = (0..LOOKS_MAX).map(|_| marked(&mark)).find(Vec::is_empty);
                    assert_eq!(left, Some(Vec::new()), "{case}: {:?} are left", marked(&mark));
                }
            });
        }
    });
}

#[tokio::test]
async fn a_terraform_whose_supervisor_is_gone_is_killed_all_the_same() {
    let mut begun = begin("exec sleep 1000");
    let is_there = |file: &str| Path::exists(&begun.dir.path().join(file));
    until("it lasts", || async { (is_there("left") && is_there("terraform.json")).then_some(()) }).await;
    begun.supervisor.kill().unwrap();
    begun.supervisor.wait().unwrap();
    let terraform = i32::try_from(begun.read("terraform.json")["pid"].as_i64().unwrap()).unwrap();
    assert!(is_alive(terraform) && is_alive(begun.left()));
    supervisor::kill(begun.dir.path()).unwrap();
    for pid in [terraform, begun.left()] {
        until_ended(pid).await;
    }
}

#[tokio::test]
async fn with_a_supervisor_all_that_it_has_begun_is_killed() {
    let mut begun = begin("(cd / && exec setsid sleep 1001) & echo $! >away.new; mv away.new away; exec sleep 1000");
    let is_there = |file: &str| Path::exists(&begun.dir.path().join(file));
    until("it lasts", || async { (is_there("away") && is_there("terraform.json")).then_some(()) }).await;
    let away = fs::read_to_string(begun.dir.path().join("away")).unwrap().trim().parse().unwrap();
    let terraform = i32::try_from(begun.read("terraform.json")["pid"].as_i64().unwrap()).unwrap();
    supervisor::kill(begun.dir.path()).unwrap();
    for pid in [terraform, begun.left(), away] {
        until_ended(pid).await;
    }
    begun.supervisor.wait().unwrap();
    assert!(!begun.dir.path().join("exit.json").exists(), "it is proven by nobody's word");
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
        assert_eq!(
            supervisor::worked_in(run.path()),
            Some(vec![run.path().to_owned()]),
            "{file}: there, and nowhere else"
        );
        let attached = supervisor::attach(&command).unwrap();
        assert!(attached.interrupt().await.is_err() && attached.wait().await.is_err(), "{file}");
        assert!(attached.kill_all().is_err() && attached.force(jiff::Timestamp::UNIX_EPOCH).is_err(), "{file}");
        assert!(!command.join("interrupted").exists() && !command.join("forced").exists(), "{file}");
        fs::remove_dir(command.join(file)).unwrap();
    }
    assert_eq!(supervisor::worked_in(run.path()), Some(Vec::new()), "what is gone works nowhere");
    fs::create_dir(command.join("terraform.json")).unwrap();
    fs::remove_file(command.join("command.json")).unwrap();
    assert_eq!(supervisor::worked_in(run.path()), None, "it may be anywhere");
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
