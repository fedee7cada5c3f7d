//! The files of a command's folder, and how they are written: whole and synced, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Confinement, Result, failed};

/// Version of the folder's format. A captd reads the one before, too: an upgrade finds runs that the
/// earlier captd began. 2 names the captd that wrote it.
pub(super) const FORMAT: u32 = 2;
/// The oldest format that is read.
pub(super) const FORMAT_OLDEST: u32 = FORMAT - 1;

pub(super) const COMMAND: &str = "command.json";
pub(super) const LOCK: &str = "supervisor.lock";
pub(super) const SUPERVISOR: &str = "supervisor.json";
pub(super) const TERRAFORM: &str = "terraform.json";
pub(super) const EXIT: &str = "exit.json";
pub(super) const ABANDONED: &str = "abandoned";
pub(super) const INTERRUPTED: &str = "interrupted";
pub(super) const INTERRUPTED_AGAIN: &str = "interrupted-again";

/// What the supervisor itself has to say, when it fails.
pub const SUPERVISOR_LOG: &str = "supervisor.log";

/// What terraform says on its standard output.
pub const STDOUT: &str = "stdout.log";
/// What terraform says on its standard error.
pub const STDERR: &str = "stderr.log";

/// Exit code of a command that could not be started, as a shell gives it.
pub const NOT_STARTED: i32 = 126;
/// Exit code of a command that is not there, as a shell gives it.
pub const NOT_FOUND: i32 = 127;

/// A command as it is to be run. Its environment is the supervisor's own and stands in no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Version of the format.
    pub format: u32,
    /// Version of the captd that wrote it; absent in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captd: Option<String>,
    /// The program.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it runs.
    pub working_dir: PathBuf,
    /// What it may touch; everything, where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Confinement>,
}

impl Invocation {
    /// A command in today's format.
    #[must_use]
    pub fn new(program: String, args: Vec<String>, working_dir: PathBuf) -> Self {
        let captd = Some(env!("CARGO_PKG_VERSION").to_owned());
        Self { format: FORMAT, captd, program, args, working_dir, confinement: None }
    }

    /// The same, with no rights but these.
    #[must_use]
    pub fn confined(mut self, confinement: Option<Confinement>) -> Self {
        self.confinement = confinement;
        self
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Milliseconds from its start to its end.
    pub duration_ms: u64,
}

impl Exit {
    /// The exit code as a shell would give it: 128 + n for signal n.
    #[must_use]
    pub fn shell_code(self) -> i32 {
        self.code.unwrap_or_else(|| 128 + self.signal.unwrap_or_default())
    }

    /// Whether the command could not be started at all; `stderr.log` says why.
    #[must_use]
    pub fn is_not_started(self) -> bool {
        matches!(self.code, Some(NOT_STARTED | NOT_FOUND))
    }

    /// Whether the command says that it did what it was to do.
    #[must_use]
    pub fn is_success(self) -> bool {
        self.code == Some(0)
    }
}

/// Writes a file whole and synced, its folder too.
///
/// # Errors
/// When it cannot be written; what was there before is still there.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed("write", path))
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec(value).map_err(std::io::Error::other).map_err(failed("write", path))?;
    write_whole(path, &json)
}

/// What a file of the folder proves: nothing, when it is not there, or is empty or damaged.
pub(super) fn proof<T: DeserializeOwned>(path: &Path) -> Option<T> {
    read_json(path).ok().flatten()
}

/// Reads a file of the folder; `None` when it is not there.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes).map_err(std::io::Error::other).map_err(failed("read", path))?;
            Ok(Some(value))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}
