//! `/v1/keys/rotate`: a new key for what is kept secret.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::access::Everywhere;
use super::params::NoParams;
use super::problem::Answer;
use crate::service::Actor;

/// `POST /v1/keys/rotate`: everything is sealed with a new key; answers when it is. It goes on when
/// nobody waits for the answer any more.
pub(super) async fn rotate(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    let Actor(who, _) = &access.actor;
    tracing::info!(who, "a rotation of the keys is asked for");
    let service = Arc::clone(&access.service);
    let rotating = tokio::spawn(async move { service.rotate_keys().await });
    let done = rotating.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let answer = json!({
        "current": done.current, "resealed": done.resealed, "broken": done.broken, "kept": done.kept,
        "runsAtWork": done.runs,
    });
    Ok(Json(answer).into_response())
}
