//! The other side of the gateway's socket: what supervisors and the daemon ask.
//!
//! **Invariant:** token and environment are sent to the gateway's own process alone.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;

use crate::control::{self, Answer, Borrower, FRAME_BYTES_MAX, Octets, PROTOCOL, Request};
use crate::heartbeat::{until_gateway_hangs, within};
use crate::package::Provider;
use crate::protocol::Dialect;
use crate::server::{Identity, living};
use crate::status::Status;

/// How often it is looked whether a gateway has begun.
const LOOK: Duration = Duration::from_millis(20);

/// The gateway does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or went away: the plain way is open.
    #[error("the gateway is away: {0}")]
    Away(std::io::Error),
    /// It says no: the plain way is open.
    #[error("the gateway refuses: {0}")]
    Refused(String),
    /// The provider must not be started at all.
    #[error("{0}")]
    Forbidden(String),
}

impl Error {
    /// Whether it is there, and does not answer.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Away(error) if error.kind() == std::io::ErrorKind::TimedOut)
    }

    fn silence() -> Self {
        Self::Away(std::io::Error::new(std::io::ErrorKind::TimedOut, "it hangs: it does not answer"))
    }
}

/// A connection to the gateway.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    folder: PathBuf,
    /// How long the gateway has to answer.
    beat: Duration,
}

/// What becomes of a wish for a process.
#[derive(Debug)]
pub(crate) enum Lending {
    /// There is one.
    Lent(Lent),
    /// The provider refuses its configuration, and says why in its answer.
    Answered(Vec<u8>),
}

/// A process that was lent, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) socket: PathBuf,
    /// Its answer to being configured.
    pub(crate) answer: Vec<u8>,
    /// Locked while it is in use: known to every gateway, now and later.
    _in_use: File,
    /// Locked while an apply uses it: then it is not ended, though it hangs.
    _in_apply: Option<File>,
}

impl Lent {
    /// Locks what was lent; `None` when it is about to end.
    fn lock(socket: PathBuf, answer: Vec<u8>, in_use: &Path, applies: bool) -> Option<Self> {
        let shared = |path: &Path| File::open(path).ok().filter(|file| file.try_lock_shared().is_ok());
        let in_apply = if applies { Some(shared(&in_use.with_file_name(control::IN_APPLY))?) } else { None };
        Some(Self { socket, answer, _in_use: shared(in_use)?, _in_apply: in_apply })
    }
}

impl Client {
    /// Connects to the gateway of `folder`. Nothing is said to anybody else who listens in its place: the name of
    /// a socket without a path is free for everybody once the gateway has ended.
    ///
    /// # Errors
    /// When it is away, or speaks another version.
    pub async fn connect(folder: &Path, borrower: Option<Borrower>) -> Result<Self, Error> {
        // Read first: a gateway writes it last, so what is read behind it is of this gateway or of a later one.
        let Some(gateway) = living(folder) else { return Err(Error::Away(std::io::ErrorKind::NotFound.into())) };
        let token = std::fs::read_to_string(folder.join(control::TOKEN)).map_err(Error::Away)?;
        let name = std::fs::read_to_string(folder.join(control::NAME)).unwrap_or_default();
        let address = match name.strip_prefix('@') {
            Some(name) => PathBuf::from(format!("\0{name}")),
            None => folder.join(control::SOCKET),
        };
        let stream = UnixStream::connect(address).await.map_err(Error::Away)?;
        if !listens(&gateway, &stream) {
            return Err(Error::Away(std::io::Error::other("somebody else listens by its name")));
        }
        let mut client = Self { stream, folder: folder.to_owned(), beat: gateway.beat() };
        client.done(&Request::Hello { protocol: PROTOCOL, token }).await?;
        if let Some(borrower) = borrower {
            client.done(&Request::For { borrower: Box::new(borrower) }).await?;
        }
        Ok(client)
    }

    /// How often who hangs is asked, as the gateway was told.
    pub(crate) fn beat(&self) -> Duration {
        self.beat
    }

    /// Whether the gateway of `folder` answers.
    pub(crate) async fn answers(folder: &Path) -> bool {
        Self::connect(folder, None).await.is_ok()
    }

    /// The same with a gateway that may be about to begin, and has `patience` for that.
    ///
    /// # Errors
    /// When it is away all that time, or speaks another version.
    pub async fn connect_within(patience: Duration, folder: &Path, borrower: Option<&Borrower>) -> Result<Self, Error> {
        let connected = async {
            loop {
                match Self::connect(folder, borrower.cloned()).await {
                    Err(Error::Away(_)) => tokio::time::sleep(LOOK).await,
                    connected => return connected,
                }
            }
        };
        match tokio::time::timeout(patience, connected).await {
            Ok(connected) => connected,
            Err(_) => Self::connect(folder, borrower.cloned()).await,
        }
    }

