//! What a process has begun, and all that this has begun: counted, and ended whatever it does against that.
//!
//! **Invariant:** a process is signalled only while it is below the one that is asked for: its id alone may be another's
//! by then.
//! **Invariant:** nothing here waits for what does not end.

use std::collections::{BTreeSet, VecDeque};
use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, waitpid};

use crate::identity::{Stat, stat};

/// Looks in a row that find nobody new: one that came to another parent just then is missed by a single one.
const QUIET_LOOKS: u32 = 3;
/// Looks in all.
const LOOKS_MAX: u32 = 1_000;

/// The processes below `pid`, at most about `most` of them. What has ended and was not waited for is none.
#[must_use]
pub fn descendants(pid: u32, most: u64) -> BTreeSet<u32> {
    walk(pid, most, |_, _| {})
}

/// Ends all processes below `pid`, and not `pid` itself. First all are stopped, each before it is asked for its children:
/// with a signal before it, a process begins no other one. So what begins others faster than they can be killed is ended,
/// too. What was sent the kill runs none of its code any more, though it may take a moment to go.
pub fn end_descendants(pid: u32) {
    if send_to_all(pid, Signal::STOP) {
        send_to_all(pid, Signal::KILL);
    }
}

/// Sends a signal to all below `pid`, until nobody is found whom it was not sent to. Gives back whether there was anybody.
fn send_to_all(pid: u32, sent: Signal) -> bool {
    let mut told = BTreeSet::new();
    let mut quiet_looks = 0;
    for _ in 0..LOOKS_MAX {
        let found = walk(pid, u64::MAX, |found, stat| signal(found, stat, sent));
        quiet_looks = if found.is_subset(&told) { quiet_looks + 1 } else { 0 };
        if quiet_looks == QUIET_LOOKS {
            break;
        }
        told.extend(found);
    }
    !told.is_empty()
}

/// Takes the exit statuses of own children that have ended and are named in `ended`, and gives back those that have ended
/// by now. Who is named was there at the look before: whoever waits for a child of its own has done so since. `but` is
/// never taken.
#[must_use]
pub fn reap(ended: &BTreeSet<u32>, but: u32) -> BTreeSet<u32> {
    let own = getpid().as_raw_nonzero().get().unsigned_abs();
    let mut now = BTreeSet::new();
    for pid in children(own).filter(|pid| *pid != but) {
        if stat(pid).ok().flatten().is_none_or(|stat| !stat.has_ended()) {
            continue;
        }
        if let Some(child) = as_pid(pid).filter(|_| ended.contains(&pid)) {
            waitpid(Some(child), WaitOptions::NOHANG).ok();
        } else {
            now.insert(pid);
        }
    }
    now
}

/// Visits each process below `root`: first itself, then what it has begun by then.
fn walk(root: u32, most: u64, mut visit: impl FnMut(u32, &Stat)) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut left = VecDeque::from([root]);
    while let Some(above) = left.pop_front() {
        for pid in children(above).collect::<Vec<_>>() {
            let Some(stat) = stat(pid).ok().flatten().filter(|stat| !stat.has_ended()) else { continue };
            // Whoever has its id by now is another's child. One whose parent has ended is that of one above.
            let is_below = stat.parent == above || stat.parent == root || found.contains(&stat.parent);
            if is_below && found.insert(pid) {
                visit(pid, &stat);
                left.push_back(pid);
            }
        }
        if found.len() as u64 > most {
            break;
        }
    }
    found
}

/// The children of a process, whichever of its threads began them.
fn children(pid: u32) -> impl Iterator<Item = u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.flat_map(|task| {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
    })
}

/// Sends a signal to the process that was found so, and to none that has its id by now.
fn signal(pid: u32, found: &Stat, signal: Signal) {
    let Some(fd) = as_pid(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else { return };
    if stat(pid).ok().flatten().is_some_and(|now| now.start_time == found.start_time) {
        // It may have ended since.
        pidfd_send_signal(fd, signal).ok();
    }
}

fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}
