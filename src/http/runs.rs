//! `/v1/runs`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use uuid::Uuid;

use super::params::{NoParams, Params};
use super::path::Path;
use super::problem::{Answer, Problem};
use super::wire::{List, WireRun};
use super::{Shared, cursor};
use crate::domain::name::Name;
use crate::domain::resource::ResourceKind;
use crate::service::{Actor, ListRuns};

/// Every state of a run.
const STATES: [&str; 13] = [
    "queued",
    "preparing",
    "planning",
    "planned",
    "awaiting_approval",
    "applying",
    "unchanged",
    "succeeded",
    "failed",
    "canceled",
    "discarded",
    "superseded",
    "lost",
];

/// `GET /v1/runs`
pub(super) async fn list(State(shared): State<Shared>, mut params: Params) -> Answer {
    let namespace = params.name("namespace")?;
    let owner = owner_in(&mut params)?;
    let states = states_of(&params.text("state")?.unwrap_or_default())?;
    let limit = params.limit()?;
    let before = cursor::run(params.text("continue")?)?;
    params.finish()?;
    let page = shared.service.runs(ListRuns { namespace, owner, states, limit, before }).await?;
    let go_on = page.items.last().filter(|_| page.more).map(|run| cursor::of_run(run.id));
    let items: Vec<WireRun> = page.items.into_iter().map(WireRun::from).collect();
    Ok(Json(List { items, go_on, position: None }).into_response())
}

/// `machine=` or `workspace=`.
fn owner_in(params: &mut Params) -> Answer<Option<(ResourceKind, Name)>> {
    let mut owner = None;
    for kind in ResourceKind::ALL {
        let Some(name) = params.name(kind.noun())? else { continue };
        if owner.replace((kind, name)).is_some() {
            return Err(Problem::bad_request("bad_query", "give machine or workspace, not both"));
        }
    }
    Ok(owner)
}

/// One state or several with commas.
fn states_of(text: &str) -> Answer<Vec<&'static str>> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            STATES.into_iter().find(|state| *state == word).ok_or_else(|| {
                Problem::bad_request("bad_query", format!("state: `{word}` is none of {}", STATES.join(", ")))
            })
        })
        .collect()
}

/// `GET /v1/runs/{id}`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams, Path(id): Path<String>) -> Answer {
    Ok(Json(WireRun::from(shared.service.run(id_of(&id)?).await?)).into_response())
}

/// `GET /v1/runs/{id}/plan`
pub(super) async fn plan(State(shared): State<Shared>, _: NoParams, Path(id): Path<String>) -> Answer {
    Ok(Json(shared.service.plan_of(id_of(&id)?).await?).into_response())
}

/// `POST /v1/runs/{id}/{verb}`
pub(super) async fn verb(
    State(shared): State<Shared>,
    Path((id, verb)): Path<(String, String)>,
    Extension(actor): Extension<Actor>,
    mut params: Params,
) -> Answer {
    let id = id_of(&id)?;
    let force = verb == "cancel" && params.flag("force")?;
    params.finish()?;
    let run = match verb.as_str() {
        "approve" => shared.service.approve(id, &actor).await?,
        "discard" => shared.service.discard(id, &actor).await?,
        "cancel" => shared.service.cancel(id, force, &actor).await?,
        other => {
            let detail = format!("a run has no verb `{other}`; it has approve, discard, cancel");
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_path", detail));
        }
    };
    Ok(Json(WireRun::from(run)).into_response())
}

/// An id in a path. What is no id cannot exist.
pub(super) fn id_of(text: &str) -> Answer<Uuid> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Problem::bad_request("invalid_id", format!("`{shown}` is no id of a run"))
    })
}
