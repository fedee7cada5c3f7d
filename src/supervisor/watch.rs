//! Looks, beside the command, at what the kernel does not count for it: its processes and the bytes in its folders.
//!
//! **Invariant:** an apply is never ended for what it takes: what it has made would be recorded nowhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use captd_process::{Limits, bytes_in, descendants, end_descendants, proof, reap, write_json};
use rustix::process::set_child_subreaper;
use serde::{Deserialize, Serialize};

use super::record::{self, Invocation};

/// How often the processes are counted.
const LOOK: Duration = Duration::from_secs(1);
/// How many of these looks measure the folder too: one in so many.
const LOOKS_PER_MEASURE: u32 = 10;

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
        let folder = folder.to_owned();
        // All that it may write.
        let tmp = command.confinement.as_ref().map(|rights| rights.tmp.clone());
        let at: Vec<PathBuf> = [Some(command.working_dir.clone()), tmp].into_iter().flatten().collect();
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut looks = 0_u32;
            let mut orphans = BTreeSet::new();
            let mut is_told = false;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                looks = looks.wrapping_add(1);
                orphans = reap(&orphans, child);
                if is_told && !limits.ends {
                    continue;
                }
                let Some(what) = exceeded(&limits, &at, looks) else { continue };
                // What it was ended for first is why it ended.
                if !is_told {
                    write_json(&folder.join(record::EXCEEDED), &Exceeded { what, ended: limits.ends }).ok();
                    is_told = true;
                }
                if limits.ends {
                    end_descendants(std::process::id());
                }
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
    if has_cut_log(folder, &limits) {
        let mib = limits.file_bytes >> 20;
        let what = format!("its log has {mib} MiB, and is cut there (limits.file_mib_max)");
        write_json(&folder.join(record::EXCEEDED), &Exceeded { what, ended: limits.ends }).ok();
    }
}

/// Whether a log of the command of `folder` is as long as it may be, so that what came then is not in it.
#[must_use]
pub fn log_is_cut(folder: &Path) -> bool {
    let command: Option<Invocation> = proof(&folder.join(record::COMMAND));
    let limits = command.and_then(|command| command.limits);
    limits.is_some_and(|limits| has_cut_log(folder, &limits))
}

/// Whether a log is as long as it may be.
fn has_cut_log(folder: &Path, limits: &Limits) -> bool {
    let length = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |about| about.len());
    [record::STDOUT, record::STDERR].into_iter().any(|name| length(name) >= limits.file_bytes)
}

fn exceeded(limits: &Limits, at: &[PathBuf], looks: u32) -> Option<String> {
    let processes = descendants(std::process::id(), limits.processes).len() as u64;
    if processes > limits.processes {
        return Some(format!("it has more than {} processes (limits.processes_max)", limits.processes));
    }
    if !looks.is_multiple_of(LOOKS_PER_MEASURE) {
        return None;
    }
    let mut bytes = 0;
    for folder in at {
        let Some(found) = bytes_in(folder) else {
            let why = "it has too many names in it, a path that is too long, or a folder that is shut";
            return Some(format!("its folder cannot be measured: {why} (limits.folder_mib_max)"));
        };
        bytes += found;
    }
    let mib = |bytes: u64| bytes >> 20;
    (bytes > limits.folder_bytes).then(|| {
        format!("its folder has {} MiB, and may have {} (limits.folder_mib_max)", mib(bytes), mib(limits.folder_bytes))
    })
}
