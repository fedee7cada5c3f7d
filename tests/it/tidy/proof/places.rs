//! What has its one place, or none.

use super::check;

#[test]
fn sql_lives_in_the_store() {
    check("src/queue/mod.rs", "fn a(x: &sqlx::SqlitePool) {}", &["2: names sqlx outside store/"]);
    check("src/domain/run.rs", "#[derive(sqlx::FromRow)]\nstruct A;", &["2: names sqlx outside store/"]);

    check("src/store/runs.rs", "use sqlx::SqlitePool;", &[]);
    check("src/queue/mod.rs", "/// Knows no sqlx.\nconst A: &str = \"sqlx\";", &[]);
}

#[test]
fn processes_are_started_by_their_owners() {
    let starts =
        |path: &str| format!("2: starts a process (`{path}`) outside supervisor/, crates/process and crates/gateway");
    let check_bad = |body: &str, path: &str| check("src/runner/mod.rs", body, &[&starts(path)]);
    check_bad("use std::process::{ExitCode, Command};", "std::process::Command");
    check_bad("use std::process::Command as Child;", "std::process::Command as …");
    check_bad("use std::process::*;", "std::process::*");
    check_bad("use tokio::process;", "tokio::process");
    check_bad("use tokio::{fs, process::Child};", "tokio::process::Child");
    check_bad("fn a() { process::Command::new(\"ls\"); }", "process::Command::new");
    check_bad("fn a() { Command::new(\"ls\"); }", "Command::new");

    let clap = "use clap::Command;\nfn a(x: Command) { clap::Command::new(\"captd\"); }";
    check("src/cli/mod.rs", clap, &[]);
    check("src/cli/mod.rs", "enum Command { Serve }\nfn a() { run(Command::Serve); std::process::exit(1) }", &[]);
    check("src/supervisor/spawn.rs", "use std::process::Command;\nfn a() { Command::new(\"ls\"); }", &[]);
    check("crates/gateway/src/plugin.rs", "use tokio::process::Command;", &[]);
}

#[test]
fn clocks_are_arguments() {
    let reads = |path: &str| format!("2: reads the clock (`{path}`) outside domain/time.rs");
    for reading in
        ["std::time::SystemTime::now", "Instant::now", "Timestamp::now", "ZonedDateTime::now", "Uuid::now_v7"]
    {
        check("src/domain/run.rs", &format!("fn a() {{ {reading}(); }}"), &[&reads(reading)]);
    }
    check("src/queue/mod.rs", "fn a() { x.unwrap_or_else(Timestamp::now); }", &[&reads("Timestamp::now")]);

    check("src/domain/time.rs", "fn a() { Timestamp::now(); Uuid::now_v7(); }", &[]);
    check("src/queue/mod.rs", "async fn a(clock: &Clock) { clock.now(); tokio::time::sleep(SECOND).await; }", &[]);
}

#[test]
fn nothing_is_silenced_ignored_or_unfinished() {
    check("src/http/mod.rs", "#[allow(dead_code)]\nfn a() {}", &["2: #[allow(…)] without a reason"]);
    check("src/http/mod.rs", "#![expect(clippy::all)]", &["2: #[expect(…)] without a reason"]);
    check("src/http/mod.rs", "#[cfg_attr(test, allow(dead_code))]\nfn a() {}", &["2: #[allow(…)] without a reason"]);
    check("src/http/mod.rs", "fn a() { b().unwrap(); }", &["2: `.unwrap()` outside the tests"]);
    for file in ["src/http/mod.rs", "tests/it/runs.rs"] {
        check(file, "#[test]\n#[ignore = \"slow\"]\nfn a() {}", &["3: #[ignore]"]);
        check(file, "fn a() { todo!() }", &["2: todo!"]);
        check(file, "fn a() { if b { unimplemented!(\"c\") } }", &["2: unimplemented!"]);
        check(file, "fn a() { run(dbg!(1)); }", &["2: dbg!"]);
    }

    check("src/http/mod.rs", "#[allow(dead_code, reason = \"wire format\")]\nfn ignore() {}", &[]);
    check("src/http/mod.rs", "fn a() { b().unwrap_or(1); c.expect(\"invariant: set\"); todo != (1); }", &[]);
    check("tests/it/runs.rs", "fn a() { b().unwrap(); }", &[]);
}
