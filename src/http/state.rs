//! `/state/v1/workspaces/{uid}`: Terraform's own `http` backend protocol, methods LOCK and UNLOCK
//! included. A run signs in with credentials of its own, a person with the admin's token as the
//! password.
//!
//! **Invariant:** no answer reads as "no state" for a workspace that has one, or does not exist:
//! 404 and 204 are given only where a workspace exists and has none.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Json, middleware};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use uuid::Uuid;

use super::body::state_bytes;
use super::params::Params;
use super::path::Path;
use super::problem::{Answer, Problem};
use super::{Shared, unread};
use crate::domain::state::Holder;
use crate::service::{Error, Locked};

/// The routes that Terraform speaks to.
pub fn state_router(shared: Shared) -> Router {
    routes().layer(middleware::from_fn(unread::say_close)).with_state(shared)
}

/// The same, as a part of the API.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/state/v1/workspaces/{uid}", any(backend))
}

async fn backend(
    State(shared): State<Shared>,
    Path(uid): Path<String>,
    mut params: Params,
    request: Request,
) -> Answer {
    let workspace: Uuid =
        uid.parse().map_err(|_| Problem::bad_request("invalid_id", "this is no id of a workspace"))?;
    let credentials = basic(request.headers().get(header::AUTHORIZATION));
    let holder = signed_in(&shared, credentials, workspace).await?;
    let lock_id = params.text("ID")?;
    params.finish()?;
    gone_unless_known(&shared, workspace).await?;
    let method = request.method().as_str().to_owned();
    let body = state_bytes(request.into_body()).await?;
    answer(&shared, &method, workspace, &holder, lock_id.as_deref(), &body).await.map_err(unavailable)
}

async fn answer(
    shared: &Shared,
    method: &str,
    workspace: Uuid,
    holder: &Holder,
    lock_id: Option<&str>,
    body: &Bytes,
) -> Answer {
    let service = &shared.service;
    match method {
        "GET" => Ok(match service.state(workspace).await? {
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

/// What is captd's own trouble passes, and terraform comes again at 503.
fn unavailable(problem: Problem) -> Problem {
    if problem.is_internal() {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "the state cannot be reached at the moment; come again",
        );
    }
    problem
}

fn json(body: &Bytes) -> Answer<Value> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request("malformed", format!("this is no JSON: {error}")))
}

/// A workspace that does not exist is told by a status that terraform does not read as "no state".
async fn gone_unless_known(shared: &Shared, workspace: Uuid) -> Answer<()> {
    match shared.service.require_workspace(workspace).await {
        Ok(()) => Ok(()),
        Err(Error::NotFound { .. }) => {
            Err(Problem::new(StatusCode::GONE, "not_found", format!("there is no workspace {workspace}")))
        }
        Err(error) => Err(unavailable(error.into())),
    }
}

/// Who speaks: a run with its own credentials, or a person with the admin's token.
async fn signed_in(shared: &Shared, credentials: Option<(String, String)>, workspace: Uuid) -> Answer<Holder> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "these credentials are not good for this workspace, or no longer",
        )
    };
    let (user, password) = credentials.ok_or_else(refused)?;
    if shared.tokens.is_admin(&password) {
        return Ok(Holder::Person(if user.is_empty() || user.starts_with("run/") { "admin".to_owned() } else { user }));
    }
    let run = shared.service.run_that_speaks(&user, &password, workspace).await;
    run.map_err(|error| unavailable(error.into()))?.ok_or_else(refused)
}

fn basic(header: Option<&HeaderValue>) -> Option<(String, String)> {
    let (scheme, encoded) = header?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}
