//! Databases that are damaged, lost, of another folder or older than what lies beside them; and copies of a whole data
//! folder. Nothing of it is taken for a first start, or for the original.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::offline::files;
use crate::restart::create_slowly;
use crate::support::{Daemon, requires};

/// Types a command at a data folder that no daemon has.
fn captd(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(args)
        .arg("--data-dir")
        .arg(dir.join("data"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", dir)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

fn damage(database: &Path, how: &str) {
    let mut bytes = std::fs::read(database).unwrap();
    // The root of a table that every database has.
    let (page, middle) = (4 * 4096, bytes.len() / 2 / 4096 * 4096);
    match how {
        "a page of zeros" => bytes[page..page + 4096].fill(0),
        "a page of nonsense" => bytes[page..page + 4096].fill(0xa5),
        "half of it" => bytes.truncate(middle),
        "its first page" => bytes[..100].fill(0x5a),
        "nothing" => bytes.clear(),
        other => panic!("nobody knows how to damage a database by {other}"),
    }
    std::fs::write(database, bytes).unwrap();
}

#[tokio::test]
async fn a_backup_of_a_damaged_database_fails_and_leaves_no_file() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let dir = daemon.stop().await;
    let database = dir.path().join("data/captd.db");
    let sound = std::fs::read(&database).unwrap();
    let to = dir.path().join("copy.db");
    let back_up = || captd(dir.path(), &["backup", "--to", to.to_str().unwrap()]);
    for how in ["a page of zeros", "a page of nonsense", "half of it", "its first page", "nothing"] {
        damage(&database, how);
        let (code, said) = back_up();
        assert_eq!(code, Some(1), "{how}: {said}");
        assert!(said.contains("is damaged") && said.contains("captd.db"), "{how}: {said}");
        let left: Vec<String> = files(dir.path()).into_keys().filter(|name| name.contains("copy.db")).collect();
        assert!(left.is_empty(), "{how}: {left:?}");
    }
    std::fs::write(&database, sound).unwrap();
    assert_eq!(back_up().0, Some(0));
    let (code, said) = back_up();
    assert!(code == Some(1) && said.contains("exists already") && !said.contains("configuration"), "{said}");
    Daemon::start_in(dir).stop().await;
}

/// What it is called, what stands in captd.db if that is there, and what captd says.
type Case<'a> = (&'a str, Option<&'a [u8]>, &'a [&'a str]);

#[tokio::test]
async fn a_database_that_lost_something_is_not_taken_for_a_first_start() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let dir = daemon.stop().await;
    let data = dir.path().join("data");
    let (database, log) = (data.join("captd.db"), data.join("captd.db-wal"));
    let older = std::fs::read(&database).unwrap();
    let other = Daemon::start().stop().await;
    let of_another = std::fs::read(other.path().join("data/captd.db")).unwrap();

    // One more start, one more run, and an end that leaves its last writes in captd.db-wal.
    let daemon = Daemon::start_in(dir);
    daemon.scale("workers", 2).await;
    let dir = daemon.end(Signal::KILL).await;
    let (kept_database, kept_log) = (std::fs::read(&database).unwrap(), std::fs::read(&log).unwrap());
    std::fs::remove_file(data.join("captd.db-shm")).ok();

    let cases: [Case<'_>; 5] = [
        ("no database", None, &["is not there", "no first start", "runs/", "state.key", "captd.db-wal"]),
        ("an empty one", Some(b""), &["is empty", "no first start", "revisions/"]),
        ("one without captd.db-wal", Some(&kept_database), &["older than what lies beside it", "captd.db-wal"]),
        ("an older one", Some(&older), &["older than what lies beside it", "captd hold"]),
        ("another's", Some(&of_another), &["is that of another installation", "captd.installation"]),
    ];
    for (what, content, texts) in cases {
        std::fs::remove_file(&database).ok();
        std::fs::remove_file(&log).ok();
        if let Some(content) = content {
            std::fs::write(&database, content).unwrap();
        }
        let before = files(dir.path());
        let (code, said) = captd(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(code, Some(1), "{what}: {said}");
        for text in texts {
            assert!(said.contains(text), "{what}: `{text}` is not in: {said}");
        }
        assert!(files(dir.path()) == before, "{what}: something was changed");
    }
    std::fs::write(&database, kept_database).unwrap();
    std::fs::write(&log, kept_log).unwrap();
    let daemon = Daemon::start_in(dir);
    assert_eq!(daemon.wait_until_ready("workers").await["status"]["currentSize"], 2);
    // A folder that has begun without the file that counts starts raises no alarm.
    let dir = daemon.stop().await;
    std::fs::remove_file(data.join("captd.installation")).unwrap();
    Daemon::start_in(dir).stop().await;
}

async fn hold(daemon: &Daemon) -> Value {
    daemon.get("/v1/hold").await.json()
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    let status =
        Command::new("cp").arg("-a").arg(dir.join("data")).arg(dir.join("captd.toml")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

#[tokio::test]
async fn a_copy_of_a_data_folder_is_held_and_a_folder_that_moved_is_not() {
    if !requires("terraform") {
        return;
    }
    // A folder of before knows nothing of where it lay.
    let dir = Daemon::start().stop().await;
    crate::schema::change(&dir.path().join("data/captd.db"), "DELETE FROM settings WHERE key IN ('home', 'starts')")
        .await;
    std::fs::remove_file(dir.path().join("data/captd.installation")).unwrap();
    let early = copy_of(dir.path());
    let twin = Daemon::start_in(early);
    assert_eq!(hold(&twin).await["held"], false, "nothing tells that it is a copy, and it is not held on suspicion");
    twin.stop().await;

    // Copied while terraform is at work for the original.
    let daemon = Daemon::start_in(dir);
    let run = create_slowly(&daemon).await;
    let copy = copy_of(daemon.dir());
    let original = daemon.dir().join("data").display().to_string();
    // As if what is copied were a copy itself.
    let (data, before) = (copy.path().join("data"), copy.path().join("data/gateway.of-the-original/of-before"));
    std::fs::create_dir_all(&before).unwrap();
    let twin = Daemon::start_in(copy);
    assert!(before.exists() && data.join("gateway.of-the-original-2").exists(), "each has a name of its own");
    let held = hold(&twin).await;
    assert!(held["held"] == true && held["why"].as_str().unwrap().contains(&original), "{held}");
    assert_eq!(twin.run(&run).await["state"], "lost", "it is the original's");
    assert_eq!(daemon.wait_for_end(&run).await["state"], "succeeded", "and was not disturbed");
    assert_eq!(hold(&daemon).await["held"], false);
    daemon.wait_until_ready("workers").await;
    twin.wait_for_machine("workers", "it is planned", |m| m["status"]["latestRun"]["state"] == "planned").await;
    let copy = twin.end(Signal::TERM).await;
    let twin = Daemon::start_in(copy);
    assert_eq!(hold(&twin).await["held"], true, "until a person releases it");
    assert_eq!(twin.delete("/v1/hold").await.json()["held"], false);
    twin.wait_until_ready("workers").await;
    let copy = twin.stop().await;
    let aside = data.join("runs").join(format!("{run}.of-the-original"));
    assert!(aside.join("4-apply").exists(), "no start removes what was set aside");
    let twin = Daemon::start_in(copy);
    assert_eq!(hold(&twin).await["held"], false, "and then it is an installation of its own");
    twin.stop().await;

    // Renamed, and its files moved into another folder.
    let dir = daemon.stop().await;
    let elsewhere = TempDir::new().unwrap();
    std::fs::rename(dir.path().join("data"), elsewhere.path().join("data")).unwrap();
    std::fs::write(elsewhere.path().join("captd.toml"), "").unwrap();
    let daemon = Daemon::start_in(elsewhere);
    assert_eq!(hold(&daemon).await["held"], false);
    let elsewhere = daemon.stop().await;
    let new = TempDir::new().unwrap();
    std::fs::create_dir(new.path().join("data")).unwrap();
    std::fs::write(new.path().join("captd.toml"), "").unwrap();
    for entry in std::fs::read_dir(elsewhere.path().join("data")).unwrap().flatten() {
        let to: PathBuf = new.path().join("data").join(entry.file_name());
        std::fs::rename(entry.path(), to).unwrap();
    }
    let daemon = Daemon::start_in(new);
    assert_eq!(hold(&daemon).await["held"], false);
    assert_eq!(daemon.scale("workers", 3).await["state"], "succeeded");
    daemon.stop().await;
}
