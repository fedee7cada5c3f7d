//! The processes that are lent: which one serves whom, and which has served long enough.
//!
//! **Invariant:** a process that is in use is never ended, unless it hangs and no apply uses it; one that
//! retires is lent to nobody.
//! **Invariant:** there are never more processes than places, whoever starts them at the same time.

mod member;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use captd_process::end_working_in;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::plugin;
use crate::status::{ProcessStatus, Retirement};
use member::found;
pub(crate) use member::{Member, Place};

/// What bounds the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes at the same time.
    pub processes_max: u32,
    /// Resident bytes of all of them.
    pub pool_bytes_max: u64,
    /// Resident bytes of one; beyond, it retires.
    pub process_bytes_max: u64,
    /// Seconds without use; then it retires.
    pub idle_seconds_max: u32,
    /// Seconds from its start; then it retires.
    pub age_seconds_max: u32,
    /// Times that it is lent; then it retires.
    pub uses_max: u32,
    /// Seconds in which it says where it listens; then its start has failed.
    pub handshake_seconds_max: u32,
    /// Seconds after which a provider is asked again whether it answers; it has as long to do so.
    pub heartbeat_seconds: u32,
}

/// Retirements that are remembered.
const RETIREMENTS_MAX: usize = 50;
/// For whom a process is lent, as far as it is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Purpose {
    pub(crate) run: String,
    pub(crate) namespace: String,
    pub(crate) configuration: String,
    /// Texts that must not be shown.
    pub(crate) secrets: BTreeSet<String>,
}

/// What is lent.
#[derive(Debug, Clone)]
pub(crate) struct Loan {
    pub(crate) socket: PathBuf,
    pub(crate) in_use: PathBuf,
    pub(crate) answer: Vec<u8>,
}

/// The processes that are lent.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    places: Arc<Semaphore>,
    members: Vec<Member>,
    retirements: VecDeque<Retirement>,
}

impl Pool {
    /// A pool with what an earlier gateway left in `folder`.
    pub(crate) fn found(limits: Limits, folder: &Path, now: Timestamp) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(limits.processes_max).unwrap_or(usize::MAX)));
        let mut members = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let folder = entry.path();
            let place = Arc::clone(&places).try_acquire_owned().ok();
            if let Some(member) = found(&folder, place, now) {
                members.push(member);
            } else {
                // It may have been about to begin, so that nothing was noted yet.
                end_working_in(&folder);
                std::fs::remove_dir_all(&folder).ok();
            }
        }
        Self { limits, places, members, retirements: VecDeque::new() }
    }

    /// Lends a process of `base`: one that was configured by `key`, or, without a key, any.
    pub(crate) fn lend(&mut self, base: &str, key: Option<&str>, purpose: &Purpose, now: Timestamp) -> Option<Loan> {
        let limits = self.limits.clone();
        let serves = |member: &Member| member.is_of(base) && (key.is_none() || member.key() == key);
        let member = self.members.iter_mut().find(|member| serves(member) && member.may_serve(&limits, now))?;
        member.lend(purpose, now)
    }

    /// Takes a process out that was not configured yet, to configure it.
    pub(crate) fn take_blank(&mut self, base: &str, now: Timestamp) -> Option<Member> {
        let limits = self.limits.clone();
        let at = self
            .members
            .iter()
            .position(|member| member.is_of(base) && member.key().is_none() && member.may_serve(&limits, now))?;
        Some(self.members.remove(at))
    }

    /// Takes a process in, and lends it.
    pub(crate) fn add(&mut self, mut member: Member, purpose: &Purpose, now: Timestamp) -> Option<Loan> {
        let loan = member.lend(purpose, now);
        self.members.push(member);
        loan
    }

    /// A place for one more, where there may be one; makes room by ending those that were idle for longest.
    pub(crate) fn place(&mut self, now: Timestamp) -> Option<Place> {
        loop {
            let bytes: u64 = self.members.iter().map(Member::resident_bytes).sum();
            // As many as there may be, and more that an earlier gateway left.
            let is_full = self.members.len() >= usize::try_from(self.limits.processes_max).unwrap_or(usize::MAX);
            let has_room = !is_full && (bytes < self.limits.pool_bytes_max || self.members.is_empty());
            let place = has_room.then(|| Arc::clone(&self.places).try_acquire_owned().ok()).flatten();
            if place.is_some() {
                return place;
            }
            let idle = self.members.iter().enumerate().filter(|(_, member)| !member.is_in_use(now));
            let (at, _) = idle.min_by_key(|(_, member)| member.last_used_at)?;
            self.end(at, "another one needed its place", now);
        }
    }

    /// Where all of them listen.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        self.members.iter().map(|member| member.plugin.socket.clone()).collect()
    }

    /// Takes in whether the one that listens there has answered.
    pub(crate) fn beat(&mut self, socket: &Path, answered: bool, now: Timestamp) {
        let Some(member) = self.members.iter_mut().find(|member| member.plugin.socket == socket) else { return };
        let hung = member.hangs_since.is_some();
        member.beat(answered, now);
        if member.hangs_since.is_some() != hung {
            let (process, provider) = (member.id(), member.provider().to_owned());
            tracing::warn!(process, provider, hangs = !hung, "whether a provider process answers has changed");
        }
    }

    /// Looks at all of them: who is in use, who has served long enough, who is gone. With
    /// `is_leaving`, whoever is idle ends.
    pub(crate) fn look(&mut self, is_leaving: bool, now: Timestamp) {
        let limits = self.limits.clone();
        let mut at = 0;
        while at < self.members.len() {
            let member = &mut self.members[at];
            if !member.plugin.process.is_alive() {
                let why = match member.stderr().last() {
                    Some(line) => format!("it ended by itself: {line}"),
                    None => "it ended by itself".to_owned(),
                };
                self.end(at, &why, now);
                continue;
            }
            plugin::bound_stderr(&member.plugin.folder);
            if member.is_to_be_ended(now) {
                self.end(at, "it did not answer", now);
                continue;
            }
            if member.is_in_use(now) {
                member.last_used_at = now;
            }
            if member.retiring.is_none() {
                member.retiring = member.has_served(&limits, now);
            }
            if is_leaving && member.retiring.is_none() {
                member.retiring = Some("the gateway ends".to_owned());
            }
            match member.retiring.clone().filter(|_| !member.is_in_use(now)) {
                Some(why) => self.end(at, &why, now),
                None => at += 1,
            }
        }
    }

    /// What served `run` is lent to nobody any more.
    pub(crate) fn retire(&mut self, run: &str, why: &str) {
        for member in self.members.iter_mut().filter(|member| member.runs.iter().any(|served| served == run)) {
            member.retiring.get_or_insert_with(|| why.to_owned());
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// How they are.
    pub(crate) fn statuses(&self, now: Timestamp) -> Vec<ProcessStatus> {
        self.members.iter().map(|member| member.status(now)).collect()
    }

    /// Those that are gone, the last ones first.
    pub(crate) fn retirements(&self) -> Vec<Retirement> {
        self.retirements.iter().cloned().collect()
    }

    fn end(&mut self, at: usize, why: &str, now: Timestamp) {
        let member = self.members.remove(at);
        tracing::info!(process = member.id(), provider = member.provider(), why, "a provider process ends");
        member.plugin.end();
        let (id, provider) = (member.id(), member.provider().to_owned());
        self.retirements.push_front(Retirement { id, provider, at: now, why: why.to_owned() });
        self.retirements.truncate(RETIREMENTS_MAX);
    }
}
