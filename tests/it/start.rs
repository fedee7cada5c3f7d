//! What keeps a daemon from starting: each time a reason and a remedy, and exit code 1.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::local::seed_yaml;
use crate::offline::files;
use crate::support::{Daemon, ReadOnly, requires};

/// Tries to start a daemon that cannot start.
fn serve(dir: &Path, path: &str, args: &[&str], config: &str) -> Output {
    let file = dir.join("captd.toml");
    std::fs::write(&file, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_captd"))
        .args(["serve", "--data-dir"])
        .arg(dir.join("data"))
        .arg("--config")
        .arg(file)
        .args(args)
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir)
        .output()
        .unwrap()
}

fn check(output: &Output, texts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in texts {
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }
}

fn real_path() -> String {
    std::env::var("PATH").unwrap()
}

#[test]
fn without_terraform_it_says_what_to_install() {
    let dir = TempDir::new().unwrap();
    check(
        &serve(dir.path(), "/nonexistent", &["--listen", "127.0.0.1:0"], ""),
        &["terraform", "1.6", "[engine] binary"],
    );
}

#[test]
fn a_terraform_that_is_too_old_is_named_with_its_version() {
    let dir = TempDir::new().unwrap();
    // A fake: an old Terraform is not to be had here.
    let old = dir.path().join("terraform");
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o755).open(&old).unwrap();
    file.write_all(b"#!/bin/sh\necho '{\"terraform_version\": \"1.5.7\"}'\n").unwrap();
    drop(file);
    let config = format!("[engine]\nbinary = {:?}\n", old.display().to_string());
    check(&serve(dir.path(), &real_path(), &["--listen", "127.0.0.1:0"], &config), &["1.5.7", "1.6"]);
}

#[test]
fn every_problem_of_the_configuration_is_listed_before_anything_is_touched() {
    let dir = TempDir::new().unwrap();
    let config = "[engine]\nplans_at_onse = 3\napplies_at_once = 0\n[providers.aws.main]\nregion = 5\n";
    let output = serve(dir.path(), &real_path(), &[], config);
    check(
        &output,
        &[
            "engine.plans_at_onse",
            "did you mean `plans_at_once`",
            "engine.applies_at_once",
            "providers.aws.main.region",
            "providers.aws.main.profile",
        ],
    );
    assert!(!dir.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_data_folder_has_one_daemon_and_an_address_one_listener() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let dir = daemon.stop().await;
    let first = Daemon::start_in(dir);
    let parent = first.dir().to_owned();
    check(
        &serve(&parent, &real_path(), &["--listen", "127.0.0.1:0"], ""),
        &["another captd uses the data folder", "--data-dir"],
    );
    first.stop().await;

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = TempDir::new().unwrap();
    check(&serve(dir.path(), &real_path(), &["--listen", &address], ""), &[&address, "--listen"]);
}

#[tokio::test]
async fn a_data_folder_that_can_only_be_read_is_named_and_left_as_it_is() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.apply(&seed_yaml("workers", 1)).await;
    daemon.wait_until_ready("workers").await;
    let used = daemon.stop().await;
    let empty = TempDir::new().unwrap();
    std::fs::create_dir(empty.path().join("data")).unwrap();
    for dir in [empty.path(), used.path()] {
        let before = files(dir);
        let Some(mounted) = ReadOnly::mount(&dir.join("data")) else {
            println!("skipped: a folder that the test may mount read-only not found");
            return;
        };
        let output = serve(dir, &real_path(), &["--listen", "127.0.0.1:0"], "");
        let lock = format!("captd cannot write {}", dir.join("data/captd.lock").display());
        check(&output, &[&lock, "--data-dir", "Read-only file system"]);
        if dir == used.path() {
            let (code, out, err) = crate::offline::state(dir, None, "pull workers");
            assert!(code == 0 && out.contains("\"lineage\""), "what is kept can still be read: {err}");
        }
        drop(mounted);
        assert!(output.stdout.is_empty() && files(dir) == before, "it has begun: {output:?}");
    }
    let daemon = Daemon::start_in(used);
    assert_eq!(daemon.scale("workers", 2).await["state"], "succeeded");
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_that_another_process_has_locked_is_named_and_left_as_it_is() {
    if !requires("terraform") {
        return;
    }
    let dir = Daemon::start().stop().await;
    let database = dir.path().join("data/captd.db");
    // The first keeps others from writing, the second from anything.
    for statements in [&["BEGIN EXCLUSIVE"][..], &["PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"]] {
        // Not while it is locked: whoever closes a file lets go of all locks that its process has on it.
        let before = files(dir.path());
        let options = SqliteConnectOptions::new().filename(&database);
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut other).await.unwrap();
        }
        let output = serve(dir.path(), &real_path(), &["--listen", "127.0.0.1:0"], "");
        let said = format!("the database {} is locked by another process", database.display());
        check(&output, &[&said, "for 5 seconds; end what holds it", "nothing was changed"]);
        other.close().await.unwrap();
        let after = files(dir.path());
        let changed: Vec<&String> = after.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
        assert!(output.stdout.is_empty() && changed.is_empty(), "it has begun: {changed:?} {output:?}");
    }
    Daemon::start_in(dir).stop().await;
}

#[tokio::test]
async fn the_token_is_readable_by_its_user_only() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = daemon.dir().join("data");
    assert_eq!((mode(&data), mode(&data.join("admin.token"))), (0o700, 0o600));
    daemon.stop().await;
}
