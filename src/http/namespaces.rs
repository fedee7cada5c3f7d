//! `/v1/namespaces`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;

use super::access::{Everywhere, InNamespace, Path};
use super::body::{Document, differs};
use super::name_of;
use super::params::NoParams;
use super::problem::{Answer, Problem};
use super::wire::{List, WireNamespace, condition};
use crate::domain::document::{self, Document as Declaration};
use crate::domain::problem::Problems;
use crate::service::Written;

/// `GET /v1/namespaces`
pub(super) async fn list(Everywhere(access): Everywhere, _: NoParams) -> Answer {
    let items: Vec<WireNamespace> = access.service.namespaces().await?.into_iter().map(WireNamespace::from).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// `GET /v1/namespaces/{ns}`
pub(super) async fn read(InNamespace { access, namespace: name }: InNamespace, _: NoParams) -> Answer {
    Ok(WireNamespace::from(access.service.namespace(&name).await?).respond(StatusCode::OK))
}

/// `PUT /v1/namespaces/{ns}`
pub(super) async fn put(
    InNamespace { access, namespace: name }: InNamespace,
    _: NoParams,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let mut problems = Problems::default();
    let parsed = document::parse_namespace_body(&body, &mut problems);
    for pointer in ["/metadata/name", "/metadata/namespace"] {
        differs(&body, pointer, &name, &mut problems);
    }
    let Some(Declaration::Namespace(mut declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    declared.name = Some(name.clone());
    let declaration = Declaration::Namespace(declared, spec);
    let applied = access.service.put_one(declaration, &name, condition(&headers)?, &access.actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(WireNamespace::from(access.service.namespace(&name).await?).respond(status))
}

/// `DELETE /v1/namespaces/{ns}`
pub(super) async fn delete(Everywhere(access): Everywhere, _: NoParams, Path(namespace): Path<String>) -> Answer {
    access.service.delete_namespace(&name_of("namespace", &namespace)?, &access.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
