//! `/v1/events`: what happened, in one order, as a list or live.

use std::convert::Infallible;

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::access::{Access, InNamespace, InQuery};
use super::followers::{EVENTS_AT_ONCE, Place};
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::domain::event::Event;
use crate::domain::name::Name;
use crate::domain::resource::ResourceKind;
use crate::service::Events;
use crate::store::EventQuery;

/// `GET /v1/events`
pub(super) async fn everywhere(InQuery { access, namespace, params }: InQuery, headers: HeaderMap) -> Answer {
    answer(&access, namespace, params, &headers).await
}

/// `GET /v1/namespaces/{ns}/events`
pub(super) async fn in_namespace(
    InNamespace { access, namespace }: InNamespace,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    answer(&access, Some(namespace), params, &headers).await
}

async fn answer(access: &Access, namespace: Option<Name>, mut params: Params, headers: &HeaderMap) -> Answer {
    let mut subject = None;
    for kind in ResourceKind::ALL {
        subject = params.name(kind.noun())?.map(|name| (kind.title().to_owned(), name.to_string())).or(subject);
    }
    let limit = params.limit()?;
    let after = params.text("after")?.map(|text| position(&text)).transpose()?;
    let follow = params.flag("follow")?;
    params.finish()?;
    let header = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let follows = follow || header(header::ACCEPT).is_some_and(|accept| accept.starts_with("text/event-stream"));
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(position).transpose()?;
    let after = resumed.or(after);
    let query = EventQuery { namespace, subject, limit, after: 0 };
    let first = access.service.events(after, query.clone()).await?;
    if !follows {
        return Ok(Json(json!({"items": first.items, "position": first.position})).into_response());
    }
    let place = access.followers.admit(&access.actor.0, None)?;
    // Without a position it begins now; what was before is in the list.
    let first = if after.is_some() { first } else { Events { items: Vec::new(), ..first } };
    let events = ReceiverStream::new(followed(access, query, first, place)).map(Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn position(text: &str) -> Answer<i64> {
    let found = text.parse().ok().filter(|position| *position >= 0);
    found.ok_or_else(|| Problem::bad_request("bad_query", format!("after: `{text}` is no position of an event")))
}

fn sent(event: &Event) -> Sent {
    let data = serde_json::to_string(event).unwrap_or_default();
    Sent::default().id(event.position.to_string()).event(&event.reason).data(data)
}

/// Events as they come, until the client is gone or the daemon ends.
fn followed(access: &Access, query: EventQuery, first: Events, place: Place) -> Receiver<Sent> {
    let (sender, receiver) = channel(16);
    let access = access.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = follow(&access, &query, first, &sender) => {}
            () = access.shutdown.cancelled() => {}
            () = sender.closed() => {}
        }
        drop(place);
    });
    receiver
}

/// Passes events on. What it has missed, because its reader was too slow, it reads again by itself.
async fn follow(access: &Access, query: &EventQuery, first: Events, to: &Sender<Sent>) {
    let (read, mut live) = access.followers.events(first.position);
    let Events { items, position: mut known } = first;
    for event in &items {
        if to.send(sent(event)).await.is_err() {
            return;
        }
    }
    let Some(caught_up) = catch_up(access, query, known, read, to).await else { return };
    known = caught_up;
    loop {
        match live.recv().await {
            Ok(batch) => {
                let new = batch.items.iter().filter(|event| event.position > known && is_asked_for(event, query));
                for event in new {
                    if to.send(sent(event)).await.is_err() {
                        return;
                    }
                }
                known = known.max(batch.position);
            }
            Err(RecvError::Lagged(_)) => {
                let Some(caught_up) = catch_up(access, query, known, i64::MAX, to).await else { return };
                known = caught_up;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Reads the events after `known` up to `until`, or to the end; up to where it has come.
async fn catch_up(access: &Access, query: &EventQuery, mut known: i64, until: i64, to: &Sender<Sent>) -> Option<i64> {
    while known < until {
        let page = EventQuery { limit: EVENTS_AT_ONCE, ..query.clone() };
        let next = match access.service.events(Some(known), page).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "cannot follow the events");
                return None;
            }
        };
        for event in &next.items {
            to.send(sent(event)).await.ok()?;
        }
        known = next.position;
        if next.items.len() < EVENTS_AT_ONCE as usize {
            break;
        }
    }
    Some(known)
}

/// The same question as the database is asked.
fn is_asked_for(event: &Event, query: &EventQuery) -> bool {
    let in_namespace = query.namespace.is_none() || event.namespace == query.namespace;
    let about = query.subject.as_ref().is_none_or(|(kind, name)| *kind == event.kind && *name == event.name);
    in_namespace && about
}
