//! Short commands whose answer the daemon waits for, such as `terraform version`.

use std::process::Stdio;
use std::time::Duration;

use super::Environment;

/// Runs a program and gives back what it wrote to standard output.
///
/// # Errors
/// A sentence: the program is not there, takes longer than `timeout`, or ends with an error.
pub async fn capture(
    program: &str,
    args: &[&str],
    environment: &Environment,
    timeout: Duration,
) -> Result<String, String> {
    let child = tokio::process::Command::new(program)
        .args(args)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    let output = tokio::time::timeout(timeout, child.wait_with_output())
        .await
        .map_err(|_| format!("`{program}` gave no answer within {} s", timeout.as_secs()))?
        .map_err(|error| format!("cannot read the answer of `{program}`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
    Err(format!("`{program} {}` ended with {}: {stderr}", args.join(" "), output.status))
}
