//! What terraform talks to instead of its providers: one socket for each of them, for one command.
//!
//! The unit is terraform's connection. It opens one for each provider instance and walk, and only
//! its `Configure` says which process it needs; what comes before is answered without one, or by
//! any process of the same program.
//!
//! **Invariant:** `Stop` is never passed on: it would end what other runs have under way.
//! **Invariant:** only processes of this session are answered.

mod connection;
mod silence;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::{UnixListener, UnixStream};

use crate::client::Error;
use crate::control::Borrower;
use crate::package::Provider;
use crate::plugin::{Environment, Starter};
use crate::server::SOCKET_PATH_BYTES_MAX;
use connection::Connection;
use silence::Silence;
pub use silence::Silent;
use source::Source;

/// Window of a stream: most messages pass without waiting for the other side.
const WINDOW_BYTES: u32 = 1 << 20;

/// What a command wants of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The gateway's folder.
    pub gateway: PathBuf,
    /// Where the command's sockets are made.
    pub sockets: PathBuf,
    /// The providers that its lock file names.
    pub providers: Vec<Provider>,
    /// Words of its configuration and types of its state: of the schema, what is named here is
    /// given. Everything, when this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeSet<String>>,
    /// Id of the run.
    pub run: String,
    /// Its namespace.
    pub namespace: String,
    /// What its provider configuration is called.
    pub configuration: String,
    /// Whether it changes something: then it waits for a provider that hangs, and is never ended for that.
    #[serde(default)]
    pub applies: bool,
}

/// What the command's owner says of it afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Providers that were reached through the gateway.
    pub warm: Vec<String>,
    /// Why a provider was not, where it was not, or not always.
    pub plain: Vec<String>,
    /// Whether a provider ended, or hung, while the command had it.
    #[serde(default)]
    pub lost: bool,
}

/// The sockets of one command, and who answers on them.
pub struct Proxy {
    sources: Vec<Arc<Source>>,
    reattach: Value,
    said: Said,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("reattach", &self.reattach).field("said", &self.said).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Asks the gateway for what the command needs, and listens. To be called, and to live, in a
    /// tokio runtime. While a provider hangs that the command waits for, `note` says so: a [`Silent`] as JSON.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when a provider must not be started at all, plainly neither. All else is
    /// no error: the command goes the plain way, and [`Proxy::end`] says why.
    pub async fn start(wish: &Wish, environment: &Environment, starter: &Starter, note: &Path) -> Result<Self, Error> {
        let mut proxy = Self { sources: Vec::new(), reattach: json!({}), said: Said::default() };
        let borrower = Borrower {
            run: wish.run.clone(),
            namespace: wish.namespace.clone(),
            configuration: wish.configuration.clone(),
            environment: environment.clone(),
        };
        let silence = Arc::new(Silence::new(note));
        let mut silent = None;
        for (number, provider) in wish.providers.iter().enumerate() {
            if let Some(why) = &silent {
                proxy.said.plain.push(format!("{}: {why}", provider.address));
                continue;
            }
            let socket = wish.sockets.join(format!("g{number}"));
            match reach(wish, &borrower, provider, &socket, starter, &silence).await {
                Ok(source) => {
                    proxy.reattach[&provider.address] = json!({
                        "Protocol": "grpc",
                        "ProtocolVersion": source.dialect.number(),
                        // Terraform looks now and then whether this process lives, and gives up when
                        // it may not ask. Whoever starts terraform puts its own id here.
                        "Pid": 0,
                        "Test": true,
                        "Addr": { "Network": "unix", "String": socket },
                    });
                    proxy.said.warm.push(provider.address.clone());
                    proxy.sources.push(source);
                }
                Err(Error::Forbidden(why)) => return Err(Error::Forbidden(why)),
                Err(error) => {
                    proxy.said.plain.push(format!("{}: {error}", provider.address));
                    // The others would wait for it just as long.
                    silent = error.is_silence().then(|| error.to_string());
                }
            }
        }
        Ok(proxy)
    }

    /// What stands in `TF_REATTACH_PROVIDERS`, for terraform with this process id. `None` when
    /// there is nothing to say.
    #[must_use]
    pub fn reattach(&self) -> Option<String> {
        (!self.sources.is_empty()).then(|| self.reattach.to_string())
    }

    /// Whether every provider of the command is reached through it.
    #[must_use]
    pub fn has_all(&self) -> bool {
        self.said.plain.is_empty()
    }

    /// Ends what it has started itself, and says how it went.
    #[must_use]
    pub fn end(mut self) -> Said {
        for source in &self.sources {
            self.said.plain.extend(source.end());
            self.said.lost |= source.has_lost();
        }
        self.said
    }
}

/// `reattach` with the id of a process that terraform may always ask for: its own.
#[must_use]
pub fn with_pid(reattach: &str, pid: u32) -> Option<String> {
    let mut providers: BTreeMap<String, Value> = serde_json::from_str(reattach).ok()?;
    for provider in providers.values_mut() {
        provider["Pid"] = Value::from(pid);
    }
    serde_json::to_string(&providers).ok()
}

async fn reach(
    wish: &Wish,
    borrower: &Borrower,
    provider: &Provider,
    socket: &Path,
    starter: &Starter,
    silence: &Arc<Silence>,
) -> Result<Arc<Source>, Error> {
    let bytes = socket.as_os_str().len();
    if bytes > SOCKET_PATH_BYTES_MAX {
        return Err(Error::Refused(format!(
            "the path of its socket, {}, has {bytes} bytes, and {SOCKET_PATH_BYTES_MAX} are possible",
            socket.display()
        )));
    }
    let source = Source::open(wish, borrower, provider, starter, silence).await?;
    std::fs::remove_file(socket).ok();
    let listener = UnixListener::bind(socket).map_err(Error::Away)?;
    let source = Arc::new(source);
    tokio::spawn(accept(listener, Arc::clone(&source)));
    Ok(source)
}

async fn accept(listener: UnixListener, source: Arc<Source>) {
    while let Ok((stream, _)) = listener.accept().await {
        if is_of_this_session(&stream) {
            tokio::spawn(attend(stream, Arc::clone(&source)));
        }
    }
}

fn is_of_this_session(stream: &UnixStream) -> bool {
    let peer = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let session = peer.and_then(captd_process::session);
    session.is_some() && session == captd_process::session(std::process::id())
}

async fn attend(stream: UnixStream, source: Arc<Source>) {
    let connection = Arc::new(Connection::new(source));
    let service = hyper::service::service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, std::convert::Infallible>(connection.answer(request).await) }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        // Terraform ends its connections without a farewell.
        tracing::debug!(%error, "a connection of terraform ended");
    }
}
