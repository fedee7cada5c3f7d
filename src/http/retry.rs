//! `POST /v1/retry` and `POST /v1/namespaces/{ns}/retry`: another try for many machines.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::{Access, Everywhere, InNamespace};
use super::params::Params;
use super::problem::Answer;
use super::resources::selector_in;
use super::wire::WireRun;
use crate::domain::name::Name;
use crate::service::Retried;

/// `POST /v1/retry`
pub(super) async fn everywhere(Everywhere(access): Everywhere, params: Params) -> Answer {
    retry(&access, None, params).await
}

/// `POST /v1/namespaces/{ns}/retry`
pub(super) async fn in_namespace(InNamespace { access, namespace }: InNamespace, params: Params) -> Answer {
    retry(&access, Some(namespace), params).await
}

async fn retry(access: &Access, namespace: Option<Name>, mut params: Params) -> Answer {
    let selector = selector_in(&mut params)?;
    params.finish()?;
    let retried = access.service.retry_all(namespace.as_ref(), &selector, &access.actor).await?;
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
