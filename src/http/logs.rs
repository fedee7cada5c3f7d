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
use super::followers::Place;
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::service::LogPart;

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

/// Passes a log on. What it has missed, because its reader was too slow, it reads again by itself.
async fn follow(access: &Access, id: Uuid, to: &Sender<String>) {
    let mut known = LogPart::default();
    loop {
        let (read, mut live) = access.followers.log(id);
        match access.service.log_until(id, &known, &read).await {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                if to.send(text).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(run = %id, %error, "cannot follow a log");
                return;
            }
        }
        known = read;
        loop {
            match live.recv().await {
                Ok(part) => {
                    if to.send(part.text.clone()).await.is_err() || part.is_over {
                        return;
                    }
                    known = part.place();
                }
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}