    /// How it is doing.
    ///
    /// # Errors
    /// When it is away.
    pub async fn status(&mut self) -> Result<Status, Error> {
        match self.ask(&Request::Status).await? {
            Answer::Status { status } => Ok(*status),
            _ => Err(unexpected()),
        }
    }

    /// Keeps idle processes warm until the connection ends.
    ///
    /// # Errors
    /// When it is away.
    pub async fn stay(&mut self) -> Result<(), Error> {
        self.done(&Request::Stay).await
    }

    /// Waits until the gateway ends or closes the connection.
    pub async fn ended(&mut self) {
        control::read::<Answer>(&mut self.stream, FRAME_BYTES_MAX).await.ok();
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it is away.
    pub async fn leave(&mut self) -> Result<(), Error> {
        self.done(&Request::Leave).await
    }

    /// What served `run` serves nobody after its last run.
    ///
    /// # Errors
    /// When it is away.
    pub async fn retire(&mut self, run: String, why: String) -> Result<(), Error> {
        self.done(&Request::Retire { run, why }).await
    }

    pub(crate) async fn describe(&mut self, provider: &Provider) -> Result<(Dialect, PathBuf), Error> {
        match self.ask_long(&Request::Describe { provider: provider.clone() }).await? {
            Answer::Described { dialect, schema } => {
                Ok((Dialect::from_number(dialect).ok_or_else(unexpected)?, schema))
            }
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn check(&mut self, provider: &Provider, request: &[u8]) -> Result<Vec<u8>, Error> {
        let request = Request::Check { provider: provider.clone(), request: Octets(request.to_vec()) };
        match self.ask_long(&request).await? {
            Answer::Message { octets } => Ok(octets.0),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn lend(
        &mut self,
        provider: &Provider,
        configure: Option<&[u8]>,
        applies: bool,
    ) -> Result<Lending, Error> {
        let configure = configure.map(|bytes| Octets(bytes.to_vec()));
        // A process that is retired between the answer and the lock is not used; another one is.
        for _ in 0..LENDS_MAX {
            let request = Request::Lend { provider: provider.clone(), configure: configure.clone() };
            let (socket, in_use, answer) = match self.ask_long(&request).await? {
                Answer::Lent { socket, in_use, answer } => (socket, in_use, answer),
                Answer::Message { octets } => return Ok(Lending::Answered(octets.0)),
                _ => return Err(unexpected()),
            };
            if let Some(lent) = Lent::lock(socket, answer.0, &in_use, applies) {
                return Ok(Lending::Lent(lent));
            }
        }
        Err(Error::Refused("every process that it named had ended".to_owned()))
    }

    pub(crate) async fn cut(&mut self, before: usize, after: usize, is_whole: bool) -> Result<(), Error> {
        let count = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        self.done(&Request::Cut { bytes_before: count(before), bytes_after: count(after), is_whole }).await
    }

    async fn done(&mut self, request: &Request) -> Result<(), Error> {
        self.ask(request).await.map(|_| ())
    }

    /// Asks for what is answered at once.
    async fn ask(&mut self, request: &Request) -> Result<Answer, Error> {
        within(self.beat, self.told(request)).await.unwrap_or_else(|| Err(Error::silence()))
    }

    /// Asks for what may take its time, for as long as the gateway answers others.
    async fn ask_long(&mut self, request: &Request) -> Result<Answer, Error> {
        let folder = self.folder.clone();
        tokio::select! {
            answer = self.told(request) => answer,
            () = until_gateway_hangs(&folder) => Err(Error::silence()),
        }
    }

    async fn told(&mut self, request: &Request) -> Result<Answer, Error> {
        control::write(&mut self.stream, request).await.map_err(Error::Away)?;
        match control::read(&mut self.stream, FRAME_BYTES_MAX).await.map_err(Error::Away)? {
            None => Err(Error::Away(std::io::ErrorKind::UnexpectedEof.into())),
            Some(Answer::Refused { why, fatal: true }) => Err(Error::Forbidden(why)),
            Some(Answer::Refused { why, fatal: false }) => Err(Error::Refused(why)),
            Some(answer) => Ok(answer),
        }
    }
}

/// Whether it is this gateway that listens at the other end. Its user alone proves nothing: what a run leaves behind has
/// the same one. It is asked last whether the gateway is alive: until then its process id was nobody else's.
fn listens(gateway: &Identity, stream: &UnixStream) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let pid = gateway.process.pid().map(|pid| pid.as_raw_nonzero().get());
    let is_it = pid.is_some() && peer.pid() == pid && peer.uid() == rustix::process::getuid().as_raw();
    is_it && gateway.process.is_alive()
}

/// How often a process is asked for that turns out to have ended.
const LENDS_MAX: u32 = 3;

fn unexpected() -> Error {
    Error::Refused("its answer is to another question".to_owned())
}
