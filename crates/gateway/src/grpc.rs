//! gRPC over HTTP/2: messages in frames, and the answers that the gateway gives itself.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

/// Bytes of a message before the message itself: a flag and its length.
const PREFIX: usize = 5;
/// Bytes of a message, as terraform itself has it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Window of a stream: most messages pass without waiting for the other side.
const WINDOW_BYTES: u32 = 1 << 20;

/// A cause of any kind.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request or an answer, whoever makes it.
pub(crate) type Body = UnsyncBoxBody<Bytes, Cause>;

/// gRPC's status codes, as far as they are given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Ok = 0,
    /// Terraform shows the message with it; of others only that "the plugin did not respond".
    Internal = 13,
}

/// An answer that holds one message.
pub(crate) fn answer(message: &[u8]) -> Response<Body> {
    let frames = [Frame::data(framed(message)), Frame::trailers(status(Code::Ok, ""))];
    respond(StreamBody::new(tokio_stream::iter(frames.map(Ok))).boxed_unsync())
}

/// An answer that says what went wrong.
pub(crate) fn refuse(message: &str) -> Response<Body> {
    let frames = [Frame::trailers(status(Code::Internal, message))];
    respond(StreamBody::new(tokio_stream::iter(frames.map(Ok))).boxed_unsync())
}

/// An answer that begins and says nothing until its connection ends.
pub(crate) fn silence() -> Response<Body> {
    respond(StreamBody::new(tokio_stream::pending()).boxed_unsync())
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn status(code: Code, message: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code as u16));
    if !message.is_empty() {
        // Percent-encoded as gRPC has it: what is no printable ASCII, and the percent sign itself.
        let mut text = String::new();
        for byte in message.bytes() {
            match byte {
                b' '..=b'~' if byte != b'%' => text.push(char::from(byte)),
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
        if let Ok(text) = HeaderValue::from_str(&text) {
            trailers.insert("grpc-message", text);
        }
    }
    trailers
}

fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX + message.len());
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// The one message of a body, and the trailers behind it.
///
/// # Errors
/// When it is larger than [`MESSAGE_BYTES_MAX`], cut off, or holds no single plain message.
pub(crate) async fn message(mut body: Incoming) -> Result<(Bytes, HeaderMap), Cause> {
    let mut bytes = BytesMut::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
        // What it begins with says how long it is to be: nothing too large is waited for.
        let length = announced(&bytes).unwrap_or_default().max(bytes.len().saturating_sub(PREFIX));
        if length > MESSAGE_BYTES_MAX {
            return Err(format!("a message of {length} bytes, and {MESSAGE_BYTES_MAX} are allowed").into());
        }
    }
    if bytes.is_empty() {
        return Ok((bytes.freeze(), trailers));
    }
    let is_whole = announced(&bytes).is_some_and(|length| length == bytes.len() - PREFIX);
    if !is_whole || bytes[0] != 0 {
        return Err("a body that holds no single plain gRPC message".into());
    }
    Ok((bytes.split_off(PREFIX).freeze(), trailers))
}

/// The length of a message, as its prefix has it.
fn announced(bytes: &[u8]) -> Option<usize> {
    let four = bytes.get(1..PREFIX)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// Connects to a plugin's socket. The connection is driven by a task of its own.
///
/// # Errors
/// When nobody listens there, or it speaks no HTTP/2.
pub(crate) async fn connect(socket: &std::path::Path) -> Result<SendRequest<Body>, Cause> {
    let stream = UnixStream::connect(socket).await?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(async move {
        // Its end is seen by whoever sends the next request.
        connection.await.ok();
    });
    Ok(sender)
}

/// The question whether it serves, as go-plugin's servers take it.
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Whether somebody who speaks HTTP/2 answers on a socket, with whatever status.
pub(crate) async fn responds(socket: &std::path::Path) -> bool {
    let asked = async {
        let mut sender = connect(socket).await?;
        let body = http_body_util::Full::new(framed(&[])).map_err(|never| match never {}).boxed_unsync();
        let request = Request::post(format!("http://plugin{HEALTH}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(body)?;
        sender.ready().await?;
        sender.send_request(request).await?;
        Ok::<_, Cause>(())
    };
    asked.await.is_ok()
}

/// Makes one call with one message.
///
/// # Errors
/// When the connection ends, or the plugin answers with a status that is not 0.
pub(crate) async fn call(sender: &mut SendRequest<Body>, path: &str, request: &[u8]) -> Result<Bytes, Cause> {
    let body = http_body_util::Full::new(framed(request)).map_err(|never| match never {}).boxed_unsync();
    let request = Request::post(format!("http://plugin{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let head = response.headers().clone();
    let (message, trailers) = message(response.into_body()).await?;
    let said = |name: &str| trailers.get(name).or_else(|| head.get(name)).and_then(|value| value.to_str().ok());
    match said("grpc-status") {
        Some("0") => Ok(message),
        Some(code) => Err(format!("gRPC status {code}: {}", said("grpc-message").unwrap_or_default()).into()),
        None => Err("an answer without a gRPC status".into()),
    }
}
