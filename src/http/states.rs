//! `…/machines/{name}/state`, and of workspaces: Terraform's state, for a person.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};

use serde_json::json;

use super::Shared;
use super::auth::allow;
use super::body::{Document, state_bytes};
use super::params::{NoParams, Params};
use super::path::Path;
use super::problem::{Answer, Problem};
use super::resources::Named;
use super::wire::List;
use crate::domain::fields::Fields;
use crate::domain::permission::{Permission, Rights};
use crate::domain::problem::Problems;
use crate::service::Actor;

/// `GET …/state/versions`: newest first.
pub(super) async fn versions(State(shared): State<Shared>, _: NoParams, Named(key): Named) -> Answer {
    let items = shared.service.state_versions(&key).await?;
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// `GET …/state`, `?version=N`: the state itself, secrets included.
pub(super) async fn pull(
    State(shared): State<Shared>,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    mut params: Params,
) -> Answer {
    let version = params.text("version")?.map(|text| number(&text)).transpose()?;
    params.finish()?;
    let state = shared.service.pull_state(&key, version, &actor).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], state).into_response())
}

/// `GET …/outputs/{output}`, `?reveal=true`: its value, sensitive or not.
pub(super) async fn output(
    State(shared): State<Shared>,
    Named(key): Named,
    Path(One { output }): Path<One>,
    Extension(actor): Extension<Actor>,
    Extension(rights): Extension<Rights>,
    mut params: Params,
) -> Answer {
    let reveal = params.flag("reveal")?;
    params.finish()?;
    if reveal {
        allow(&rights, Permission::Reveal)?;
    }
    let value = shared.service.output_of(&key, &output, reveal, &actor).await?;
    Ok(Json(json!({"name": output, "value": value})).into_response())
}

/// The last part of an output's path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct One {
    output: String,
}

/// `POST …/state`, `?forward=true`: the next state of its history, or one that is copied forward.
pub(super) async fn push(
    State(shared): State<Shared>,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    mut params: Params,
    request: Request,
) -> Answer {
    let forward = params.flag("forward")?;
    params.finish()?;
    let body = state_bytes(request.into_body()).await?;
    Ok(Json(shared.service.push_state(&key, &body, forward, &actor).await?).into_response())
}

/// `POST …/state/rollback {"version": N}`: an old version is copied forward.
pub(super) async fn roll_back(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let mut problems = Problems::default();
    let mut version = None;
    if let Some(mut f) = Fields::open(&body, "", &mut problems) {
        let read = f.integer_in("version", 1, i64::MAX);
        version = f.required("version", read).and_then(|n| u64::try_from(n).ok());
        f.finish();
    }
    let Some(version) = version.filter(|_| problems.is_empty()) else { return Err(Problem::invalid(problems)) };
    Ok(Json(shared.service.roll_state_back(&key, version, &actor).await?).into_response())
}

/// `POST …/state/trust`: the state that is kept is the true one.
pub(super) async fn trust(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
) -> Answer {
    shared.service.trust_kept_state(&key, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE …/state/lock`: a person's lock is ended.
pub(super) async fn unlock(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
) -> Answer {
    let lock = shared.service.break_lock(&key, &actor).await?;
    Ok(Json(json!({"id": lock.id, "holder": lock.holder.to_string(), "since": lock.locked_at})).into_response())
}

fn number(text: &str) -> Answer<u64> {
    text.parse().map_err(|_| Problem::bad_request("bad_query", format!("version: `{text}` is no number")))
}
