//! The gateway process: listens on its socket, answers, and looks after its pool.
//!
//! **Invariant:** its end is no event for a run: who has a process keeps it.

mod door;
mod health;
mod lending;

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use captd_process::{Process, write_json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::control::{self, Answer, Borrower, PROTOCOL, Request};
use crate::heartbeat::default_seconds;
use crate::package::hex;
use crate::plugin::Starter;
use crate::pool::{Limits, Pool, Purpose};
use crate::status::{Counts, Status};

/// How often the pool is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long it stays when nobody wants it to.
const ALONE: Duration = Duration::from_secs(30);
/// Bytes of a socket's path, as the system has it.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

const LOCK: &str = "gateway.lock";
const POOL: &str = "p";
const CACHE: &str = "cache";

/// Reads the clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Fills a slice with chance.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// All that a gateway is made of.
pub struct Parts {
    /// Its folder.
    pub folder: PathBuf,
    /// Version of its captd.
    pub captd: String,
    /// What bounds it.
    pub limits: Limits,
    /// Source of time.
    pub now: Now,
    /// Starts providers.
    pub starter: Starter,
    /// Source of chance.
    pub random: Random,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("folder", &self.folder).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a gateway leaves in its folder: who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its process.
    pub process: Process,
    /// Version of what is said on its socket.
    pub protocol: u32,
    /// Version of its captd.
    pub captd: String,
    /// How often who may hang is asked; how long it has to answer.
    #[serde(default = "default_seconds")]
    pub heartbeat_seconds: u32,
}

impl Identity {
    /// How often who may hang is asked; how long it has to answer.
    pub(crate) fn beat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds.into())
    }
}

/// The gateway that left its name in `folder`, if it is alive.
#[must_use]
pub fn living(folder: &Path) -> Option<Identity> {
    captd_process::proof::<Identity>(&folder.join(control::IDENTITY)).filter(|found| found.process.is_alive())
}

/// Whether a gateway of `folder` has left provider processes.
#[must_use]
pub fn has_processes(folder: &Path) -> bool {
    fs::read_dir(folder.join(POOL)).is_ok_and(|mut entries| entries.next().is_some())
}

struct Gateway {
    parts: Parts,
    token: String,
    started_at: Timestamp,
    pool: Mutex<Pool>,
    counts: Mutex<Counts>,
    answers: Answers,
    /// One at a time for those that would share it: what is started, what a program is asked once.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    number: AtomicUsize,
    staying: AtomicUsize,
    /// Questions whose answer is not written yet: a process may be about to start for one.
    asked: AtomicUsize,
    leaving: AtomicBool,
    /// Nothing is answered any more.
    closed: AtomicBool,
    woken: tokio::sync::Notify,
}

/// Runs a gateway until it is not needed any more.
///
/// # Errors
/// When another one has the folder, or it cannot listen there.
pub async fn serve(parts: Parts) -> captd_process::Result<()> {
    let folder = parts.folder.clone();
    let failed = |doing: &'static str| captd_process::failed(doing, &folder);
    let makes = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    makes.map_err(failed("make"))?;
    let lock = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(LOCK));
    let lock: File = lock.map_err(failed("open the lock of"))?;
    lock.try_lock().map_err(|error| failed("serve beside another gateway in")(std::io::Error::other(error)))?;
    let mut token = [0; 32];
    (parts.random)(&mut token);
    let token = hex(token);
    write_private(&folder.join(control::TOKEN), &token).map_err(failed("write the token of"))?;
    let (listener, name) = door::listen(&folder, &parts.random).map_err(failed("listen in"))?;
    write_private(&folder.join(control::NAME), &name).map_err(failed("write the name of the socket of"))?;
    let process = Process::with_pid(std::process::id());
    let process = process.ok_or_else(|| failed("find itself for")(std::io::ErrorKind::NotFound.into()))?;
    // The last of the three: who finds it alive finds its token and its name.
    let heartbeat_seconds = parts.limits.heartbeat_seconds;
    let identity = Identity { process, protocol: PROTOCOL, captd: parts.captd.clone(), heartbeat_seconds };
    write_json(&folder.join(control::IDENTITY), &identity)?;

    let now = (parts.now)();
    let gateway = Arc::new(Gateway {
        pool: Mutex::new(Pool::found(parts.limits.clone(), &folder.join(POOL), now)),
        answers: Answers::new(&folder.join(CACHE)),
        parts,
        token,
        started_at: now,
        counts: Mutex::default(),
        turns: Mutex::default(),
        number: AtomicUsize::new(0),
        staying: AtomicUsize::new(0),
        asked: AtomicUsize::new(0),
        leaving: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        woken: tokio::sync::Notify::new(),
    });
    let accepting = tokio::spawn(door::accept(Arc::clone(&gateway), listener));
    let beating = tokio::spawn(health::watch(Arc::clone(&gateway)));
    gateway.look_after().await;
    accepting.abort();
    beating.abort();
    // Before its lock is free: a later gateway has a name of its own.
    for gone in [control::NAME, control::SOCKET] {
        fs::remove_file(folder.join(gone)).ok();
    }
    Ok(())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    fs::remove_file(path).ok();
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}

