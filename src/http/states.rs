//! `…/machines/{name}/state`, and of workspaces: Terraform's state, for a person.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use serde_json::json;

use super::access::{OneResource, Path};
use super::body::{Document, state_bytes};
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use super::wire::List;
use crate::domain::fields::Fields;
use crate::domain::permission::Permission;
use crate::domain::problem::Problems;

/// `GET …/state/versions`: newest first.
pub(super) async fn versions(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    let items = access.service.state_versions(&key).await?;
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// `GET …/state`, `?version=N`: the state itself, secrets included.
pub(super) async fn pull(OneResource { access, key }: OneResource, mut params: Params) -> Answer {
    let version = params.text("version")?.map(|text| number(&text)).transpose()?;
    params.finish()?;
    let state = access.service.pull_state(&key, version, &access.actor).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], state).into_response())
}

/// `GET …/outputs/{output}`, `?reveal=true`: its value, sensitive or not.
pub(super) async fn output(
    OneResource { access, key }: OneResource,
    Path(One { output }): Path<One>,
    mut params: Params,
) -> Answer {
    let reveal = params.flag("reveal")?;
    params.finish()?;
    if reveal {
        access.allow(Permission::Reveal)?;
    }
    let value = access.service.output_of(&key, &output, reveal, &access.actor).await?;
    Ok(Json(json!({"name": output, "value": value})).into_response())
}

/// The last part of an output's path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct One {
    output: String,
}

/// `POST …/state`, `?forward=true`: the next state of its history, or one that is copied forward.
pub(super) async fn push(OneResource { access, key }: OneResource, mut params: Params, request: Request) -> Answer {
    let forward = params.flag("forward")?;
    params.finish()?;
    let body = state_bytes(request.into_body()).await?;
    // Terraform itself writes none, and reads none.
    let state = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
    Ok(Json(access.service.push_state(&key, state, forward, &access.actor).await?).into_response())
}

/// `POST …/state/rollback {"version": N}`: an old version is copied forward.
pub(super) async fn roll_back(
    OneResource { access, key }: OneResource,
    _: NoParams,
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
    Ok(Json(access.service.roll_state_back(&key, version, &access.actor).await?).into_response())
}

/// `POST …/state/trust`: the state that is kept is the true one.
pub(super) async fn trust(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    access.service.trust_kept_state(&key, &access.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE …/state/lock`: a person's lock is ended.
pub(super) async fn unlock(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    let lock = access.service.break_lock(&key, &access.actor).await?;
    Ok(Json(json!({"id": lock.id, "holder": lock.holder.to_string(), "since": lock.locked_at})).into_response())
}

fn number(text: &str) -> Answer<u64> {
    text.parse().map_err(|_| Problem::bad_request("bad_query", format!("version: `{text}` is no number")))
}
