//! Serves HTTP on a listener: each connection is a task with time limits, and none of them can keep
//! the others out.
//!
//! **Invariant:** whoever sends nothing, too slowly, or reads nothing holds a connection for a bounded
//! time, and gives it up at once where somebody else needs it.

mod connections;
mod guarded;
mod request;
mod stream;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use connections::{Connections, Slot};
use stream::Watched;

/// How often a connection is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often refusals are told.
const TELL: Duration = Duration::from_mins(1);
/// How long to wait when the system gives no connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a silent connection stays when captd ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Connections that are told at the same time that there are too many; further ones are closed.
const TOLD_AT_ONCE: usize = 32;
/// How long one that was told has to hang up.
const TOLD: Duration = Duration::from_secs(1);
/// Bytes of a request's head, and of what is written at once.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Seconds after which one that was refused may come again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What bounds the connections of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    /// What it is called in the log.
    pub(super) name: &'static str,
    /// The setting that would allow more.
    pub(super) setting: &'static str,
    /// Connections in all.
    pub(super) connections_max: usize,
    /// Connections of one peer, and open requests of one for whom a proxy forwards.
    pub(super) by_peer_max: usize,
    /// Connections from this machine itself.
    pub(super) loopback_max: usize,
    /// Open requests with the same credentials.
    pub(super) by_credentials_max: Option<usize>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(super) trusted_proxies: Vec<IpNet>,
    /// For the head of a request, from its first byte; for the first one from the connection on.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// In which a body or an answer must get on by [`STALL_BYTES`].
    pub(super) stall: Duration,
}

/// Bytes by which a body or an answer must get on within the time limit, or come to its end.
const STALL_BYTES: usize = 16 << 10;

impl Bounds {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// Serves until `shutdown`; then requests that are under way are answered.
pub(super) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, shutdown: CancellationToken) {
    let connections = Arc::new(Connections::new(bounds));
    let tasks = TaskTracker::new();
    let told = Arc::new(Semaphore::new(TOLD_AT_ONCE));
    let mut tell = tokio::time::interval(TELL);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = tell.tick() => {
                connections.tell();
                continue;
            }
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip()) {
                Ok(slot) => {
                    tasks.spawn(one(stream, slot, router.clone(), shutdown.clone()));
                }
                Err(why) => refuse(stream, &why, &told),
            },
            // The one who connected has left already.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                connections.cannot_accept(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// One connection to its end.
async fn one(stream: TcpStream, slot: Slot, router: Router, shutdown: CancellationToken) {
    stream.set_nodelay(true).ok();
    let slot = Arc::new(slot);
    let bounds = slot.bounds();
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&slot), bounds.stall));
    let router = TowerToHyperService::new(router);
    let served = Arc::clone(&slot);
    let service = service_fn(move |request| request::answer(router.clone(), request, Arc::clone(&served)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle.max(bounds.head))
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let (mut ticks, mut seen, mut is_ending) = (0, slot.changes(), false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    // Clients end their connections without a farewell.
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = slot.evicted() => return,
            () = shutdown.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(TICK) => {
                ticks = if slot.changes() == seen { ticks + 1 } else { 0 };
                seen = slot.changes();
                let limit = slot.silence_max().map(|limit| if is_ending { limit.min(FAREWELL) } else { limit });
                if limit.is_some_and(|limit| TICK * ticks >= limit) {
                    return;
                }
            }
        }
    }
}

/// Tells one that there are too many, as far as that costs little, and closes.
fn refuse(mut stream: TcpStream, why: &str, told: &Arc<Semaphore>) {
    let Ok(turn) = Arc::clone(told).try_acquire_owned() else { return };
    let answer = raw_refusal(why);
    tokio::spawn(async move {
        let telling = async {
            // An answer that comes before its request is none to a client.
            let mut rest = [0; 4096];
            let _begun = stream.read(&mut rest).await?;
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            // What it has sent meanwhile is taken, or it would never see the answer.
            while stream.read(&mut rest).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        // It hangs up, or its time is over: nothing more is owed to it.
        tokio::time::timeout(TOLD, telling).await.ok();
        drop(turn);
    });
}

/// What is answered where there are too many, as a problem like any other.
fn problem(why: &str) -> String {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": why,
        "code": "too_many_connections",
    });
    problem.to_string()
}

fn raw_refusal(why: &str) -> String {
    let body = problem(why);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: {RETRY_AFTER_SECONDS}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
