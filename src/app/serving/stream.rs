//! The bytes of a connection: what comes is noted, and what is not taken in time ends it.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::STALL_BYTES;
use super::connections::Slot;

/// A connection's stream.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    slot: Arc<Slot>,
    stall: Stall,
}

/// How long something waits that gets on too slowly.
#[derive(Debug)]
pub(super) struct Stall {
    limit: Duration,
    since: Option<Pin<Box<Sleep>>>,
    bytes: usize,
}

impl Stall {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: None, bytes: 0 }
    }

    /// It got on by so many bytes, or to the end of what there was.
    pub(super) fn moved(&mut self, bytes: usize, is_all: bool) {
        self.bytes += bytes;
        if is_all || self.bytes >= STALL_BYTES {
            self.since = None;
            self.bytes = 0;
        }
    }

    /// It waits; ready once it has waited for too long.
    pub(super) fn waits(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        self.since.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit))).as_mut().poll(context)
    }
}

impl Watched {
    pub(super) fn new(stream: TcpStream, slot: Arc<Slot>, stall: Duration) -> Self {
        Self { stream, slot, stall: Stall::new(stall) }
    }

    fn written(&mut self, context: &mut Context<'_>, written: Poll<Result<usize>>, all: usize) -> Poll<Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.stall.moved(bytes, bytes >= all);
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending if self.stall.waits(context).is_ready() => {
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the answer is not read")))
            }
            other => other,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.slot.has_come();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, written, parts.iter().map(|part| part.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
