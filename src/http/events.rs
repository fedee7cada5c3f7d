//! `/v1/events`: what happened, in one order, as a list or live.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::Shared;
use super::params::Params;
use super::path::Path;
use super::problem::{Answer, Problem};
use super::resources::name_of;
use crate::domain::event::Event;
use crate::domain::name::Name;
use crate::domain::resource::ResourceKind;
use crate::service::{Events, Service};
use crate::store::EventQuery;

/// How long at most until one looks again, even without a hint.
const LOOK: Duration = Duration::from_secs(1);
/// Events that are read at a time while they are followed.
const AT_ONCE: u32 = 500;

/// `GET /v1/events`
pub(super) async fn everywhere(State(shared): State<Shared>, mut params: Params, headers: HeaderMap) -> Answer {
    let namespace = params.name("namespace")?;
    answer(&shared, namespace, params, &headers).await
}

/// `GET /v1/namespaces/{ns}/events`
pub(super) async fn in_namespace(
    State(shared): State<Shared>,
    Path(namespace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    answer(&shared, Some(name_of("namespace", &namespace)?), params, &headers).await
}

async fn answer(shared: &Shared, namespace: Option<Name>, mut params: Params, headers: &HeaderMap) -> Answer {
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
    let first = shared.service.events(after, query.clone()).await?;
    if !follows {
        return Ok(Json(json!({"items": first.items, "position": first.position})).into_response());
    }
    // Without a position it begins now; what was before is in the list.
    let first = if after.is_some() { first } else { Events { items: Vec::new(), ..first } };
    let events = ReceiverStream::new(followed(shared, query, first)).map(|event| Ok::<_, Infallible>(sent(&event)));
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
fn followed(shared: &Shared, query: EventQuery, first: Events) -> Receiver<Event> {
    let (sender, receiver) = channel(16);
    let service: Arc<Service> = Arc::clone(&shared.service);
    let shutdown = shared.shutdown.clone();
    tokio::spawn(async move {
        let Events { mut items, position: mut after } = first;
        loop {
            let hint = service.wakes.events.notified();
            let is_full = items.len() >= AT_ONCE as usize;
            for event in items.drain(..) {
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            if !is_full {
                tokio::select! {
                    () = hint => {}
                    () = tokio::time::sleep(LOOK) => {}
                    () = shutdown.cancelled() => return,
                    () = sender.closed() => return,
                }
            }
            match service.events(Some(after), EventQuery { limit: AT_ONCE, ..query.clone() }).await {
                Ok(next) => Events { items, position: after } = next,
                Err(error) => {
                    tracing::warn!(%error, "cannot follow the events");
                    return;
                }
            }
        }
    });
    receiver
}
