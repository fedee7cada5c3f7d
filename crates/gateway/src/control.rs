//! What is said on the gateway's own socket: JSON in frames that begin with their length.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::package::Provider;
use crate::plugin::Environment;
use crate::status::Status;

/// Version of what is said here. Another one is not understood, and its runs go the plain way.
pub const PROTOCOL: u32 = 2;

/// Bytes of one frame, once the token was shown.
pub(crate) const FRAME_BYTES_MAX: u32 = 64 << 20;
/// Bytes of the frame that shows the token.
pub(crate) const HELLO_BYTES_MAX: u32 = 1 << 10;

/// Where the gateway listens, below its folder, where it has no name of its own.
pub(crate) const SOCKET: &str = "g.sock";
/// Says by which name it listens, below its folder.
pub(crate) const NAME: &str = "name";
/// What it must be told first, below its folder; a confined terraform cannot read it.
pub(crate) const TOKEN: &str = "token";
/// Locked by the applies that use a process, in the folder of that process.
pub(crate) const IN_APPLY: &str = "in-apply";
/// Who it is, below its folder.
pub(crate) const IDENTITY: &str = "gateway.json";

/// For whom providers are lent. It has no `Debug`: its environment holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Borrower {
    /// Id of the run.
    pub run: String,
    /// Its namespace.
    pub namespace: String,
    /// What its provider configuration is called.
    pub configuration: String,
    /// The environment of its terraform.
    pub environment: Environment,
}

/// Bytes in a message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What the gateway is asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Request {
    /// The first on each connection.
    Hello { protocol: u32, token: String },
    /// For whom providers are asked for from now on.
    For { borrower: Box<Borrower> },
    /// What there is to know of a provider before terraform begins.
    Describe { provider: Provider },
    /// The answer to a check of a provider block.
    Check { provider: Provider, request: Octets },
    /// A process: configured by this request, or one that need not be configured.
    Lend { provider: Provider, configure: Option<Octets> },
    /// How much of the schema a terraform was given.
    Cut { bytes_before: u64, bytes_after: u64, is_whole: bool },
    /// Processes that served this run are lent to nobody any more.
    Retire { run: String, why: String },
    /// How it is doing.
    Status,
    /// The one who asks stays: while somebody does, idle processes are kept warm.
    Stay,
    /// It is to end: idle processes now, the others after their last run.
    Leave,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Answer {
    Described {
        dialect: u32,
        schema: PathBuf,
    },
    Message {
        octets: Octets,
    },
    Lent {
        socket: PathBuf,
        in_use: PathBuf,
        answer: Octets,
    },
    Status {
        status: Box<Status>,
    },
    Done,
    /// It does not do that; why. With `fatal`, nobody should.
    Refused {
        why: String,
        fatal: bool,
    },
}

pub(crate) async fn write(stream: &mut UnixStream, message: &impl Serialize) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&bytes);
    stream.write_all(&frame).await
}

/// Reads a frame of at most `bytes_max`; `None` at the end of the stream.
pub(crate) async fn read<T: for<'de> Deserialize<'de>>(
    stream: &mut UnixStream,
    bytes_max: u32,
) -> std::io::Result<Option<T>> {
    let length = match stream.read_u32().await {
        Ok(length) => length,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > bytes_max {
        return Err(std::io::Error::other(format!("a frame of {length} bytes; {bytes_max} are allowed")));
    }
    // Taken as it comes: what is only announced takes no memory.
    let mut bytes = Vec::new();
    let count = stream.take(length.into()).read_to_end(&mut bytes).await?;
    if count < usize::try_from(length).map_err(std::io::Error::other)? {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(serde_json::from_slice(&bytes)?))
}
