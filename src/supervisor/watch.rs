//! Looks, beside the command, at what the kernel does not count for it: its processes and the bytes in its folder.
//!
//! **Invariant:** an apply is never ended for what it takes: what it has made would be recorded nowhere.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use captd_process::{Limits, Process, bytes_in, descendants, write_json};
use rustix::process::{Signal, set_child_subreaper};
use serde::{Deserialize, Serialize};

use super::record::{self, Invocation};

/// How often the processes are counted.
const LOOK: Duration = Duration::from_secs(1);
/// How many of these looks measure the folder too: one in so many.
const LOOKS_PER_MEASURE: u32 = 10;
/// How often what is to end is looked for again.
const ENDINGS: u32 = 10;

/// What a command has taken more of than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// What of, how much, and the setting that bounds it.
    pub what: String,
    /// Whether it was ended for that.
    pub ended: bool,
}

/// Keeps what leaves its parent below this process, so that it is counted.
pub(super) fn keep_below() {
    set_child_subreaper(Some(rustix::process::getpid())).ok();
}

/// Looks until it is ended.
pub(super) struct Watch {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Begins to look at the command of `folder`, which is the process `child`.
    pub(super) fn begin(folder: &Path, command: &Invocation, child: u32) -> Option<Self> {
        let limits = command.limits?;
        let (end, ended) = channel();
        let (folder, at) = (folder.to_owned(), command.working_dir.clone());
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut looks = 0_u32;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                looks = looks.wrapping_add(1);
                let Some(what) = exceeded(&limits, &at, looks) else { continue };
                write_json(&folder.join(record::EXCEEDED), &Exceeded { what, ended: limits.ends }).ok();
                if limits.ends {
                    end_all(child);
                }
                return;
            }
        });
        Some(Self { end, thread: thread.ok()? })
    }

    /// Looks no more.
    pub(super) fn end(self) {
        drop(self.end);
        self.thread.join().ok();
    }
}

/// Says it, when the command has written more than one file may have: the rest of what it said is missing.
pub(super) fn tell_of_cut_logs(folder: &Path, command: &Invocation) {
    let Some(limits) = command.limits else { return };
    for name in [record::STDOUT, record::STDERR] {
        if std::fs::metadata(folder.join(name)).is_ok_and(|about| about.len() >= limits.file_bytes) {
            let mib = limits.file_bytes >> 20;
            let what = format!("its log has {mib} MiB, and is cut there (limits.file_mib_max)");
            write_json(&folder.join(record::EXCEEDED), &Exceeded { what, ended: limits.ends }).ok();
        }
    }
}

fn exceeded(limits: &Limits, at: &Path, looks: u32) -> Option<String> {
    let processes = descendants(std::process::id(), limits.processes).len() as u64;
    if processes > limits.processes {
        return Some(format!("it has more than {} processes (limits.processes_max)", limits.processes));
    }
    if !looks.is_multiple_of(LOOKS_PER_MEASURE) {
        return None;
    }
    let bytes = bytes_in(at);
    let mib = |bytes: u64| bytes >> 20;
    (bytes > limits.folder_bytes).then(|| {
        format!("its folder has {} MiB, and may have {} (limits.folder_mib_max)", mib(bytes), mib(limits.folder_bytes))
    })
}

/// Kills the command and all that it has begun; what is begun meanwhile is found by the next look.
fn end_all(child: u32) {
    for _ in 0..ENDINGS {
        let below = descendants(std::process::id(), u64::MAX);
        let alive: Vec<Process> =
            below.iter().filter_map(|pid| Process::with_pid(*pid)).filter(Process::is_alive).collect();
        if alive.is_empty() {
            return;
        }
        for process in alive {
            process.signal(Signal::KILL);
        }
    }
    Process::with_pid(child).inspect(|process| process.signal(Signal::KILL));
}
