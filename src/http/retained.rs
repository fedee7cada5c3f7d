//! `GET /v1/namespaces/{ns}/retained`: what was deleted and whose resources stayed in the cloud.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Shared;
use super::params::NoParams;
use super::path::Path;
use super::problem::Answer;
use super::resources::name_of;
use super::wire::List;
use crate::domain::document::API_VERSION;

/// `GET …/retained`: declarations, as they were in force last.
pub(super) async fn list(State(shared): State<Shared>, _: NoParams, Path(namespace): Path<String>) -> Answer {
    let retained = shared.service.retained(&name_of("namespace", &namespace)?).await?;
    let wire = |it: &crate::service::Retained| {
        let metadata = json!({"name": it.key.name, "namespace": it.key.namespace, "deletionTimestamp": it.retained_at});
        json!({"apiVersion": API_VERSION, "kind": it.key.kind.title(), "metadata": metadata, "spec": it.spec})
    };
    let items: Vec<Value> = retained.iter().map(wire).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}
