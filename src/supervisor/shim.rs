//! `captd exec`: what becomes another program, after what only the process itself can do.

use std::ffi::OsString;
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Its word on the command line.
pub(super) const WORD: &str = "exec";
/// captd's own program, even after its file was replaced by a newer one.
pub(super) const OWN_PROGRAM: &str = "/proc/self/exe";
/// Puts it into a session of its own.
pub(super) const OWN_SESSION: &str = "--own-session";
/// Variable with what becomes `TF_REATTACH_PROVIDERS`, once the process id is known.
pub(super) const REATTACH: &str = "CAPTD_REATTACH";

/// A command that becomes `program`.
pub(super) fn command(program: &Path, own_session: bool) -> Command {
    let mut command = Command::new(OWN_PROGRAM);
    command.arg(WORD).args(own_session.then_some(OWN_SESSION)).arg(program);
    command
}

/// Puts this process into a session of its own. Fails only where it leads a group already, and then
/// it has been detached by whoever started it.
pub fn own_session() {
    rustix::process::setsid().ok();
}

/// Becomes the program that the arguments name. Comes back only when that cannot be.
#[must_use]
pub fn exec(arguments: &[OsString]) -> Error {
    let is_own = arguments.first().is_some_and(|word| word == OWN_SESSION);
    let [program, arguments @ ..] = &arguments[usize::from(is_own)..] else {
        return Error::other("it takes a program and its arguments; captd itself starts it, no person needs to");
    };
    if is_own {
        own_session();
    }
    let mut command = Command::new(program);
    command.args(arguments).env_remove(REATTACH);
    let reattach = std::env::var(REATTACH).ok();
    if let Some(text) = reattach.and_then(|text| captd_gateway::with_pid(&text, std::process::id())) {
        command.env("TF_REATTACH_PROVIDERS", text);
    }
    command.exec()
}