impl Gateway {
    async fn answer(&self, request: Request, borrower: Option<&Borrower>) -> Answer {
        let refused = |refusal: lending::Refusal| Answer::Refused { why: refusal.why, fatal: refusal.is_fatal };
        let nobody = || Answer::Refused { why: "it was not told for which run".to_owned(), fatal: false };
        match (request, borrower) {
            (Request::Describe { provider }, Some(borrower)) => {
                self.describe(&provider, borrower).await.unwrap_or_else(refused)
            }
            (Request::Check { provider, request }, Some(borrower)) => {
                self.check(&provider, &request.0, borrower).await.unwrap_or_else(refused)
            }
            (Request::Lend { provider, configure }, Some(borrower)) => {
                let configure = configure.map(|octets| octets.0);
                self.lend(&provider, configure.as_deref(), borrower).await.unwrap_or_else(refused)
            }
            (Request::Describe { .. } | Request::Check { .. } | Request::Lend { .. }, None) => nobody(),
            (Request::Cut { bytes_before, bytes_after, is_whole }, _) => {
                let mut counts = self.counts();
                counts.schema_bytes_before += bytes_before;
                counts.schema_bytes_after += bytes_after;
                counts.whole_schemas += u64::from(is_whole);
                Answer::Done
            }
            (Request::Retire { run, why }, _) => {
                self.pool().retire(&run, &why);
                Answer::Done
            }
            (Request::Status, _) => Answer::Status { status: Box::new(self.status()) },
            (Request::Leave, _) => {
                self.leaving.store(true, Ordering::SeqCst);
                self.woken.notify_one();
                Answer::Done
            }
            (Request::Hello { .. } | Request::For { .. } | Request::Stay, _) => {
                Answer::Refused { why: "that was said before".to_owned(), fatal: false }
            }
        }
    }

    fn status(&self) -> Status {
        let pool = self.pool();
        Status {
            captd: self.parts.captd.clone(),
            pid: std::process::id(),
            started_at: Some(self.started_at),
            processes: pool.statuses(self.now()),
            retirements: pool.retirements(),
            counts: self.counts().clone(),
        }
    }

    /// Looks after the pool until nobody needs it.
    async fn look_after(&self) {
        let mut alone = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.woken.notified() => {}
            }
            alone = if self.staying.load(Ordering::SeqCst) > 0 { Duration::ZERO } else { alone + LOOK };
            let is_leaving = self.leaving.load(Ordering::SeqCst) || alone > ALONE;
            self.pool().look(is_leaving, self.now());
            if is_leaving && self.closes() {
                return;
            }
        }
    }

    /// Closes, where nothing is left and nothing under way.
    fn closes(&self) -> bool {
        // First closed, then counted: who asks is counted first, and looks whether it is closed.
        self.closed.store(true, Ordering::SeqCst);
        let closes = self.asked.load(Ordering::SeqCst) == 0 && self.pool().len() == 0;
        self.closed.store(closes, Ordering::SeqCst);
        closes
    }

    fn beat(&self) -> Duration {
        Duration::from_secs(self.parts.limits.heartbeat_seconds.into())
    }

    fn now(&self) -> Timestamp {
        (self.parts.now)()
    }

    fn cache(&self) -> PathBuf {
        self.parts.folder.join(CACHE)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn purpose(borrower: &Borrower) -> Purpose {
        Purpose {
            run: borrower.run.clone(),
            namespace: borrower.namespace.clone(),
            configuration: borrower.configuration.clone(),
            secrets: secrets(borrower),
        }
    }
}

/// Values of the environment that must not be shown.
fn secrets(borrower: &Borrower) -> BTreeSet<String> {
    let is_secret = |name: &str| ["SECRET", "TOKEN", "PASSWORD", "KEY"].iter().any(|word| name.contains(word));
    let values = borrower.environment.iter().filter(|(name, value)| is_secret(name) && value.len() >= SECRET_BYTES_MIN);
    values.map(|(_, value)| value.clone()).collect()
}

/// Bytes of a text that is worth masking.
const SECRET_BYTES_MIN: usize = 4;

/// Counted for as long as it is kept.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
