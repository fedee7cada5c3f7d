//! Run folders whose files are missing, empty, damaged or of another version when a daemon starts.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::restart::create_slowly;
use crate::support::{Daemon, requires};

/// A folder whose daemon was killed while terraform creates; the run, and the folder of its apply.
async fn left_behind() -> (TempDir, String, PathBuf) {
    let daemon = Daemon::start();
    let run = create_slowly(&daemon).await;
    let folder = daemon.dir().join("data/runs").join(&run).join("4-apply");
    (daemon.end(Signal::KILL).await, run, folder)
}

#[tokio::test]
async fn what_is_damaged_is_named_and_the_run_is_judged_by_what_can_be_proven() {
    if !requires("terraform") {
        return;
    }
    for (files, content) in [
        (["command.json", "supervisor.json", "terraform.json"].as_slice(), Some("")),
        (&["supervisor.json", "exit.json"], Some("{\"pid\": tru")),
        (&["supervisor.json", "terraform.json"], None),
    ] {
        let (dir, run, folder) = left_behind().await;
        for file in files {
            let path = folder.join(file);
            match content {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
        }
        // Its lock proves that the supervisor lives, and that leaves the exit status.
        let daemon = Daemon::start_in(dir);
        let ended = daemon.wait_for_end(&run).await;
        assert_eq!(ended["state"], "succeeded", "{files:?} {content:?}: {ended}");
        assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
        let log = daemon.log();
        for file in files.iter().filter(|_| content.is_some()) {
            assert!(log.contains(&format!("4-apply/{file}")) && log.contains("damaged"), "{file}: {log}");
        }
        assert!(!log.contains("tfplan"), "a saved plan is no folder of a command: {log}");
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_run_of_a_format_that_is_not_known_is_left_alone_and_nothing_starts() {
    if !requires("terraform") {
        return;
    }
    let (dir, run, folder) = left_behind().await;
    let path = folder.join("command.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let mut command: serde_json::Value = serde_json::from_str(&written).unwrap();
    command["format"] = json!(99);
    command["captd"] = json!("9.9.9");
    std::fs::write(&path, command.to_string()).unwrap();
    let (code, said) = try_to_serve(dir.path());
    assert_eq!(code, Some(1), "{said}");
    for text in ["format 99, of captd 9.9.9", "left alone", "4-apply"] {
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }
    assert!(!folder.join("abandoned").exists(), "nothing was done about it");

    std::fs::write(&path, written).unwrap();
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded", "its terraform was not disturbed");
    daemon.wait_until_ready("workers").await;
    daemon.stop().await;
}

fn try_to_serve(dir: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.join("data"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", dir)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
