//! `/v1/gateway`: how the warm provider processes are doing.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::access::Everywhere;
use super::params::NoParams;
use super::problem::Answer;
use crate::service::GatewayView;

/// `GET /v1/gateway`
pub(super) async fn read(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    Ok(Json(match access.service.gateway().await {
        GatewayView::Off => json!({"state": "off"}),
        GatewayView::Away(why) => json!({"state": "away", "why": why}),
        GatewayView::At(status) => json!({"state": "on", "status": status}),
    })
    .into_response())
}
