//! `/v1/runs/{id}/log`: the log as text, whole or live.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::access::{Access, OneRun};
use super::followers::{LOG_LOOK, Place};
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::service::{Error, LogPart};

/// `GET /v1/runs/{id}/log`
pub(super) async fn read(OneRun { access, id }: OneRun, mut params: Params, headers: HeaderMap) -> Answer {
    let follow = params.flag("follow")?;
    params.finish()?;
    let events = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"));
    if !follow && !events {
        return Ok(text(Body::from(access.service.log(id, &LogPart::default()).await?.text)));
    }
    access.service.run(id).await?;
    let known = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(lines_known).transpose()?;
    let place = access.followers.admit(&access.actor.0, Some(id))?;
    let parts = ReceiverStream::new(followed(&access, id, place));
    if !events {
        return Ok(text(Body::from_stream(parts.map(Ok::<_, Infallible>))));
    }
    // An event's id says how many lines there were up to its end.
    let (mut known, mut lines) = (known.unwrap_or_default(), 0);
    let events = parts.filter_map(move |part| {
        let (before, count) = (lines, part.lines().count());
        lines += count;
        let rest: Vec<&str> = part.lines().skip(known.saturating_sub(before)).collect();
        known = known.max(lines);
        let event = Event::default().id(lines.to_string()).event("log").data(rest.join("\n"));
        (!rest.is_empty()).then_some(Ok::<_, Infallible>(event))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn lines_known(text: &str) -> Answer<usize> {
    text.parse().map_err(|_| Problem::bad_request("bad_query", format!("Last-Event-ID: `{text}` is no count of lines")))
}

fn text(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// The parts of a log as they come, until the run is over, the client gone or the daemon ended.
fn followed(access: &Access, id: Uuid, place: Place) -> Receiver<String> {
    let (sender, receiver) = channel(16);
    let access = access.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = follow(&access, id, &sender) => {}
            () = access.shutdown.cancelled() => {}
            () = sender.closed() => {}
        }
        drop(place);
    });
    receiver
}

/// Bytes that are handed on at a time: what a reader does not take yet is held once for all, and not for each.
const PIECE_BYTES: usize = 64 * 1024;

/// Passes a log on. What it has missed, because its reader was too slow, it reads by itself.
async fn follow(access: &Access, id: Uuid, to: &Sender<String>) {
    let mut known = LogPart::default();
    loop {
        let Some((read, mut live)) = access.followers.log(id, &known) else {
            // Whoever reads it for the others has only begun.
            tokio::time::sleep(LOG_LOOK).await;
            continue;
        };
        match access.service.log_until(id, &known, &read).await {
            Ok(text) if hand_on(&text, to).await => known = read,
            Ok(_) => return,
            Err(error) => return cannot_follow(id, &error),
        }
        loop {
            match live.recv().await {
                Ok(part) => {
                    if !hand_on(&part.text, to).await || part.is_over {
                        return;
                    }
                    known = part.place();
                }
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
        drop(live);
        match access.service.log(id, &known).await {
            Ok(part) => {
                if !hand_on(&part.text, to).await || part.is_over {
                    return;
                }
                known = part.place();
            }
            Err(error) => return cannot_follow(id, &error),
        }
    }
}

fn cannot_follow(id: Uuid, error: &Error) {
    tracing::warn!(run = %id, %error, "cannot follow a log");
}

/// Whether all of a text was taken.
async fn hand_on(text: &str, to: &Sender<String>) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_of(rest));
        if to.send(piece.to_owned()).await.is_err() {
            return false;
        }
        rest = after;
    }
    true
}

/// The length of a piece of whole lines: as many as fit, and at least one.
fn piece_of(text: &str) -> usize {
    let head = &text.as_bytes()[..text.len().min(PIECE_BYTES)];
    let end = head.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
    end.or_else(|| text.find('\n').map(|end| end + 1)).unwrap_or(text.len())
}
