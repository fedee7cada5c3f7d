//! One provider of one command: where its answers come from. From the gateway; when that is away,
//! from processes of its own, which end with the command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http2::SendRequest;
use tokio::sync::watch;

use super::Wish;
use super::silence::Silence;
use crate::answers;
use crate::client::{Client, Error, Lending};
use crate::control::Borrower;
use crate::grpc::{self, Body, Cause};
use crate::heartbeat::{provider_answers, until_provider_hangs, within};
use crate::package::Provider;
use crate::plugin::{self, Plugin, Start, Starter};
use crate::protocol::{Call, Dialect};

/// Where the answers of one provider come from.
pub(super) struct Source {
    pub(super) dialect: Dialect,
    provider: Provider,
    borrower: Borrower,
    gateway: PathBuf,
    client: tokio::sync::Mutex<Option<Client>>,
    schema: PathBuf,
    types: Option<BTreeSet<String>>,
    cut: tokio::sync::OnceCell<Bytes>,
    starter: Starter,
    /// Holds the folders of own processes.
    folder: PathBuf,
    own: Mutex<Vec<Plugin>>,
    number: AtomicUsize,
    plain: Mutex<BTreeSet<String>>,
    /// Whether what it serves changes something.
    applies: bool,
    silence: Arc<Silence>,
    /// Whether the gateway hangs: it is not asked again.
    gateway_hangs: AtomicBool,
    /// Whether a provider ended or hung.
    lost: AtomicBool,
    /// How often a process is asked whether it answers.
    beat: Duration,
    /// Whether the processes hang that somebody waits for: one watch for each, however many wait.
    watched: Mutex<BTreeMap<PathBuf, Arc<watch::Sender<bool>>>>,
}

/// A provider process that answers on a connection.
pub(super) struct Backend {
    pub(super) sender: SendRequest<Body>,
    /// Where it listens.
    pub(super) socket: PathBuf,
    /// Kept for as long as the process is in use.
    _lent: Option<crate::client::Lent>,
}

/// What configuring comes to.
pub(super) struct Configured {
    /// The provider's own answer.
    pub(super) answer: Vec<u8>,
    /// Who answers from now on; nobody, when the answer is a refusal.
    pub(super) backend: Option<Backend>,
}

/// How long a provider may take to say where it listens, as terraform itself has it.
const STARTING: Duration = Duration::from_mins(1);
/// How long a gateway has to begin.
const BEGINNING: Duration = Duration::from_secs(1);

impl Source {
    pub(super) async fn open(
        wish: &Wish,
        borrower: &Borrower,
        provider: &Provider,
        starter: &Starter,
        silence: &Arc<Silence>,
    ) -> Result<Self, Error> {
        let mut client = Client::connect_within(BEGINNING, &wish.gateway, Some(borrower)).await?;
        let (dialect, schema) = client.describe(provider).await?;
        let beat = client.beat();
        Ok(Self {
            dialect,
            provider: provider.clone(),
            borrower: borrower.clone(),
            gateway: wish.gateway.clone(),
            client: tokio::sync::Mutex::new(Some(client)),
            schema,
            types: wish.types.clone(),
            cut: tokio::sync::OnceCell::new(),
            starter: starter.clone(),
            folder: wish.sockets.clone(),
            own: Mutex::default(),
            number: AtomicUsize::new(0),
            plain: Mutex::default(),
            applies: wish.applies,
            silence: Arc::clone(silence),
            gateway_hangs: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            beat,
            watched: Mutex::default(),
        })
    }

    /// The schema, cut to what the command needs.
    pub(super) async fn schema(&self) -> Result<Bytes, Cause> {
        let cut = self.cut.get_or_try_init(|| async {
            let wanted = |name: &str| self.types.as_ref().is_none_or(|types| types.contains(name));
            let (bytes, before) = answers::cut(&self.schema, wanted)?;
            // For the record only.
            if let Some(client) = self.client.lock().await.as_mut() {
                client.cut(before, bytes.len(), self.types.is_none()).await.ok();
            }
            Ok::<_, Cause>(bytes)
        });
        cut.await.cloned()
    }

    /// The answer to a check of a provider block.
    pub(super) async fn check(&self, request: &[u8]) -> Result<Vec<u8>, Cause> {
        let mut client = self.client.lock().await;
        if let Some(gateway) = self.connected(&mut client).await {
            match gateway.check(&self.provider, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.away(&mut client, &error)?,
            }
        }
        drop(client);
        let (mut sender, _) = self.start_own().await?;
        Ok(grpc::call(&mut sender, self.dialect.path(Call::Check), request).await?.to_vec())
    }

    /// A process that is configured by this request.
    pub(super) async fn configure(&self, request: &[u8]) -> Result<Configured, Cause> {
        let mut client = self.client.lock().await;
        if let Some(gateway) = self.connected(&mut client).await {
            match gateway.lend(&self.provider, Some(request), self.applies).await {
                Ok(Lending::Answered(answer)) => return Ok(Configured { answer, backend: None }),
                Ok(Lending::Lent(lent)) => {
                    let sender = grpc::connect(&lent.socket).await?;
                    let (answer, socket) = (lent.answer.clone(), lent.socket.clone());
                    return Ok(Configured { answer, backend: Some(Backend { sender, socket, _lent: Some(lent) }) });
                }
                Err(error) => self.away(&mut client, &error)?,
            }
        }
        drop(client);
        let (mut sender, backend) = self.start_own().await?;
        let answer = grpc::call(&mut sender, self.dialect.path(Call::Configure), request).await?.to_vec();
        Ok(Configured { answer, backend: Some(backend) })
    }

