//! `/v1/runs/{id}/log`: the log as text, whole or live.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::Shared;
use super::params::Params;
use super::path::Path;
use super::problem::Answer;
use super::runs::id_of;
use crate::service::{LogPart, Service};

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// `GET /v1/runs/{id}/log`
pub(super) async fn read(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    mut params: Params,
    headers: HeaderMap,
) -> Answer {
    let id = id_of(&id)?;
    let follow = params.flag("follow")?;
    params.finish()?;
    let events = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"));
    let first = shared.service.log(id, &LogPart::default()).await?;
    if !follow && !events {
        return Ok(text(Body::from(first.text)));
    }
    let parts = ReceiverStream::new(followed(&shared, id, first));
    if events {
        let events =
            parts.map(|text| Ok::<_, Infallible>(Event::default().event("log").data(text.trim_end_matches('\n'))));
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    Ok(text(Body::from_stream(parts.map(Ok::<_, Infallible>))))
}

fn text(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// The parts of a log as they come, until the run is over, the client gone or the daemon ended.
fn followed(shared: &Shared, id: Uuid, first: LogPart) -> Receiver<String> {
    let (sender, receiver) = channel(16);
    let service: Arc<Service> = Arc::clone(&shared.service);
    let shutdown = shared.shutdown.clone();
    tokio::spawn(async move {
        let mut part = first;
        loop {
            if !part.text.is_empty() && sender.send(part.text.clone()).await.is_err() {
                return;
            }
            if part.is_over {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = shutdown.cancelled() => return,
                () = sender.closed() => return,
            }
            match service.log(id, &part).await {
                Ok(next) => part = next,
                Err(error) => {
                    tracing::warn!(run = %id, %error, "cannot follow a log");
                    return;
                }
            }
        }
    });
    receiver
}
