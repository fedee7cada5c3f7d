//! `GET /v1/namespaces/{ns}/graph`: who needs whom.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Shared;
use super::params::NoParams;
use super::path::Path;
use super::problem::Answer;
use super::resources::name_of;
use crate::domain::resource::Key;

/// `GET …/graph`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams, Path(namespace): Path<String>) -> Answer {
    let graph = shared.service.graph(&name_of("namespace", &namespace)?).await?;
    let nodes: Vec<Value> = graph
        .nodes
        .iter()
        .map(|node| {
            let mut wire = key(&node.resource.key());
            wire["phase"] = json!(node.status.phase);
            wire["ready"] = json!(node.status.ready);
            wire["template"] = json!(node.resource.spec.template().name);
            wire
        })
        .collect();
    let edges: Vec<Value> = graph
        .edges
        .iter()
        .map(|(from, need)| {
            let mut edge = json!({"from": key(from), "to": key(&need.target)});
            if let Some(input) = &need.input {
                edge["variable"] = json!(input.variable);
                edge["output"] = json!(input.output);
            }
            edge
        })
        .collect();
    Ok(Json(json!({"nodes": nodes, "edges": edges})).into_response())
}

fn key(key: &Key) -> Value {
    json!({"kind": key.kind.title(), "namespace": key.namespace, "name": key.name})
}