    /// A process that need not be configured.
    pub(super) async fn any(&self) -> Result<Backend, Cause> {
        let mut client = self.client.lock().await;
        if let Some(gateway) = self.connected(&mut client).await {
            match gateway.lend(&self.provider, None, self.applies).await {
                Ok(Lending::Lent(lent)) => {
                    let (sender, socket) = (grpc::connect(&lent.socket).await?, lent.socket.clone());
                    return Ok(Backend { sender, socket, _lent: Some(lent) });
                }
                Ok(Lending::Answered(_)) => return Err("an answer to another question".into()),
                Err(error) => self.away(&mut client, &error)?,
            }
        }
        drop(client);
        Ok(self.start_own().await?.1)
    }

    /// The gateway, perhaps one that was started meanwhile.
    async fn connected<'a>(&self, client: &'a mut Option<Client>) -> Option<&'a mut Client> {
        if client.is_none() && !self.gateway_hangs.load(Ordering::Relaxed) {
            *client = Client::connect(&self.gateway, Some(self.borrower.clone())).await.ok();
        }
        client.as_mut()
    }

    /// Notes that the gateway could not help. What it forbids is not done otherwise.
    fn away(&self, client: &mut Option<Client>, error: &Error) -> Result<(), Cause> {
        match error {
            Error::Forbidden(why) => return Err(why.clone().into()),
            Error::Away(_) => {
                self.gateway_hangs.fetch_or(error.is_silence(), Ordering::Relaxed);
                *client = None;
            }
            Error::Refused(_) => {}
        }
        self.plain().insert(error.to_string());
        Ok(())
    }

    async fn start_own(&self) -> Result<(SendRequest<Body>, Backend), Cause> {
        if self.plain().is_empty() {
            self.plain().insert("the gateway is away".to_owned());
        }
        let program = self.provider.program()?;
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let folder = self.folder.join(number.to_string());
        // It ends with this command, and what it may do this command's terraform may do: any name does.
        let environment = &self.borrower.environment;
        let start = Start { program: &program, environment, folder: &folder, secret_name: "s", patience: STARTING };
        let plugin = plugin::start(start, &self.starter).await?;
        let socket = plugin.socket.clone();
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(plugin);
        let sender = grpc::connect(&socket).await?;
        Ok((sender.clone(), Backend { sender, socket, _lent: None }))
    }

    /// Waits until the process that listens on `socket` hangs, and who waits for it is to give up. However many wait, it is
    /// asked by one of them all.
    pub(super) async fn until_it_hangs(self: &Arc<Self>, socket: &Path) {
        let mut hangs = self.watched(socket);
        if hangs.wait_for(|hangs| *hangs).await.is_err() {
            // Nobody looks any more: the command is over.
            std::future::pending::<()>().await;
        }
    }

    /// What is known of the process that listens on `socket`; from now on somebody looks, where nobody did.
    fn watched(self: &Arc<Self>, socket: &Path) -> watch::Receiver<bool> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(socket) {
            return known.subscribe();
        }
        let (sender, receiver) = watch::channel(false);
        let sender = Arc::new(sender);
        all.insert(socket.to_owned(), Arc::clone(&sender));
        tokio::spawn(watch_one(Arc::clone(self), socket.to_owned(), sender));
        receiver
    }

    /// Forgets a process for which nobody waits; false where somebody does again.
    fn forgets(&self, socket: &Path, sender: &watch::Sender<bool>) -> bool {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, since whoever comes to wait takes it, too.
        let is_free = sender.receiver_count() == 0;
        if is_free {
            all.remove(socket);
        }
        is_free
    }

    /// Waits until a process hangs. An apply is never told: it goes on waiting, and that is noted.
    async fn until_it_is_told(&self, socket: &Path) {
        loop {
            until_provider_hangs(socket, self.beat).await;
            if !self.applies {
                return;
            }
            let _waiting = self.silence.of(&self.provider.address);
            while !within(self.beat, provider_answers(socket)).await.unwrap_or(false) {
                tokio::time::sleep(self.beat).await;
            }
        }
    }

    /// Notes that a provider ended or hung.
    pub(super) fn lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn plain(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends its own processes, and says why there were any.
    pub(super) fn end(&self) -> Vec<String> {
        for plugin in self.own.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            plugin.end();
        }
        self.plain().iter().map(|why| format!("{}: {why}", self.provider.address)).collect()
    }
}

/// Looks at one process for as long as somebody waits for it. One that hangs stays known as such.
async fn watch_one(source: Arc<Source>, socket: PathBuf, sender: Arc<watch::Sender<bool>>) {
    let told = source.until_it_is_told(&socket);
    tokio::pin!(told);
    loop {
        tokio::select! {
            () = told.as_mut() => {
                sender.send_replace(true);
                return;
            }
            () = sender.closed() => {
                if source.forgets(&socket, &sender) {
                    return;
                }
            }
        }
    }
}
