//! `GET /v1/namespaces/{ns}/retained`: what was deleted and whose resources stayed in the cloud.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::InNamespace;
use super::params::NoParams;
use super::problem::Answer;
use super::wire::List;
use crate::domain::document::API_VERSION;

/// `GET …/retained`: declarations, as they were in force last.
pub(super) async fn list(InNamespace { access, namespace }: InNamespace, _: NoParams) -> Answer {
    let retained = access.service.retained(&namespace).await?;
    let wire = |it: &crate::service::Retained| {
        let metadata = json!({"name": it.key.name, "namespace": it.key.namespace, "deletionTimestamp": it.retained_at});
        json!({"apiVersion": API_VERSION, "kind": it.key.kind.title(), "metadata": metadata, "spec": it.spec})
    };
    let items: Vec<Value> = retained.iter().map(wire).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}
