//! `/v1/drain`: whether runs get places.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::json;

use super::Shared;
use super::params::NoParams;
use super::problem::Answer;
use super::wire::WireRun;
use crate::service::Actor;

/// `GET /v1/drain`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams) -> Answer {
    let (drain, at_work) = shared.service.draining().await?;
    let at_work: Vec<WireRun> = at_work.into_iter().map(WireRun::from).collect();
    let why = drain.as_ref().map(ToString::to_string);
    let since = drain.as_ref().map(|drain| drain.since);
    Ok(Json(json!({"draining": drain.is_some(), "since": since, "why": why, "atWork": at_work})).into_response())
}

/// `POST /v1/drain`: what is at work goes on, nothing else begins.
pub(super) async fn begin(State(shared): State<Shared>, _: NoParams, Extension(actor): Extension<Actor>) -> Answer {
    shared.service.drain(&actor).await?;
    read(State(shared), NoParams).await
}

/// `DELETE /v1/drain`
pub(super) async fn end(State(shared): State<Shared>, _: NoParams, Extension(actor): Extension<Actor>) -> Answer {
    shared.service.end_drain(&actor).await?;
    read(State(shared), NoParams).await
}
