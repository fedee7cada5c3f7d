//! `…/machines/{name}/eject`, and of workspaces: the way out.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::access::OneResource;
use super::body::Document;
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use crate::domain::fields::Fields;
use crate::domain::problem::Problems;

/// `GET …/eject`, `?asItIs=true`: the files, secrets included. Changes nothing.
pub(super) async fn files(OneResource { access, key }: OneResource, mut params: Params) -> Answer {
    let as_it_is = params.flag("asItIs")?;
    params.finish()?;
    let ejected = access.service.ejected(&key, as_it_is, &access.actor).await?;
    Ok(Json(json!({"files": ejected.files, "serial": ejected.serial})).into_response())
}

/// `POST …/eject` with the `serial` of the state that was handed out, and `asItIs`: captd lets go of it.
pub(super) async fn let_go(OneResource { access, key }: OneResource, _: NoParams, Document(body): Document) -> Answer {
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
    access.service.eject(&key, serial, as_it_is, &access.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
