//! `/v1/hold`: whether anything is applied.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::access::{Access, Everywhere};
use super::params::NoParams;
use super::problem::Answer;

/// `GET /v1/hold`
pub(super) async fn read(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    answer(&access).await
}

async fn answer(access: &Access) -> Answer {
    let why = access.service.held().await?;
    Ok(Json(json!({"held": why.is_some(), "why": why})).into_response())
}

/// `PUT /v1/hold`: plans go on, nothing is applied.
pub(super) async fn hold(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    access.service.hold(&access.actor).await?;
    answer(&access).await
}

/// `DELETE /v1/hold`
pub(super) async fn release(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    access.service.release(&access.actor).await?;
    answer(&access).await
}
