//! `/v1/namespaces/{ns}/secrets`: written, listed by their keys, never read back.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::{InNamespace, OneNamed};
use super::body::{Document, differs};
use super::params::NoParams;
use super::problem::{Answer, Problem};
use super::wire::List;
use crate::domain::document::{self, API_VERSION, Document as Declaration};
use crate::domain::metadata::Declared;
use crate::domain::problem::Problems;
use crate::domain::secret::Secret;
use crate::service::{Condition, Written};

fn wire(secret: &Secret) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "Secret",
        "metadata": {"name": secret.name, "namespace": secret.namespace, "creationTimestamp": secret.created_at,
            "resourceVersion": secret.version},
        "spec": {"exportTo": secret.export_to},
        "status": {
            "keys": secret.keys, "version": secret.version, "author": secret.author, "changedAt": secret.changed_at,
        },
    })
}

/// `GET …/secrets`
pub(super) async fn list(InNamespace { access, namespace }: InNamespace, _: NoParams) -> Answer {
    let secrets = access.service.secrets_in(&namespace).await?;
    Ok(Json(List { items: secrets.iter().map(wire).collect(), go_on: None, position: None }).into_response())
}

/// `GET …/secrets/{name}`
pub(super) async fn read(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    Ok(Json(wire(&access.service.secret(&namespace, &name).await?)).into_response())
}

/// `PUT …/secrets/{name}`
pub(super) async fn put(one: OneNamed, _: NoParams, Document(body): Document) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let mut problems = Problems::default();
    let parsed = document::parse_secret_body(&body, &mut problems);
    differs(&body, "/metadata/name", &name, &mut problems);
    differs(&body, "/metadata/namespace", &namespace, &mut problems);
    let Some((declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    let declared = Declared { name: Some(name.clone()), namespace: Some(namespace.clone()), ..declared };
    let declaration = Declaration::Secret(declared, spec);
    let applied = access.service.put_one(declaration, &namespace, Condition::None, &access.actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(wire(&access.service.secret(&namespace, &name).await?))).into_response())
}

/// `DELETE …/secrets/{name}`
pub(super) async fn delete(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    access.service.delete_secret(&namespace, &name, &access.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
