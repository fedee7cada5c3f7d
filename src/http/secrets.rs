//! `/v1/namespaces/{ns}/secrets`: written, listed by their keys, never read back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Shared;
use super::body::Document;
use super::params::NoParams;
use super::path::Path;
use super::problem::{Answer, Problem};
use super::resources::name_of;
use super::wire::List;
use crate::domain::document::{self, API_VERSION, Document as Declaration};
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::secret::Secret;
use crate::service::{Actor, Condition, Written};

type OneSecret = Path<(String, String)>;

fn names_of((namespace, name): &(String, String)) -> Answer<(Name, Name)> {
    Ok((name_of("namespace", namespace)?, name_of("secret", name)?))
}

fn wire(secret: &Secret) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "Secret",
        "metadata": {"name": secret.name, "namespace": secret.namespace, "creationTimestamp": secret.created_at},
        "spec": {"exportTo": secret.export_to},
        "status": {
            "keys": secret.keys, "version": secret.version, "author": secret.author, "changedAt": secret.changed_at,
        },
    })
}

/// `GET …/secrets`
pub(super) async fn list(State(shared): State<Shared>, _: NoParams, Path(namespace): Path<String>) -> Answer {
    let secrets = shared.service.secrets_in(&name_of("namespace", &namespace)?).await?;
    Ok(Json(List { items: secrets.iter().map(wire).collect(), go_on: None, position: None }).into_response())
}

/// `GET …/secrets/{name}`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams, Path(path): OneSecret) -> Answer {
    let (namespace, name) = names_of(&path)?;
    Ok(Json(wire(&shared.service.secret(&namespace, &name).await?)).into_response())
}

/// `PUT …/secrets/{name}`
pub(super) async fn put(
    State(shared): State<Shared>,
    _: NoParams,
    Path(path): OneSecret,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let (namespace, name) = names_of(&path)?;
    let mut problems = Problems::default();
    let parsed = document::parse_secret_body(&body, &mut problems);
    let Some((declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    let declared = Declared { name: Some(name.clone()), namespace: Some(namespace.clone()), ..declared };
    let declaration = Declaration::Secret(declared, spec);
    let applied = shared.service.put_one(declaration, &namespace, Condition::None, &actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(wire(&shared.service.secret(&namespace, &name).await?))).into_response())
}

/// `DELETE …/secrets/{name}`
pub(super) async fn delete(
    State(shared): State<Shared>,
    _: NoParams,
    Path(path): OneSecret,
    Extension(actor): Extension<Actor>,
) -> Answer {
    let (namespace, name) = names_of(&path)?;
    shared.service.delete_secret(&namespace, &name, &actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
