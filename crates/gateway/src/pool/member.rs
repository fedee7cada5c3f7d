//! A process of the pool: what is known of it, here and on the disk, and whether it may serve on.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};

use captd_process::{Process, proof, write_json};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Limits, Loan, Purpose};
use crate::control::{IN_APPLY, Octets};
use crate::heartbeat::MISSES_MAX;
use crate::key::Key;
use crate::plugin::{self, Plugin, STDERR};
use crate::protocol::Dialect;
use crate::status::ProcessStatus;

/// Runs of a process that are remembered, so that a failed one can be told to have used it.
const RUNS_MAX: usize = 200;
/// Lines of it that are shown, and the characters of each.
const STDERR_LINES_SHOWN: usize = 10;
const STDERR_LINE_CHARS: usize = 500;
/// Seconds in which the one to whom a process was lent takes its lock.
const TAKING_SECONDS: i64 = 2;
/// Seconds before the end of credentials from which on they are not lent any more.
const EXPIRY_MARGIN_SECONDS: i64 = 60;

const RECORD: &str = "process.json";
const IN_USE: &str = "in-use";

/// What a later gateway must know of a process. No secret is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    process: Process,
    dialect: u32,
    socket: PathBuf,
    provider: String,
    base: String,
    key: Option<String>,
    expires_at: Option<Timestamp>,
    started_at: Timestamp,
    configurations: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    #[serde(with = "octets")]
    answer: Vec<u8>,
}

mod octets {
    use super::Octets;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        Octets(bytes.to_vec()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Octets::deserialize(from).map(|octets| octets.0)
    }
}

/// A process of the pool.
#[derive(Debug)]
pub(crate) struct Member {
    pub(super) plugin: Plugin,
    record: Record,
    pub(super) last_used_at: Timestamp,
    lent_at: Option<Timestamp>,
    uses: u64,
    pub(super) runs: VecDeque<String>,
    pub(super) retiring: Option<String>,
    secrets: BTreeSet<String>,
    /// Answers that it has missed in a row.
    misses: u32,
    pub(super) hangs_since: Option<Timestamp>,
    /// Its place among the processes that there may be; one that an earlier gateway left may have none.
    _place: Option<Place>,
}

/// A place for a process, for as long as it is kept.
pub(crate) type Place = tokio::sync::OwnedSemaphorePermit;

impl Member {
    /// A process that was just started, in a place of its own.
    pub(crate) fn new(plugin: Plugin, provider: String, base: &str, place: Place, now: Timestamp) -> Self {
        let record = Record {
            process: plugin.process.clone(),
            dialect: plugin.dialect.number(),
            socket: plugin.socket.clone(),
            provider,
            base: base.to_owned(),
            key: None,
            expires_at: None,
            started_at: now,
            configurations: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            answer: Vec::new(),
        };
        Self::with(plugin, record, Some(place), now)
    }

    fn with(plugin: Plugin, record: Record, place: Option<Place>, now: Timestamp) -> Self {
        Self {
            plugin,
            record,
            last_used_at: now,
            lent_at: None,
            uses: 0,
            runs: VecDeque::new(),
            retiring: None,
            secrets: BTreeSet::new(),
            misses: 0,
            hangs_since: None,
            _place: place,
        }
    }

    /// Takes in whether it has answered. One that hangs is lent no more, even if it answers again.
    pub(super) fn beat(&mut self, answered: bool, now: Timestamp) {
        self.misses = if answered { 0 } else { self.misses.saturating_add(1) };
        if answered {
            self.hangs_since = None;
        } else if self.misses >= MISSES_MAX {
            self.hangs_since.get_or_insert(now);
            self.retiring.get_or_insert_with(|| "it does not answer".to_owned());
        }
    }

    /// Whether it hangs, and nobody applies by it: then its end costs nothing that cannot begin again.
    pub(super) fn is_to_be_ended(&self, now: Timestamp) -> bool {
        // One that a captd before this one lent has no such file: whoever uses it may apply.
        let applies = || match File::open(self.plugin.folder.join(IN_APPLY)) {
            Ok(file) => file.try_lock().is_err(),
            Err(_) => self.is_in_use(now),
        };
        self.hangs_since.is_some() && !self.is_being_taken(now) && !applies()
    }

    /// The same, configured.
    pub(crate) fn configured(mut self, key: Key, answer: Vec<u8>) -> Self {
        self.record.key = Some(key.digest);
        self.record.expires_at = key.expires_at;
        self.record.answer = answer;
        self
    }

    pub(crate) fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Whether it is of this program and environment.
    pub(super) fn is_of(&self, base: &str) -> bool {
        self.record.base == base
    }

    /// By what it was configured.
    pub(super) fn key(&self) -> Option<&str> {
        self.record.key.as_deref()
    }

    /// `registry.terraform.io/hashicorp/aws 5.100.0`
    pub(super) fn provider(&self) -> &str {
        &self.record.provider
    }

