//! `/healthz`, `/readyz`, `/v1/version`, `/v1/whoami`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::access::Anyone;
use super::params::NoParams;
use super::problem::{Answer, Problem};
use super::{Shared, Version, problem};

/// The addresses for which no token is asked. They take any query: whoever looks after a service may
/// add one against caches.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .method_not_allowed_fallback(problem::wrong_method)
}

/// The process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// It can do its work: the database answers, and its disk has room.
async fn readyz(State(shared): State<Shared>) -> Answer {
    match shared.is_ready().await {
        Ok(()) => match shared.disk_is_low() {
            Some(why) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "disk_low", why)),
            None => Ok("ok\n".into_response()),
        },
        Err(error) => {
            tracing::error!(%error, "not ready");
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "the database does not answer; the log says why",
            ))
        }
    }
}

/// `GET /v1/version`
pub(super) async fn version(anyone: Anyone, _: NoParams) -> Json<Version> {
    Json(anyone.version)
}

/// `GET /v1/whoami`: whose token is shown, and what it may do.
pub(super) async fn whoami(Anyone { rights, .. }: Anyone, _: NoParams) -> Json<Value> {
    let may: Vec<&str> = rights.may.iter().map(|permission| permission.as_str()).collect();
    Json(json!({"name": rights.name, "may": may, "namespaces": rights.namespaces}))
}
