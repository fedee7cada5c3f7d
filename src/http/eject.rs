//! `…/machines/{name}/eject`, and of workspaces: the way out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::json;

use super::Shared;
use super::body::Document;
use super::params::NoParams;
use super::problem::{Answer, Problem};
use super::resources::Named;
use crate::domain::fields::Fields;
use crate::domain::problem::Problems;
use crate::service::Actor;

/// `GET …/eject`: the files, secrets included. Changes nothing.
pub(super) async fn files(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
) -> Answer {
    let ejected = shared.service.ejected(&key, &actor).await?;
    Ok(Json(json!({"files": ejected.files, "serial": ejected.serial})).into_response())
}

/// `POST …/eject` with the `serial` of the state that was handed out: captd lets go of it.
pub(super) async fn let_go(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let mut problems = Problems::default();
    let serial = Fields::open(&body, "", &mut problems).and_then(|mut f| {
        let serial = f.integer_in("serial", 0, i64::MAX);
        let serial = f.required("serial", serial);
        f.finish();
        u64::try_from(serial?).ok()
    });
    let Some(serial) = serial.filter(|_| problems.is_empty()) else { return Err(Problem::invalid(problems)) };
    shared.service.eject(&key, serial, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
