//! `…/machines/{name}/eject`, and of workspaces: the way out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::json;

use super::Shared;
use super::body::Document;
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use super::resources::Named;
use crate::domain::fields::Fields;
use crate::domain::problem::Problems;
use crate::service::Actor;

/// `GET …/eject`, `?asItIs=true`: the files, secrets included. Changes nothing.
pub(super) async fn files(
    State(shared): State<Shared>,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    mut params: Params,
) -> Answer {
    let as_it_is = params.flag("asItIs")?;
    params.finish()?;
    let ejected = shared.service.ejected(&key, as_it_is, &actor).await?;
    Ok(Json(json!({"files": ejected.files, "serial": ejected.serial})).into_response())
}

/// `POST …/eject` with the `serial` of the state that was handed out, and `asItIs`: captd lets go of it.
pub(super) async fn let_go(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let mut problems = Problems::default();
    let asked = Fields::open(&body, "", &mut problems).and_then(|mut f| {
        let serial = f.integer_in("serial", 0, i64::MAX);
        let serial = f.required("serial", serial);
        let as_it_is = f.boolean("asItIs").unwrap_or_default();
        f.finish();
        Some((u64::try_from(serial?).ok()?, as_it_is))
    });
    let Some((serial, as_it_is)) = asked.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    shared.service.eject(&key, serial, as_it_is, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
