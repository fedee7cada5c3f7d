//! `/v1/namespaces`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::Value;

use super::Shared;
use super::body::Document;
use super::params::NoParams;
use super::path::Path;
use super::problem::{Answer, Problem};
use super::resources::name_of;
use super::wire::{List, WireNamespace, condition};
use crate::domain::document::{self, Document as Declaration};
use crate::domain::problem::Problems;
use crate::service::{Actor, Written};

/// `GET /v1/namespaces`
pub(super) async fn list(State(shared): State<Shared>, _: NoParams) -> Answer {
    let items: Vec<WireNamespace> = shared.service.namespaces().await?.into_iter().map(WireNamespace::from).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// `GET /v1/namespaces/{ns}`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams, Path(namespace): Path<String>) -> Answer {
    let name = name_of("namespace", &namespace)?;
    Ok(WireNamespace::from(shared.service.namespace(&name).await?).respond(StatusCode::OK))
}

/// `PUT /v1/namespaces/{ns}`
pub(super) async fn put(
    State(shared): State<Shared>,
    _: NoParams,
    Path(namespace): Path<String>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let name = name_of("namespace", &namespace)?;
    let mut problems = Problems::default();
    let parsed = document::parse_namespace_body(&body, &mut problems);
    let said = body.pointer("/metadata/name").and_then(Value::as_str);
    if said.is_some_and(|said| said != name.as_str()) {
        problems.add("/metadata/name", "mismatch", format!("the path says `{name}`"));
    }
    let Some(Declaration::Namespace(mut declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    declared.name = Some(name.clone());
    let declaration = Declaration::Namespace(declared, spec);
    let applied = shared.service.put_one(declaration, &name, condition(&headers)?, &actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(WireNamespace::from(shared.service.namespace(&name).await?).respond(status))
}

/// `DELETE /v1/namespaces/{ns}`
pub(super) async fn delete(
    State(shared): State<Shared>,
    _: NoParams,
    Path(namespace): Path<String>,
    Extension(actor): Extension<Actor>,
) -> Answer {
    shared.service.delete_namespace(&name_of("namespace", &namespace)?, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
