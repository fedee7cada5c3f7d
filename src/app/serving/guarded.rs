//! Bodies as they pass: what comes in too slowly is given up, and the end of what goes out is noted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::connections::{Counted, Phase, Slot};
use super::stream::Stall;

/// A body of a request.
#[derive(Debug)]
pub(super) struct Timed {
    body: Incoming,
    stall: Stall,
    is_late: Arc<AtomicBool>,
}

impl Timed {
    /// `is_late` is set when it came too slowly.
    pub(super) fn new(body: Incoming, limit: Duration, is_late: Arc<AtomicBool>) -> Self {
        Self { body, stall: Stall::new(limit), is_late }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.stall.moved(frame.data_ref().map_or(0, Bytes::len), false);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending if self.stall.waits(context).is_ready() => {
                self.is_late.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err("the body came too slowly".into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that is under way: its connection is busy for as long as this is kept.
#[derive(Debug)]
pub(super) struct UnderWay {
    slot: Arc<Slot>,
    /// For whom it is counted.
    pub(super) counted: Vec<Counted>,
}

impl UnderWay {
    pub(super) fn begin(slot: Arc<Slot>) -> Self {
        slot.is_in(Phase::Busy);
        Self { slot, counted: Vec::new() }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.slot.is_in(Phase::Idle);
    }
}

/// A body of an answer; the request is under way until it is written.
#[derive(Debug)]
pub(super) struct Held {
    body: axum::body::Body,
    _under_way: UnderWay,
}

impl Held {
    pub(super) fn new(body: axum::body::Body, under_way: UnderWay) -> Self {
        Self { body, _under_way: under_way }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
