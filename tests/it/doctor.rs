//! `captd doctor`: a line for each check, and an exit code.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Daemon, requires};

/// Asks the doctor of a data folder `data` in `dir`; gives back its lines and its exit code.
pub fn ask(dir: &Path, address: &str) -> (Vec<String>, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_captd"));
    command.arg("doctor").arg("--data-dir").arg(dir.join("data")).arg("--config").arg(dir.join("captd.toml"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", dir).env("CAPTD_ADDR", address);
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (lines, output.status.code().unwrap())
}

/// An address at which nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The line of a check.
fn line<'a>(lines: &'a [String], what: &str) -> &'a str {
    let found = lines.iter().find(|line| line.split_once("  ").is_some_and(|(_, rest)| rest.trim().starts_with(what)));
    found.unwrap_or_else(|| panic!("no line of {what} in {lines:#?}"))
}

#[tokio::test]
async fn a_daemon_that_is_well_has_nothing_wrong() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let (lines, code) = ask(daemon.dir(), daemon.base());
    for what in [
        "configuration:",
        "data folder:",
        "token:",
        "terraform: version 1.",
        "providers:",
        "keys:",
        "declarations:",
        "daemon:",
        "disk:",
    ] {
        assert!(line(&lines, what).starts_with("ok    "), "{lines:#?}");
    }
    let confined = if captd::supervisor::landlock().is_ok() { "ok    " } else { "warn  " };
    assert!(line(&lines, "confinement:").starts_with(confined), "{lines:#?}");
    assert_eq!(code, 0, "{lines:#?}");

    let token = daemon.dir().join("data/admin.token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (lines, code) = ask(daemon.dir(), daemon.base());
    let said = line(&lines, "token:");
    assert!(said.starts_with("fail  ") && said.ends_with(&format!("chmod 0600 {}", token.display())), "{said}");
    assert_eq!(code, 1);
    daemon.stop().await;
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    let config = "[engine]\nbinary = \"/nowhere/terraform\"\nconfine = \"off\"\n";
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    let (lines, code) = ask(dir.path(), &nobody());
    assert_eq!(code, 1, "{lines:#?}");
    for (what, begin, end) in [
        ("data folder:", "warn  ", "or say --data-dir"),
        ("terraform:", "fail  ", "or name it with [engine] binary"),
        ("confinement:", "warn  ", "\"preferred\" or \"required\""),
        ("daemon:", "warn  ", "or say with --addr where it is"),
    ] {
        let said = line(&lines, what);
        assert!(said.starts_with(begin) && said.ends_with(end), "{said}");
    }
    assert!(!dir.path().join("data").exists(), "a doctor changes nothing");

    std::fs::write(dir.path().join("captd.toml"), "[engine]\nconfine = \"maybe\"\nconfine_read = [\"/\", \"x\"]\n")
        .unwrap();
    let (lines, code) = ask(dir.path(), &nobody());
    let said = lines.join("\n");
    assert_eq!(code, 1);
    for text in ["`maybe` is none of: required, preferred, off", "`/` holds the data folder", "`x` is no absolute path"]
    {
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }
}
