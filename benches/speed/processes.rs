//! What the processes of a folder cost, whoever started them: memory and CPU time, from `/proc`.
//!
//! **Invariant:** a process is of a folder when it works in it or its command line names it.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Ids of the processes of a folder.
pub fn of(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let names = |pid: &u32| {
        let below = |file: &str| format!("/proc/{pid}/{file}");
        std::fs::read_link(below("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
            || std::fs::read(below("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(name))
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(names).collect()
}

/// CPU seconds, user and system, of the processes of a folder and of all that they have waited for.
pub fn cpu_seconds(folder: &Path) -> f64 {
    of(folder).iter().map(|pid| ticks(&pid.to_string(), 4)).sum::<f64>() / ticks_per_second()
}

/// CPU seconds of all that this process has waited for.
pub fn cpu_seconds_of_children() -> f64 {
    (ticks("self", 4) - ticks("self", 2)) / ticks_per_second()
}

/// The first `count` of utime, stime, cutime and cstime together; nothing of a process that is gone.
fn ticks(process: &str, count: usize) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything, utime is the twelfth.
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0.0 };
    fields.split_whitespace().skip(11).take(count).map(|field| field.parse::<f64>().unwrap()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "it is 100")]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// MiB of the processes of a folder, with what they share counted once (PSS).
pub fn pss_mib(folder: &Path) -> f64 {
    let kib = |pid: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim();
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    of(folder).iter().filter_map(kib).sum::<f64>() / 1024.0
}

/// Looks at the memory of a folder's processes until it is asked for the most that it has seen.
pub struct Peak {
    end: Sender<()>,
    looking: JoinHandle<f64>,
}

impl Peak {
    pub fn watch(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (end, ended) = channel();
        let looking = std::thread::spawn(move || {
            let mut most = pss_mib(&folder);
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                most = most.max(pss_mib(&folder));
            }
            most
        });
        Self { end, looking }
    }

    pub fn mib(self) -> f64 {
        drop(self.end);
        self.looking.join().unwrap()
    }
}
