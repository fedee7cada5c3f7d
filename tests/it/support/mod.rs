//! What the tests stand on: a real daemon, the real Terraform, the fake AWS. Helpers are verbs.

mod clients;
mod daemon;
mod declarations;
mod fake_aws;
mod machines;
mod small_disk;
mod until;

use std::path::{Path, PathBuf};

pub use clients::client;
pub use daemon::{Answer, Daemon, Setup};
pub use declarations::local_machine;
pub use fake_aws::FakeAws;
pub use machines::resources_of;
pub use small_disk::{ReadOnly, SmallDisk};
pub use until::until;

/// Whether a test that needs `tool` (`terraform` or `aws`) can run. Says so when it cannot, and
/// fails where `CAPTD_REQUIRE` names it.
pub fn requires(tool: &str) -> bool {
    let missing = match tool {
        "terraform" => on_path("terraform").is_none().then_some("terraform"),
        "aws" if on_path("terraform").is_none() => Some("terraform"),
        "aws" => python().is_none().then_some("the fake AWS (make test installs it under target/venv)"),
        other => panic!("nobody knows how to look for {other}"),
    };
    let Some(missing) = missing else { return true };
    let required = std::env::var("CAPTD_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == tool), "CAPTD_REQUIRE names {tool}, and {missing} was not found");
    println!("skipped: {missing} not found");
    false
}

/// The plain Terraform in `folder`, with nothing of our environment but the PATH.
pub fn terraform(folder: &Path, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("terraform");
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("CHECKPOINT_DISABLE", "1");
    command
}

/// The same, run to its end, which must be a good one; what it says.
pub fn terraform_says(folder: &Path, args: &[&str]) -> String {
    let output = terraform(folder, args).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "terraform {args:?}: {stdout}\n{stderr}");
    stdout.into_owned()
}

/// A program's path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The Python in which the fake AWS is installed.
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os("CAPTD_TEST_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    named.or(Some(made)).filter(|python| python.exists())
}

/// A folder with the AWS provider in it, where the machine has one; otherwise Terraform asks its
/// registry.
pub fn provider_mirror() -> Option<PathBuf> {
    let named = std::env::var_os("CAPTD_PROVIDER_MIRROR").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let below_opt = std::fs::read_dir("/opt").into_iter().flatten().flatten().map(|entry| entry.path());
    let implied = captd::terraform::installation::implied_mirrors(home.as_deref());
    named
        .into_iter()
        .chain(implied)
        .chain(below_opt)
        .find(|folder| folder.join("registry.terraform.io/hashicorp/aws").is_dir())
}
