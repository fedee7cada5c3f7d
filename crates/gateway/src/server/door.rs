//! The gateway's door: who connects shows the token first, and has little until then.
//!
//! **Invariant:** before the token was shown, a connection costs a few bytes for a few seconds, and keeps
//! nobody out.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use super::{Counted, Gateway, LOOK, Random};
use crate::control::{self, Answer, FRAME_BYTES_MAX, HELLO_BYTES_MAX, PROTOCOL, Request};
use crate::heartbeat::within;
use crate::package::hex;

/// Connections that have not shown the token yet; for a further one the oldest of them goes.
const STRANGERS_MAX: usize = 32;
/// How long one has to show it.
const GREETING: Duration = Duration::from_secs(5);
/// The first version of Landlock that keeps a confined process from sockets that have a name and no path.
const NAMES_SINCE: captd_process::Version = 6;

/// Those who have not shown the token yet, the oldest first.
#[derive(Default)]
struct Strangers(Mutex<VecDeque<Arc<Notify>>>);

impl Strangers {
    fn add(&self) -> Arc<Notify> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= STRANGERS_MAX {
            all.pop_front().inspect(|oldest| oldest.notify_one());
        }
        let leave = Arc::new(Notify::new());
        all.push_back(Arc::clone(&leave));
        leave
    }

    fn remove(&self, leave: &Arc<Notify>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, leave));
    }
}

/// Listens; by what name, as it stands in the gateway's folder. Where the kernel keeps confined processes
/// from it, the name has no path: a socket with a path is open to them.
pub(super) fn listen(folder: &Path, random: &Random) -> std::io::Result<(UnixListener, String)> {
    let path = folder.join(control::SOCKET);
    std::fs::remove_file(&path).ok();
    if captd_process::landlock().is_ok_and(|version| version >= NAMES_SINCE) {
        let mut bytes = [0; 16];
        random(&mut bytes);
        let name = format!("captd-gateway-{}", hex(bytes));
        let listener = UnixListener::bind(format!("\0{name}"))?;
        return Ok((listener, format!("@{name}")));
    }
    Ok((UnixListener::bind(&path)?, String::new()))
}

pub(super) async fn accept(gateway: Arc<Gateway>, listener: UnixListener) {
    let strangers = Arc::new(Strangers::default());
    loop {
        match listener.accept().await {
            // A name without a path has no mode: other users are told apart here.
            Ok((stream, _)) if !is_own(&stream) => {}
            Ok((stream, _)) => {
                let (gateway, strangers) = (Arc::clone(&gateway), Arc::clone(&strangers));
                let leave = strangers.add();
                tokio::spawn(async move {
                    let greeted = tokio::select! {
                        greeted = within(GREETING, greet(&gateway, stream)) => greeted.flatten(),
                        () = leave.notified() => None,
                    };
                    strangers.remove(&leave);
                    let Some(stream) = greeted else { return };
                    if let Err(error) = attend(&gateway, stream).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

fn is_own(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::getuid().as_raw())
}

/// The connection, once the token was shown on it.
async fn greet(gateway: &Gateway, mut stream: UnixStream) -> Option<UnixStream> {
    let hello = control::read::<Request>(&mut stream, HELLO_BYTES_MAX).await.ok()??;
    let answer = match is_welcome(gateway, &hello) {
        Ok(()) => Answer::Done,
        Err(why) => Answer::Refused { why, fatal: false },
    };
    control::write(&mut stream, &answer).await.ok()?;
    matches!(answer, Answer::Done).then_some(stream)
}

fn is_welcome(gateway: &Gateway, hello: &Request) -> Result<(), String> {
    let Request::Hello { protocol, token } = hello else { return Err("it was not greeted".to_owned()) };
    if *protocol != PROTOCOL {
        return Err(format!("it speaks version {PROTOCOL} of its protocol, and was spoken to in version {protocol}"));
    }
    // Whoever can read the token's file may ask; a guess has 256 bits to go.
    if *token != gateway.token {
        return Err("the token is another".to_owned());
    }
    Ok(())
}

/// Answers on one connection to its end.
async fn attend(gateway: &Gateway, mut stream: UnixStream) -> std::io::Result<()> {
    let mut borrower = None;
    while let Some(request) = control::read::<Request>(&mut stream, FRAME_BYTES_MAX).await? {
        match request {
            Request::Stay => {
                let _staying = Counted::new(&gateway.staying);
                gateway.leaving.store(false, Ordering::SeqCst);
                control::write(&mut stream, &Answer::Done).await?;
                // Nothing more is said: the end of the connection is what counts.
                control::read::<Request>(&mut stream, HELLO_BYTES_MAX).await?;
                return Ok(());
            }
            Request::For { borrower: told } => {
                borrower = Some(*told);
                control::write(&mut stream, &Answer::Done).await?;
            }
            request => {
                let _asked = Counted::new(&gateway.asked);
                if gateway.closed.load(Ordering::SeqCst) {
                    return Ok(());
                }
                let answer = gateway.answer(request, borrower.as_ref()).await;
                if let Answer::Refused { why, .. } = &answer {
                    gateway.counts().refuse(why);
                }
                control::write(&mut stream, &answer).await?;
            }
        }
    }
    Ok(())
}
