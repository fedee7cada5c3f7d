//! `GET /v1/namespaces/{ns}/graph`: who needs whom.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::InNamespace;
use super::params::NoParams;
use super::problem::Answer;
use crate::domain::resource::Key;

/// `GET …/graph`
pub(super) async fn read(InNamespace { access, namespace }: InNamespace, _: NoParams) -> Answer {
    let graph = access.service.graph(&namespace).await?;
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
