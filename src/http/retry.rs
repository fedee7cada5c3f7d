//! `POST /v1/retry` and `POST /v1/namespaces/{ns}/retry`: another try for many machines.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Shared;
use super::params::Params;
use super::path::Path;
use super::problem::Answer;
use super::resources::{name_of, selector_in};
use super::wire::WireRun;
use crate::domain::name::Name;
use crate::service::{Actor, Retried};

/// `POST /v1/retry`
pub(super) async fn everywhere(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    params: Params,
) -> Answer {
    retry(&shared, None, params, &actor).await
}

/// `POST /v1/namespaces/{ns}/retry`
pub(super) async fn in_namespace(
    State(shared): State<Shared>,
    Path(namespace): Path<String>,
    Extension(actor): Extension<Actor>,
    params: Params,
) -> Answer {
    retry(&shared, Some(name_of("namespace", &namespace)?), params, &actor).await
}

async fn retry(shared: &Shared, namespace: Option<Name>, mut params: Params, actor: &Actor) -> Answer {
    let selector = selector_in(&mut params)?;
    params.finish()?;
    let retried = shared.service.retry_all(namespace.as_ref(), &selector, actor).await?;
    let items: Vec<Value> = retried.into_iter().map(item).collect();
    Ok(Json(json!({"items": items})).into_response())
}

fn item(retried: Retried) -> Value {
    let Retried { key, run } = retried;
    let (kind, namespace, name) = (key.kind.title(), key.namespace, key.name);
    match run {
        Ok(run) => json!({"kind": kind, "namespace": namespace, "name": name, "run": WireRun::from(run)}),
        Err(why) => {
            json!({"kind": kind, "namespace": namespace, "name": name, "run": null, "code": why.code, "reason": why.reason})
        }
    }
}
