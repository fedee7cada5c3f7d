//! `/state/v1/workspaces/{uid}`: Terraform's own `http` backend protocol, methods LOCK and UNLOCK
//! included. A run signs in with credentials of its own, a person with the admin's token as the
//! password.
//!
//! **Invariant:** no answer reads as "no state" for a workspace that has one, or does not exist:
//! 404 and 204 are given only where a workspace exists and has none.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Json, middleware};
use serde_json::Value;

use super::access::{Backend, unavailable};
use super::body::state_bytes;
use super::params::Params;
use super::problem::{Answer, Problem};
use super::{Shared, unread};
use crate::service::Locked;

/// The routes that Terraform speaks to.
pub fn state_router(shared: Shared) -> Router {
    routes().layer(middleware::from_fn(unread::say_close)).with_state(shared)
}

/// The same, as a part of the API.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/state/v1/workspaces/{uid}", any(backend))
}

async fn backend(backend: Backend, mut params: Params, request: Request) -> Answer {
    let lock_id = params.text("ID")?;
    params.finish()?;
    let method = request.method().as_str().to_owned();
    let body = state_bytes(request.into_body()).await?;
    answer(&backend, &method, lock_id.as_deref(), &body).await.map_err(unavailable)
}

async fn answer(backend: &Backend, method: &str, lock_id: Option<&str>, body: &Bytes) -> Answer {
    let Backend { service, workspace, holder } = backend;
    let workspace = *workspace;
    match method {
        "GET" => Ok(match service.state_for(workspace, holder).await? {
            Some(state) => ([(header::CONTENT_TYPE, "application/json")], state).into_response(),
            None => StatusCode::NO_CONTENT.into_response(),
        }),
        "POST" => {
            service.put_state(workspace, holder, lock_id, body).await?;
            Ok(StatusCode::OK.into_response())
        }
        "LOCK" => Ok(match service.lock_state(workspace, holder, json(body)?).await? {
            Locked::Taken => StatusCode::OK.into_response(),
            Locked::HeldBy(info) => (StatusCode::LOCKED, Json(info)).into_response(),
        }),
        "UNLOCK" => {
            let id = if body.is_empty() { None } else { json(body)?["ID"].as_str().map(str::to_owned) };
            service.unlock_state(workspace, holder, id.as_deref()).await?;
            Ok(StatusCode::OK.into_response())
        }
        other => {
            let detail = format!("a state takes GET, POST, LOCK and UNLOCK, not {other}");
            Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", detail))
        }
    }
}

fn json(body: &Bytes) -> Answer<Value> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request("malformed", format!("this is no JSON: {error}")))
}