    pub(super) fn id(&self) -> String {
        self.plugin.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn lend(&mut self, purpose: &Purpose, now: Timestamp) -> Option<Loan> {
        self.record.namespaces.insert(purpose.namespace.clone());
        if self.record.key.is_some() {
            self.record.configurations.insert(purpose.configuration.clone());
        }
        self.secrets.extend(purpose.secrets.iter().cloned());
        if self.runs.back() != Some(&purpose.run) {
            self.runs.push_back(purpose.run.clone());
        }
        if self.runs.len() > RUNS_MAX {
            self.runs.pop_front();
        }
        let in_use = self.plugin.folder.join(IN_USE);
        for file in [&in_use, &self.plugin.folder.join(IN_APPLY)] {
            if !file.exists() {
                File::create(file).ok()?;
            }
        }
        // What a later gateway must know changes with the first loan and with the configuration.
        let record = self.plugin.folder.join(RECORD);
        let is_new = proof::<Record>(&record).is_none_or(|kept| {
            kept.key != self.record.key
                || kept.namespaces != self.record.namespaces
                || kept.configurations != self.record.configurations
        });
        if is_new {
            write_json(&record, &self.record).ok()?;
        }
        self.uses += 1;
        self.last_used_at = now;
        self.lent_at = Some(now);
        Some(Loan { socket: self.plugin.socket.clone(), in_use, answer: self.record.answer.clone() })
    }

    pub(super) fn may_serve(&self, limits: &Limits, now: Timestamp) -> bool {
        self.retiring.is_none() && self.has_served(limits, now).is_none() && self.plugin.process.is_alive()
    }

    /// Why it has served long enough.
    pub(super) fn has_served(&self, limits: &Limits, now: Timestamp) -> Option<String> {
        let since = |at: Timestamp| now.duration_since(at).as_secs();
        let idle = since(self.last_used_at);
        if idle > i64::from(limits.idle_seconds_max) {
            return Some(format!("idle for {idle} s"));
        }
        if since(self.record.started_at) > i64::from(limits.age_seconds_max) {
            return Some(format!("older than {} s", limits.age_seconds_max));
        }
        if self.uses >= u64::from(limits.uses_max) {
            return Some(format!("lent {} times", self.uses));
        }
        let ends = self.record.expires_at.filter(|at| *at - SignedDuration::from_secs(EXPIRY_MARGIN_SECONDS) <= now);
        if let Some(at) = ends {
            return Some(format!("its credentials end at {at}"));
        }
        let bytes = self.resident_bytes();
        (bytes > limits.process_bytes_max).then(|| format!("{} MiB resident", bytes >> 20))
    }

    /// Whether it was lent just now, so that its lock may not be taken yet.
    fn is_being_taken(&self, now: Timestamp) -> bool {
        self.lent_at.is_some_and(|at| now.duration_since(at).as_secs() < TAKING_SECONDS)
    }

    pub(super) fn is_in_use(&self, now: Timestamp) -> bool {
        self.is_being_taken(now)
            || File::open(self.plugin.folder.join(IN_USE)).is_ok_and(|file| file.try_lock().is_err())
    }

    /// Resident bytes that are its own: what its end gives back.
    pub(super) fn resident_bytes(&self) -> u64 {
        let Some(pid) = self.plugin.process.pid() else { return 0 };
        let text = std::fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero())).unwrap_or_default();
        let pages: Vec<u64> = text.split(' ').map(|field| field.trim().parse().unwrap_or_default()).collect();
        let page = u64::try_from(rustix::param::page_size()).unwrap_or_default();
        pages.get(1).zip(pages.get(2)).map_or(0, |(resident, shared)| resident.saturating_sub(*shared) * page)
    }

    /// The end of its standard error, secrets masked. One that was found again and not lent since
    /// shows none: what must be masked is not known.
    pub(super) fn stderr(&self) -> Vec<String> {
        if self.uses == 0 {
            return Vec::new();
        }
        let mut text = plugin::tail(&self.plugin.folder.join(STDERR));
        for secret in &self.secrets {
            text = text.replace(secret, "(sensitive)");
        }
        let lines: Vec<String> = text.lines().map(|line| line.chars().take(STDERR_LINE_CHARS).collect()).collect();
        lines[lines.len().saturating_sub(STDERR_LINES_SHOWN)..].to_vec()
    }

    pub(super) fn status(&self, now: Timestamp) -> ProcessStatus {
        ProcessStatus {
            id: self.id(),
            pid: self.plugin.process.pid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs()),
            provider: self.record.provider.clone(),
            configurations: self.record.configurations.clone(),
            namespaces: self.record.namespaces.clone(),
            started_at: self.record.started_at,
            last_used_at: self.last_used_at,
            uses: self.uses,
            in_use: self.is_in_use(now),
            resident_bytes: self.resident_bytes(),
            retiring: self.retiring.clone(),
            hangs_since: self.hangs_since,
            stderr: self.stderr(),
        }
    }
}

/// A process that an earlier gateway left, if it is still there.
pub(super) fn found(folder: &Path, place: Option<Place>, now: Timestamp) -> Option<Member> {
    let record: Record = proof(&folder.join(RECORD))?;
    let dialect = Dialect::from_number(record.dialect)?;
    let plugin =
        Plugin { process: record.process.clone(), dialect, socket: record.socket.clone(), folder: folder.to_owned() };
    let mut member = plugin.process.is_alive().then(|| Member::with(plugin, record, place, now))?;
    // Whoever uses one that an earlier captd has lent may apply by it, and has not said so: it is lent to nobody else, to
    // whom it would belong as well, and ends when nobody uses it any more.
    if folder.join(IN_USE).exists() && !folder.join(IN_APPLY).exists() {
        member.retiring = Some("it was lent by an earlier captd".to_owned());
    }
    Some(member)
}
