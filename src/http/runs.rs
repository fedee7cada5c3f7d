//! `/v1/runs`.

use axum::Json;
use axum::response::IntoResponse;

use super::access::{InQuery, OneRun};
use super::cursor;
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use super::wire::{List, WireRun};
use crate::domain::name::Name;
use crate::domain::resource::ResourceKind;
use crate::domain::run::Run;
use crate::service::{ListRuns, Service};

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
pub(super) async fn list(InQuery { access, namespace, mut params }: InQuery) -> Answer {
    let owner = owner_in(&mut params)?;
    let states = states_of(&params.text("state")?.unwrap_or_default())?;
    let limit = params.limit()?;
    let before = cursor::run(params.text("continue")?)?;
    params.finish()?;
    let page = access.service.runs(ListRuns { namespace, owner, states, limit, before }).await?;
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
pub(super) async fn read(OneRun { access, id }: OneRun, _: NoParams) -> Answer {
    shown(&access.service, access.service.run(id).await?).await
}

/// `GET /v1/runs/{id}/plan`
pub(super) async fn plan(OneRun { access, id }: OneRun, _: NoParams) -> Answer {
    Ok(Json(access.service.plan_of(id).await?).into_response())
}

/// `POST /v1/runs/{id}/approve`
pub(super) async fn approve(OneRun { access, id }: OneRun, _: NoParams) -> Answer {
    Ok(Json(WireRun::from(access.service.approve(id, &access.actor).await?)).into_response())
}

/// `POST /v1/runs/{id}/discard`
pub(super) async fn discard(OneRun { access, id }: OneRun, _: NoParams) -> Answer {
    Ok(Json(WireRun::from(access.service.discard(id, &access.actor).await?)).into_response())
}

/// `POST /v1/runs/{id}/cancel`
pub(super) async fn cancel(OneRun { access, id }: OneRun, mut params: Params) -> Answer {
    let force = params.flag("force")?;
    params.finish()?;
    shown(&access.service, access.service.cancel(id, force, &access.actor).await?).await
}

/// A run, with what it has under way.
async fn shown(service: &Service, run: Run) -> Answer {
    let under_way = service.under_way(&run).await?;
    Ok(Json(WireRun::from(run).with_under_way(under_way)).into_response())
}
