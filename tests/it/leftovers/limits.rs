//! What a command may take of the machine: what it takes more of ends it, and an apply goes on. A shell stands for
//! terraform here.

use std::fs;
use std::path::Path;
use std::process::Command;

use captd::supervisor::{Confinement, Invocation, Limits};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::confine::{machine, setup, template};
use crate::support::{Daemon, requires, until};

const LIMITS: Limits = Limits {
    file_bytes: 1 << 20,
    data_bytes: 1 << 30,
    open_files: 64,
    processes: 8,
    folder_bytes: 1 << 20,
    ends: true,
};

/// Runs a script under a supervisor; its exit, and what it has taken more of than it may.
fn run(script: &str, limits: Limits) -> (Value, Value, String) {
    let (dir, work, tmp) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    // Everything is open to it, so that only where it may write is told.
    let rights = Confinement { write: vec!["/".into()], tmp: tmp.path().to_owned(), ..Confinement::default() };
    let command = Invocation::new("sh".to_owned(), vec!["-c".to_owned(), script.to_owned()], work.path().to_owned());
    fs::write(
        dir.path().join("command.json"),
        serde_json::to_vec(&command.limited(limits).confined(Some(rights))).unwrap(),
    )
    .unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_captd")).arg("supervise").arg(dir.path()).status().unwrap();
    assert!(status.success());
    let read =
        |name: &str| fs::read(dir.path().join(name)).map_or(Value::Null, |it| serde_json::from_slice(&it).unwrap());
    (read("exit.json"), read("exceeded.json"), log(dir.path()))
}

fn log(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("stdout.log") + &read("stderr.log")
}

#[test]
fn what_takes_more_than_it_may_is_ended_and_says_of_what() {
    let processes = "more than 8 processes (limits.processes_max)";
    let cases = [
        ("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; wait", processes),
        // What leaves its parent is counted, too.
        ("for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 1000 &) ; done; sleep 1000", processes),
        ("grow() { [ $1 = 0 ] || { grow $(($1-1)) & grow $(($1-1)) & }; sleep 1000; }; cd /; grow 5", processes),
        (
            "i=0; while [ $i -lt 9 ]; do mkdir -p d/$i; head -c 1000000 /dev/urandom >d/$i/f; i=$((i+1)); done; sleep 1000",
            "limits.folder_mib_max",
        ),
        // Wherever it may write, and whatever it calls that.
        (
            "i=0; while [ $i -lt 9 ]; do head -c 1000000 /dev/urandom >$TMPDIR/$i; i=$((i+1)); done; sleep 1000",
            "limits.folder_mib_max",
        ),
        (
            "n=$(printf 'n\\377'); mkdir $n; i=0; while [ $i -lt 9 ]; do head -c 1000000 /dev/urandom >$n/$i; i=$((i+1)); done; sleep 1000",
            "limits.folder_mib_max",
        ),
    ];
    std::thread::scope(|scope| {
        for (script, words) in cases {
            scope.spawn(move || {
                let (exit, exceeded, log) = run(script, LIMITS);
                assert_eq!(exit["signal"], 9, "{script}: {exit} {log}");
                assert_eq!(exceeded["ended"], true, "{script}: {exceeded}");
                assert!(exceeded["what"].as_str().unwrap().contains(words), "{script}: {exceeded}");
            });
        }
    });
}

#[test]
fn what_has_ended_counts_no_more() {
    for script in [
        // Nobody waits for them: their parent is another program by then; and they have none but the supervisor.
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do true & done; exec sleep 2.5",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (true &) ; done; exec sleep 2.5",
    ] {
        let (exit, exceeded, log) = run(script, LIMITS);
        assert_eq!((&exit["code"], &exceeded), (&json!(0), &Value::Null), "{script}: {log}");
    }
}

#[test]
fn an_apply_goes_on() {
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done; wait; echo done";
    let (exit, exceeded, log) = run(script, Limits { ends: false, ..LIMITS });
    assert_eq!((&exit["code"], log.as_str()), (&json!(0), "done\n"), "{exit}");
    assert_eq!(exceeded["ended"], false, "{exceeded}");
}

#[test]
fn the_kernel_holds_the_rest() {
    let (exit, exceeded, log) = run("head -c 5000000 /dev/zero >big; echo $?; ulimit -n; ulimit -c", LIMITS);
    assert_eq!((&exit["code"], &exceeded), (&json!(0), &Value::Null), "{log}");
    assert!(!log.starts_with("0\n") && log.contains("64\n0\n"), "{log}");
    // A log that is cut is not taken for a whole one.
    let (_, exceeded, _) = run("head -c 5000000 /dev/zero", LIMITS);
    assert!(exceeded["what"].as_str().unwrap().contains("limits.file_mib_max"), "{exceeded}");
    let (exit, exceeded, log) = run("echo plain", LIMITS);
    assert_eq!((&exit["code"], &exceeded, log.as_str()), (&json!(0), &Value::Null, "plain\n"));
}

#[tokio::test]
async fn a_person_hears_of_an_apply_that_takes_more_than_it_may() {
    if !requires("terraform") {
        return;
    }
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (while [ -e \"$STAY\" ]; do sleep 0.1; done) & done; wait\n";
    let folder = template(script);
    let stay = TempDir::new().unwrap();
    let mark = stay.path().join("stay");
    fs::write(&mark, "").unwrap();
    let mut setup = setup(folder.path(), &format!("confine_read = [{:?}]", stay.path()));
    setup.config.push_str("[limits]\nprocesses_max = 16\n");
    let daemon = Daemon::start_with(setup);
    daemon.post("/v1/namespaces/default/machines", &machine(&json!({"STAY": mark}))).await;
    let told = |machine: &Value| {
        let conditions = machine["status"]["conditions"].as_array().unwrap();
        conditions.iter().any(|it| it["type"] == "LimitExceeded" && it["message"].as_str().unwrap().contains("goes on"))
    };
    let busy = daemon.wait_for_machine("workers", "it takes too much", told).await;
    assert_eq!(busy["status"]["latestRun"]["state"], "applying");
    let events = daemon.get("/v1/namespaces/default/events").await.text;
    assert!(events.contains("LimitExceeded") && events.contains("limits.processes_max"), "{events}");
    fs::remove_file(&mark).unwrap();
    let ready = daemon.wait_until_ready("workers").await;
    assert!(!told(&ready), "{ready}");
    let run = &daemon.runs("workers").await[0];
    assert_eq!(run["state"], "succeeded", "its end was its own: {run}");
    until("its folder is gone", async || (!daemon.work_dir(run["id"].as_str().unwrap()).exists()).then_some(())).await;
    daemon.stop().await;
}
