//! `/v1/hold`: whether anything is applied.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::json;

use super::Shared;
use super::params::NoParams;
use super::problem::Answer;
use crate::service::Actor;

/// `GET /v1/hold`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams) -> Answer {
    let why = shared.service.held().await?;
    Ok(Json(json!({"held": why.is_some(), "why": why})).into_response())
}

/// `PUT /v1/hold`: plans go on, nothing is applied.
pub(super) async fn hold(State(shared): State<Shared>, _: NoParams, Extension(actor): Extension<Actor>) -> Answer {
    shared.service.hold(&actor).await?;
    read(State(shared), NoParams).await
}

/// `DELETE /v1/hold`
pub(super) async fn release(State(shared): State<Shared>, _: NoParams, Extension(actor): Extension<Actor>) -> Answer {
    shared.service.release(&actor).await?;
    read(State(shared), NoParams).await
}
