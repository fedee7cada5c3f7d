//! A process named so that it cannot be mistaken for another: pids are used again, so start time
//! and boot id belong to the name. Read from Linux' `/proc`.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// Looks at what is left of a session, each of which ends what it finds.
const LOOKS_MAX: u32 = 10;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pid: u32,
    /// Clock ticks from boot to its start.
    start_time: u64,
    /// Id of the boot in which it was started.
    boot_id: String,
}

impl Process {
    /// The process that has `pid` now; `None` when there is none.
    #[must_use]
    pub fn with_pid(pid: u32) -> Option<Self> {
        let start_time = stat(pid).ok()??.start_time;
        Some(Self { pid, start_time, boot_id: boot_id() })
    }

    /// Whether it is still there, or nothing proves that it is gone. A zombie is gone: it does nothing any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.looked_at().unwrap_or(true)
    }

    /// Whether it is still there.
    ///
    /// # Errors
    /// When that cannot be seen, as with no descriptor left.
    fn looked_at(&self) -> io::Result<bool> {
        let Some(stat) = stat(self.pid)? else { return Ok(false) };
        let is_it = !stat.has_ended() && stat.start_time == self.start_time;
        Ok(is_it && boot()? == self.boot_id)
    }

    /// Its id, as system calls take it.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }

    /// Sends it a signal, if it is still there.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().filter(|_| self.looked_at().unwrap_or(false)) {
            // It may have ended since; that is what was wanted, or no concern of the one who asks.
            kill_process(pid, signal).ok();
        }
    }
}

/// Kills what is left of the session that `leader` led, as far as it works in `folder` or below, so
/// that a pid that was used again leads to no stranger. What a dead terraform has begun would go on
/// unrecorded, beside the run that comes after it.
pub fn end_session(leader: &Process, folder: &Path) {
    if boot_id() != leader.boot_id {
        return;
    }
    end_all(folder, |pid| pid != leader.pid && session(pid) == Some(leader.pid));
}

/// Kills what works in `folder` or below, whoever began it.
pub fn end_working_in(folder: &Path) {
    end_all(folder, |pid| pid != std::process::id());
}

/// Kills the processes that are `meant`, as far as they work in `folder` or below.
fn end_all(folder: &Path, meant: impl Fn(u32) -> bool) {
    let Ok(folder) = folder.canonicalize() else { return };
    // A process that is begun while others are ended is found by the next look.
    for _ in 0..LOOKS_MAX {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let left: Vec<Process> = pids
            .filter(|pid| meant(*pid))
            .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)))
            .filter_map(Process::with_pid)
            .filter(Process::is_alive)
            .collect();
        if left.is_empty() {
            return;
        }
        for process in left {
            process.signal(Signal::KILL);
        }
    }
}

/// Session of a process: field 6 of `/proc/<pid>/stat`. `None` when there is no such process.
#[must_use]
pub fn session(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// What there is to know of a process: fields 3, 4, 20 and 22 of `/proc/<pid>/stat`.
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) parent: u32,
    threads: u32,
    pub(crate) start_time: u64,
}

impl Stat {
    /// Whether it does nothing any more. One whose first thread has ended goes on in the others.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

/// What there is to know of a process. The name in field 2 may hold anything, so fields are counted from its closing
/// parenthesis.
pub(crate) fn stat(pid: u32) -> io::Result<Option<Stat>> {
    let bytes = match fs::read(format!("/proc/{pid}/stat")) {
        Ok(bytes) => bytes,
        // Its end between the opening and the reading is ESRCH.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(fields(&String::from_utf8_lossy(&bytes)))
}

fn fields(stat: &str) -> Option<Stat> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

/// Id of the boot that this is.
#[must_use]
pub fn boot_id() -> String {
    boot().unwrap_or_default()
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}
