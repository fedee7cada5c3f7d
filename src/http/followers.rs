//! Those who follow logs and events: how many there may be, and what they share.
//!
//! **Invariant:** a log that is followed is read, and its secrets are masked, once, however many follow
//! it; so are the events.
//! **Invariant:** whoever is slow loses nothing and holds up nobody: it reads on from where it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::problem::{Answer, Problem};
use crate::config::Server;
use crate::domain::event::Event;
use crate::service::{LogPart, Service};
use crate::store::EventQuery;

/// How often a log that is followed is looked at.
pub(super) const LOG_LOOK: Duration = Duration::from_millis(100);
/// How long at most until the events are looked at again, even without a hint.
const EVENTS_LOOK: Duration = Duration::from_secs(1);
/// How long events are gathered before they are passed on together.
const GATHER: Duration = Duration::from_millis(50);
/// Events that are read at a time.
pub(super) const EVENTS_AT_ONCE: u32 = 500;
/// What one who follows may be behind before it reads by itself again.
const BEHIND_MAX: usize = 64;

/// Those who follow.
#[derive(Debug, Clone)]
pub struct Followers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    service: Arc<Service>,
    shutdown: CancellationToken,
    counts: Mutex<Counts>,
    logs: Mutex<HashMap<Uuid, Log>>,
    events: Mutex<Option<Fan>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: u32,
    by_client: HashMap<String, u32>,
    by_log: HashMap<Uuid, u32>,
}

/// A log that is followed: how far it was read, and who hears what comes.
#[derive(Debug)]
struct Log {
    read: LogPart,
    sender: Sender<Arc<LogPart>>,
}

/// The events that are followed.
#[derive(Debug)]
struct Fan {
    position: i64,
    sender: Sender<Arc<Batch>>,
}

/// Events that came together.
#[derive(Debug)]
pub(super) struct Batch {
    /// In their order.
    pub(super) items: Vec<Event>,
    /// Up to where all was looked at.
    pub(super) position: i64,
}

/// The place of one who follows, for as long as it is kept.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    client: String,
    log: Option<Uuid>,
}

impl Followers {
    /// Nobody follows yet.
    #[must_use]
    pub fn new(service: &Arc<Service>, shutdown: &CancellationToken) -> Self {
        Self(Arc::new(Shared {
            service: Arc::clone(service),
            shutdown: shutdown.clone(),
            counts: Mutex::default(),
            logs: Mutex::default(),
            events: Mutex::default(),
        }))
    }

    /// A place for one who follows a log, or the events.
    pub(super) fn admit(&self, client: &str, log: Option<Uuid>) -> Answer<Place> {
        let server: &Server = &self.0.service.config().server;
        let mut counts = lock(&self.0.counts);
        let of_client = counts.by_client.get(client).copied().unwrap_or_default();
        let of_log = log.and_then(|log| counts.by_log.get(&log).copied()).unwrap_or_default();
        let full = [
            (counts.all, server.followers_max, "followers_max"),
            (of_client, server.followers_by_client_max, "followers_by_client_max"),
            (of_log, server.followers_by_log_max, "followers_by_log_max"),
        ];
        if let Some((_, max, setting)) = full.into_iter().find(|(count, max, _)| count >= max) {
            let detail = format!("{max} follow already (server.{setting}); ask again when one of them has ended");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_followers", detail));
        }
        counts.all += 1;
        *counts.by_client.entry(client.to_owned()).or_default() += 1;
        if let Some(log) = log {
            *counts.by_log.entry(log).or_default() += 1;
        }
        Ok(Place { shared: Arc::clone(&self.0), client: client.to_owned(), log })
    }

    /// Joins those who follow a log, with what one of them knows already: how far it was read for them, and what comes from
    /// then on. `None` while it was not read that far yet.
    pub(super) fn log(&self, id: Uuid, known: &LogPart) -> Option<(LogPart, Receiver<Arc<LogPart>>)> {
        let mut logs = lock(&self.0.logs);
        if let Some(log) = logs.get(&id) {
            return known.is_within(&log.read).then(|| (log.read.clone(), log.sender.subscribe()));
        }
        let (sender, receiver) = broadcast::channel(BEHIND_MAX);
        logs.insert(id, Log { read: known.place(), sender });
        tokio::spawn(read_log(Arc::clone(&self.0), id, known.place()));
        Some((known.place(), receiver))
    }

    /// Joins those who follow the events, which are read from `now` on where nobody does yet: up to where
    /// they were read, and what comes from then on.
    pub(super) fn events(&self, now: i64) -> (i64, Receiver<Arc<Batch>>) {
        let mut events = lock(&self.0.events);
        if let Some(fan) = events.as_ref() {
            return (fan.position, fan.sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(BEHIND_MAX);
        *events = Some(Fan { position: now, sender });
        tokio::spawn(read_events(Arc::clone(&self.0), now));
        (now, receiver)
    }
}

/// Reads a log for all who follow it, until it is over or nobody does any more.
async fn read_log(shared: Arc<Shared>, id: Uuid, mut read: LogPart) {
    loop {
        let next = match shared.service.log(id, &read).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(run = %id, %error, "cannot follow a log");
                lock(&shared.logs).remove(&id);
                return;
            }
        };
        read = next.place();
        {
            let mut logs = lock(&shared.logs);
            let Some(log) = logs.get_mut(&id) else { return };
            log.read = read.clone();
            let is_over = next.is_over;
            if is_over || !next.text.is_empty() {
                log.sender.send(Arc::new(next)).ok();
            }
            if is_over || log.sender.receiver_count() == 0 {
                logs.remove(&id);
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOG_LOOK) => {}
            () = shared.shutdown.cancelled() => {
                lock(&shared.logs).remove(&id);
                return;
            }
        }
    }
}

/// Reads the events for all who follow them, until nobody does any more.
async fn read_events(shared: Arc<Shared>, mut position: i64) {
    loop {
        let hint = shared.service.wakes.events.notified();
        let query = EventQuery { limit: EVENTS_AT_ONCE, ..EventQuery::default() };
        let next = match shared.service.events(Some(position), query).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "cannot follow the events");
                *lock(&shared.events) = None;
                return;
            }
        };
        position = next.position;
        let is_full = next.items.len() >= EVENTS_AT_ONCE as usize;
        {
            let mut events = lock(&shared.events);
            let Some(fan) = events.as_mut() else { return };
            fan.position = position;
            if !next.items.is_empty() {
                fan.sender.send(Arc::new(Batch { items: next.items, position })).ok();
            }
            if fan.sender.receiver_count() == 0 {
                *events = None;
                return;
            }
        }
        if is_full {
            continue;
        }
        let waiting = async {
            tokio::time::sleep(GATHER).await;
            tokio::time::timeout(EVENTS_LOOK, hint).await.ok();
        };
        tokio::select! {
            () = waiting => {}
            () = shared.shutdown.cancelled() => {
                *lock(&shared.events) = None;
                return;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.shared.counts);
        counts.all -= 1;
        lower(&mut counts.by_client, &self.client);
        if let Some(log) = self.log {
            lower(&mut counts.by_log, &log);
        }
    }
}

fn lower<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// What a panic elsewhere has left is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
