//! The gateway's process: what it is told at its start, and how the daemon starts it, finds it again
//! and ends it.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use captd_gateway::{Identity, Limits, PROTOCOL, SOCKET_PATH_BYTES_MAX, living};
use captd_process::{Confinement, Result, failed, read_json, write_json};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::Environment;
use super::shim::OWN_PROGRAM;

const SETTINGS: &str = "settings.json";
const LOG: &str = "gateway.log";
/// How long one that is told to end is waited for.
const ENDING_LOOK: Duration = Duration::from_millis(5);
const ENDING_LOOKS: u32 = 200;
/// Bytes of a provider's socket below the gateway's folder, as go-plugin and captd name it.
const PROVIDER_SOCKET_BYTES: usize = "/p/9999/plugin1234567890".len();

/// What a gateway is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What bounds it.
    pub limits: Limits,
    /// What its providers may touch; everything, where this is absent.
    pub confinement: Option<Confinement>,
}

/// Reads what was written for the gateway of `folder`.
///
/// # Errors
/// When there is nothing to be read.
pub fn settings(folder: &Path) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    read_json(&path)?.ok_or_else(|| failed("read", &path)(std::io::ErrorKind::NotFound.into()))
}

/// Why there can be no gateway in `folder`.
#[must_use]
pub fn obstacle(folder: &Path) -> Option<String> {
    let bytes = folder.as_os_str().len() + PROVIDER_SOCKET_BYTES;
    (bytes > SOCKET_PATH_BYTES_MAX).then(|| {
        format!(
            "a provider's socket below {} would have a path of {bytes} bytes, and {SOCKET_PATH_BYTES_MAX} are possible; take a data folder with a shorter path",
            folder.display()
        )
    })
}

/// Makes sure that the gateway of `folder` is this captd's: starts one, where none lives, and in the
/// place of one of another version or with other settings. Its processes are found again.
///
/// # Errors
/// When it cannot be started.
pub async fn ensure(folder: &Path, settings: &Settings, environment: &Environment) -> Result<()> {
    if let Some(found) = living(folder) {
        let is_this = found.protocol == PROTOCOL && found.captd == env!("CARGO_PKG_VERSION");
        if is_this && self::settings(folder).is_ok_and(|told| told == *settings) {
            return Ok(());
        }
        end(&found);
        // It has nothing to finish. The next one finds its folder free.
        for _ in 0..ENDING_LOOKS {
            if !found.process.is_alive() {
                break;
            }
            tokio::time::sleep(ENDING_LOOK).await;
        }
        // One that hangs does not hear.
        found.process.signal(Signal::KILL);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make", folder))?;
    write_json(&folder.join(SETTINGS), settings)?;
    let path = folder.join(LOG);
    let log = OpenOptions::new().create(true).write(true).truncate(true).open(&path).map_err(failed("write", &path))?;
    let child = Command::new(OWN_PROGRAM)
        // What `ps` shows.
        .arg0("captd")
        .args(["gateway", "serve"])
        .arg(folder)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    let mut child = child.map_err(failed("start a gateway in", folder))?;
    // For as long as the daemon lives, somebody must take its exit status.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Kills the gateway of `folder`, which hangs: no run hears of it.
pub fn kill(folder: &Path) {
    living(folder).inspect(|gateway| gateway.process.signal(Signal::KILL));
}

/// Ends a gateway: no run hears of it.
pub fn end(gateway: &Identity) {
    gateway.process.signal(Signal::TERM);
}
