//! The files of a command's folder.

use std::path::PathBuf;

use captd_gateway::Wish;
use captd_process::{Confinement, Limits};
use serde::{Deserialize, Serialize};

/// Version of the folder's format. A captd reads the one before, too: an upgrade finds runs that the
/// earlier captd began. 2 names the captd that wrote it; 3 works in a folder of the run, where 2 worked in one of its
/// workspace.
pub(super) const FORMAT: u32 = 3;
/// The oldest format that is read.
pub(super) const FORMAT_OLDEST: u32 = FORMAT - 1;

pub(super) const COMMAND: &str = "command.json";
pub(super) const LOCK: &str = "supervisor.lock";
pub(super) const SUPERVISOR: &str = "supervisor.json";
pub(super) const TERRAFORM: &str = "terraform.json";
pub(super) const SAID: &str = "providers.json";
pub(super) const SILENT: &str = "provider-silent.json";
pub(super) const EXIT: &str = "exit.json";
pub(super) const EXCEEDED: &str = "exceeded.json";
pub(super) const ABANDONED: &str = "abandoned";
pub(super) const INTERRUPTED: &str = "interrupted";
pub(super) const FORCED: &str = "forced";
pub(super) const INTERRUPTED_AGAIN: &str = "interrupted-again";

/// The folder of a run's apply, among those of its commands.
pub const APPLY: &str = "4-apply";

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
    /// What it may take of the machine; everything, where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What it wants of the gateway; nothing, where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<Wish>,
}

impl Invocation {
    /// A command in today's format.
    #[must_use]
    pub fn new(program: String, args: Vec<String>, working_dir: PathBuf) -> Self {
        let captd = Some(env!("CARGO_PKG_VERSION").to_owned());
        Self { format: FORMAT, captd, program, args, working_dir, confinement: None, limits: None, warm: None }
    }

    /// The same, with no rights but these.
    #[must_use]
    pub fn confined(mut self, confinement: Option<Confinement>) -> Self {
        self.confinement = confinement;
        self
    }

    /// The same, taking no more of the machine than this.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The same, with its providers warm.
    #[must_use]
    pub fn warmed(mut self, warm: Option<Wish>) -> Self {
        self.warm = warm;
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
}
