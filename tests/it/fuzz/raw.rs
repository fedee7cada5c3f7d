//! A request byte by byte: no client library tidies up its path, its headers or its body.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far more than any answer takes.
const GIVE_UP: Duration = Duration::from_mins(2);
/// Of a stream that does not end, so much is enough.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) token: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Raw {
    pub(super) fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]).into_owned();
        format!("{} {:?} as {:?} {:?} {body:?}", self.method, self.target, self.token, self.headers)
    }
}

/// Status line, headers and body, as they came.
pub(super) struct Answer {
    pub(super) status: u16,
    bytes: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    pub(super) fn shown(&self) -> String {
        self.text().chars().take(2_000).collect()
    }
}

/// Sends it on a connection of its own.
pub(super) async fn send(base: &str, request: &Raw) -> Result<Answer, String> {
    let exchange = exchange(base.trim_start_matches("http://"), request);
    let exchanged = tokio::time::timeout(GIVE_UP, exchange).await.map_err(|_| "no answer".to_owned())?;
    let bytes = exchanged.map_err(|error| error.to_string())?;
    let line = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.ok_or_else(|| format!("this is not an answer: {line:?}"))?, bytes })
}

async fn exchange(address: &str, request: &Raw) -> std::io::Result<Vec<u8>> {
    let mut head =
        format!("{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n", request.method, request.target);
    if let Some(token) = &request.token {
        head.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
    let mut connection = TcpStream::connect(address).await?;
    // It may answer and close before it has taken everything.
    let sent = connection.write_all(&[head.as_bytes(), &request.body].concat()).await;
    let mut bytes = Vec::new();
    let read = connection.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await;
    if bytes.is_empty() {
        sent?;
        read?;
    }
    Ok(bytes)
}
