//! `captd state list|show|pull` while no daemon works: from the data folder, as the daemon would
//! answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::schema::change;
use crate::support::{Daemon, requires};

/// What a command did: exit code, standard output, standard error.
pub type Said = (i32, String, String);

/// Types `captd state <line>` with the data folder of `dir`, and the daemon's address or none.
pub fn state(dir: &Path, address: Option<&str>, line: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_captd"));
    command.arg("state").args(line.split_whitespace()).arg("--data-dir").arg(dir.join("data"));
    command.env_clear().env("HOME", dir).envs(address.map(|address| ("CAPTD_ADDR", address)));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What no passing of time changes: a table without its column AGE.
fn timeless((code, out, err): Said) -> Said {
    let is_table = out.starts_with("VERSION");
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.remove(4);
        words.join(" ")
    };
    (code, if is_table { out.lines().map(line).collect::<Vec<_>>().join("\n") } else { out }, err)
}

fn note(dir: &Path) -> String {
    format!("no daemon works in {}: this is what its database holds\n", dir.join("data").display())
}

const LINES: [&str; 8] = [
    "list workers",
    "show workers",
    "pull workers",
    "pull workers --version 1",
    "pull workers --version 999",
    "list nobody",
    "pull nobody",
    "list workers -n nowhere",
];

/// All that the commands say without a daemon, less that there is none.
fn all(dir: &Path) -> Vec<Said> {
    let ask = |line| {
        let (code, out, err) = timeless(state(dir, None, line));
        let rest = err.strip_prefix(&note(dir)).unwrap_or_else(|| panic!("{line}: no note in {err}"));
        (code, out, rest.to_owned())
    };
    LINES.map(ask).to_vec()
}

/// Files of the data folder with what they hold.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir.join("data")).unwrap().flatten();
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

/// A data folder with two versions of a machine's state, as `end` leaves it, and what the daemon
/// answered.
async fn two_versions(end: Signal) -> (TempDir, Vec<Said>) {
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    daemon.scale("workers", 2).await;
    let answers = LINES.map(|line| timeless(state(daemon.dir(), Some(daemon.base()), line))).to_vec();
    let (_, _, err) = state(daemon.dir(), None, "list workers");
    assert!(!err.contains("no daemon works"), "a folder at which a daemon works is not read: {err}");
    (daemon.end(end).await, answers)
}

#[tokio::test]
async fn they_say_what_the_daemon_said_and_change_nothing() {
    if !requires("terraform") {
        return;
    }
    let (dir, answers) = two_versions(Signal::TERM).await;
    assert_eq!(answers.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1, 1, 1], "{answers:#?}");
    let before = files(dir.path());
    assert_eq!(all(dir.path()), answers);
    assert!(files(dir.path()) == before, "files have changed, come or gone: {:?}", files(dir.path()).keys());
    // Only where nothing else was said.
    let (code, _, err) = state(dir.path(), Some("127.0.0.1:1"), "list workers");
    assert!(code == 1 && err.contains("no captd at http://127.0.0.1:1"), "{err}");
    let (code, _, err) = state(dir.path(), None, "trust workers");
    assert!(code == 1 && !err.contains("no daemon works"), "what changes something is the daemon's: {err}");
}

#[tokio::test]
async fn a_daemon_that_was_killed_leaves_nothing_unread() {
    if !requires("terraform") {
        return;
    }
    let (dir, answers) = two_versions(Signal::KILL).await;
    let before = files(dir.path());
    assert!(!before["captd.db-wal"].is_empty(), "the newest states are not in the database's own file yet");
    assert_eq!(all(dir.path()), answers);
    let after = files(dir.path());
    for name in ["captd.db", "captd.db-wal"] {
        assert!(after[name] == before[name], "{name} has changed");
    }
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.scale("workers", 1).await["state"], "succeeded");
    daemon.stop().await;
}

#[tokio::test]
async fn without_the_key_or_with_another_schema_they_refuse() {
    if !requires("terraform") {
        return;
    }
    let (dir, answers) = two_versions(Signal::TERM).await;
    let (key, aside) = (dir.path().join("data/state.key"), dir.path().join("aside.key"));
    std::fs::rename(&key, &aside).unwrap();
    let (code, out, err) = state(dir.path(), None, "pull workers");
    assert!((code, out.as_str()) == (1, ""), "{err}");
    assert!(err.contains(&format!("the key file {} is gone", key.display())) && err.contains("bring it back"), "{err}");
    assert!(!key.exists(), "none is made in its place");
    assert_eq!(state(dir.path(), None, "list workers").0, 0, "a list needs no key");
    let other = format!("ffffffff {}\n", "01".repeat(32));
    std::fs::write(&key, other).unwrap();
    let (code, _, err) = state(dir.path(), None, "show workers");
    assert!(code == 1 && err.contains("is not in the key file; bring back the file that held it"), "{err}");

    // It lies where the configuration says.
    std::fs::write(dir.path().join("data/captd.toml"), format!("[state]\nkey_file = {:?}\n", aside.to_str().unwrap()))
        .unwrap();
    assert_eq!(all(dir.path()), answers);

    let database = dir.path().join("data/captd.db");
    for (statement, said) in [
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of the future', TRUE, x'00', 0)",
            "a newer captd made it: use that one",
        ),
        ("DELETE FROM _sqlx_migrations WHERE version > 3", "an older captd made it: use that one, or let"),
    ] {
        change(&database, statement).await;
        let before = files(dir.path());
        let (code, out, err) = state(dir.path(), None, "list workers");
        assert!(code == 1 && out.is_empty() && err.contains(said) && err.contains("captd.db has schema"), "{err}");
        assert!(files(dir.path()) == before, "nothing is migrated");
    }
}
