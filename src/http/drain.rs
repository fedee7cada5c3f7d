//! `/v1/drain`: whether runs get places.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::access::{Access, Everywhere};
use super::params::NoParams;
use super::problem::Answer;
use super::wire::WireRun;

/// `GET /v1/drain`
pub(super) async fn read(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    answer(&access).await
}

async fn answer(access: &Access) -> Answer {
    let (drain, at_work) = access.service.draining().await?;
    let at_work: Vec<WireRun> = at_work.into_iter().map(WireRun::from).collect();
    let why = drain.as_ref().map(ToString::to_string);
    let since = drain.as_ref().map(|drain| drain.since);
    Ok(Json(json!({"draining": drain.is_some(), "since": since, "why": why, "atWork": at_work})).into_response())
}

/// `POST /v1/drain`: what is at work goes on, nothing else begins.
pub(super) async fn begin(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    access.service.drain(&access.actor).await?;
    answer(&access).await
}

/// `DELETE /v1/drain`
pub(super) async fn end(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    access.service.end_drain(&access.actor).await?;
    answer(&access).await
}
