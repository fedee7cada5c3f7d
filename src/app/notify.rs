//! What systemd is told: that captd is ready, how it is, that it ends. The protocol is a datagram
//! of lines to the socket that `NOTIFY_SOCKET` names.
//!
//! **Invariant:** a sign of life is sent only when the queue has made a round since the last one
//! and the database answers: a daemon that hangs is started again, and its runs go on meanwhile.

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::Service;

/// How often a status is told where no watchdog asks for signs of life.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Signs of life in the time after which systemd takes captd for dead.
const SIGNS: u32 = 4;

/// Tells systemd, where systemd has started this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Notifier {
    to: Option<SocketAddr>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// From the variables that systemd sets.
    pub(super) fn new(variables: &BTreeMap<String, String>) -> Self {
        let to = variables.get("NOTIFY_SOCKET").and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        // Set for a process that was started before this one, it is not for this one.
        let own = |pid: &String| *pid == std::process::id().to_string();
        let meant = variables.get("WATCHDOG_PID").is_none_or(own);
        let micros = variables.get("WATCHDOG_USEC").filter(|_| meant).and_then(|text| text.parse().ok());
        Self { to, watchdog: micros.filter(|micros| *micros > 0).map(Duration::from_micros) }
    }

    pub(super) fn ready(&self, address: std::net::SocketAddr) {
        self.tell(&format!("READY=1\nSTATUS=listens on http://{address}"));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=ending; terraforms at work go on");
    }

    /// Tells how captd is, until `shutdown`.
    pub(super) async fn run(self, service: Arc<Service>, shutdown: CancellationToken) {
        if self.to.is_none() {
            return;
        }
        let every = self.watchdog.map_or(STATUS_EVERY, |time| time / SIGNS);
        let mut told = service.wakes.rounds();
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = shutdown.cancelled() => return,
            }
            let rounds = service.wakes.rounds();
            match service.load().await {
                Ok(load) if rounds != told => {
                    told = rounds;
                    self.tell(&format!("WATCHDOG=1\nSTATUS={load}"));
                }
                Ok(_) => self.tell("STATUS=the queue makes no round"),
                Err(error) => self.tell(&format!("STATUS=the database does not answer: {error}")),
            }
        }
    }

    /// A socket that nobody reads any more is no reason to end.
    fn tell(&self, text: &str) {
        let Some(to) = &self.to else { return };
        if let Err(error) = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(text.as_bytes(), to)) {
            tracing::debug!(%error, "systemd cannot be told");
        }
    }
}
