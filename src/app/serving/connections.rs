//! The open connections of a listener: how many there are, whose they are, and which one goes when
//! another is to come.
//!
//! **Invariant:** a connection on which no request is under way never keeps another one out.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Bounds;

/// Who is at the other end, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    /// A process of this machine.
    Loopback,
    /// A proxy that is trusted: its requests are counted for whom it forwards.
    Proxy,
    /// An address; of IPv6 the network of 64 bits, of which one has all addresses.
    Address(IpAddr),
    /// Whoever has these credentials, by a hash of them.
    Credentials(u64),
}

impl Peer {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(IpAddr::from([a, b, c, d, 0, 0, 0, 0]))
            }
            address if address.is_loopback() => Self::Loopback,
            address => Self::Address(address),
        }
    }

    pub(super) fn with_credentials(shown: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        shown.hash(&mut hasher);
        Self::Credentials(hasher.finish())
    }
}

/// What happens on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing, since the last answer.
    Idle,
    /// The head of a request is awaited or has begun.
    Head,
    /// A request is answered.
    Busy,
}

/// A phase, and its place among all changes of phases.
#[derive(Debug)]
struct Pulse(Mutex<(Phase, u64)>);

#[derive(Debug)]
struct Entry {
    peer: Peer,
    pulse: Arc<Pulse>,
    evict: CancellationToken,
}

/// The open connections of a listener.
#[derive(Debug)]
pub(super) struct Connections {
    bounds: Bounds,
    open: Mutex<HashMap<u64, Entry>>,
    requests: Mutex<HashMap<Peer, usize>>,
    number: AtomicU64,
    changes: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
    has_told: Mutex<bool>,
}

impl Connections {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: Mutex::default(),
            requests: Mutex::default(),
            number: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            has_told: Mutex::new(false),
        }
    }

    /// Takes a connection in. Where there are too many, the one that has been silent for longest goes.
    ///
    /// # Errors
    /// Why not, when on all of them a request is under way.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Slot, String> {
        let bounds = &self.bounds;
        let peer = match Peer::of(address) {
            Peer::Address(_) if bounds.trusts(address.to_canonical()) => Peer::Proxy,
            peer => peer,
        };
        let of_peer_max = match peer {
            Peer::Loopback => bounds.loopback_max,
            Peer::Proxy => bounds.connections_max,
            Peer::Address(_) | Peer::Credentials(_) => bounds.by_peer_max,
        };
        let mut open = lock(&self.open);
        let of_peer = open.values().filter(|entry| entry.peer == peer).count();
        if of_peer >= of_peer_max && !self.evict(&mut open, |entry| entry.peer == peer) {
            return Err(self.refuse("too many connections of this peer"));
        }
        if open.len() >= bounds.connections_max && !self.evict(&mut open, |_| true) {
            return Err(self.refuse("too many connections"));
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let pulse = Arc::new(Pulse(Mutex::new((Phase::Head, self.next_change()))));
        let evict = CancellationToken::new();
        open.insert(number, Entry { peer, pulse: Arc::clone(&pulse), evict: evict.clone() });
        Ok(Slot { connections: Arc::clone(self), number, address: address.to_canonical(), pulse, evict })
    }

    /// Lets the one go on which nothing is under way for longest.
    fn evict(&self, open: &mut HashMap<u64, Entry>, meant: impl Fn(&Entry) -> bool) -> bool {
        let silent = open.iter().filter(|(_, entry)| meant(entry)).filter_map(|(number, entry)| {
            let (phase, since) = *lock(&entry.pulse.0);
            (phase != Phase::Busy).then_some((since, *number))
        });
        let Some((_, number)) = silent.min() else { return false };
        let gone = open.remove(&number);
        gone.inspect(|entry| entry.evict.cancel());
        self.evicted.fetch_add(1, Ordering::Relaxed);
        self.tell_first();
        true
    }

    /// Counts a request for a peer, for as long as what it gives is kept.
    ///
    /// # Errors
    /// Why not, when it has too many open ones.
    pub(super) fn request(self: &Arc<Self>, peer: Peer, max: usize) -> Result<Counted, String> {
        let mut requests = lock(&self.requests);
        let count = requests.entry(peer).or_default();
        if *count >= max {
            return Err(self.refuse("too many open requests of this peer"));
        }
        *count += 1;
        Ok(Counted { connections: Arc::clone(self), peer })
    }

    /// The system gives no connection: the one that is silent for longest makes room.
    pub(super) fn cannot_accept(&self, error: &std::io::Error) {
        tracing::warn!(listener = self.bounds.name, %error, "cannot accept a connection");
        self.evict(&mut lock(&self.open), |_| true);
    }

    fn refuse(&self, why: &str) -> String {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.tell_first();
        format!("{why}; come again in a moment ({})", self.bounds.setting)
    }

    /// Tells the first one at once; the others are counted.
    fn tell_first(&self) {
        let mut has_told = lock(&self.has_told);
        if !*has_told {
            *has_told = true;
            drop(has_told);
            self.say();
        }
    }

    /// Tells what has come together since.
    pub(super) fn tell(&self) {
        *lock(&self.has_told) = false;
        self.say();
    }

    fn say(&self) {
        let (refused, closed) = (self.refused.swap(0, Ordering::Relaxed), self.evicted.swap(0, Ordering::Relaxed));
        if refused + closed > 0 {
            tracing::warn!(
                listener = self.bounds.name,
                refused,
                closed,
                setting = self.bounds.setting,
                "too many connections: silent ones were closed for others, and what was refused got 503"
            );
        }
    }

    fn next_change(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::Relaxed)
    }
}

/// A connection's place, for as long as it is kept.
#[derive(Debug)]
pub(super) struct Slot {
    connections: Arc<Connections>,
    number: u64,
    address: IpAddr,
    pulse: Arc<Pulse>,
    evict: CancellationToken,
}

impl Slot {
    pub(super) fn bounds(&self) -> &Bounds {
        &self.connections.bounds
    }

    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// Says what happens from now on.
    pub(super) fn is_in(&self, phase: Phase) {
        let change = self.connections.next_change();
        *lock(&self.pulse.0) = (phase, change);
    }

    /// Bytes have come: where nothing was under way, they begin a head.
    pub(super) fn has_come(&self) {
        if lock(&self.pulse.0).0 == Phase::Idle {
            self.is_in(Phase::Head);
        }
    }

    /// The number of the last change.
    pub(super) fn changes(&self) -> u64 {
        lock(&self.pulse.0).1
    }

    /// How long it may be as it is.
    pub(super) fn silence_max(&self) -> Option<Duration> {
        match lock(&self.pulse.0).0 {
            Phase::Idle => Some(self.bounds().idle),
            Phase::Head => Some(self.bounds().head),
            Phase::Busy => None,
        }
    }

    /// Ends when it has to go for another.
    pub(super) async fn evicted(&self) {
        self.evict.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.connections.open).remove(&self.number);
    }
}

/// A request that is counted.
#[derive(Debug)]
pub(super) struct Counted {
    connections: Arc<Connections>,
    peer: Peer,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut requests = lock(&self.connections.requests);
        if let Some(count) = requests.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                requests.remove(&self.peer);
            }
        }
    }
}

/// What a panic elsewhere has left is as good as before: each holder writes one value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
