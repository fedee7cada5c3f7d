//! `POST /v1/apply`: many documents at once, all or nothing.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Shared;
use super::auth::{allow, reach};
use super::body::Documents;
use super::params::Params;
use super::problem::Answer;
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::service::Actor;

/// `POST /v1/apply`
pub(super) async fn apply(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Extension(rights): Extension<Rights>,
    mut params: Params,
    Documents(documents): Documents,
) -> Answer {
    let namespace = params.name("namespace")?.unwrap_or_else(Name::default_namespace);
    check_rights(&rights, &documents, &namespace)?;
    let dry_run = params.flag("dryRun")?;
    params.finish()?;
    let applied = shared.service.apply(&documents, &namespace, dry_run, &actor).await?;
    let items: Vec<_> = applied
        .iter()
        .map(|one| {
            let mut item = json!({"kind": one.kind, "name": one.name, "result": one.written.as_str()});
            if let Some(namespace) = &one.namespace {
                item["namespace"] = json!(namespace);
            }
            if !one.warnings.is_empty() {
                item["warnings"] = json!(one.warnings);
            }
            item
        })
        .collect();
    Ok(Json(json!({"items": items, "dryRun": dry_run})).into_response())
}

/// Templates and namespaces are the admin's to write, and each document lies in a namespace of the client's.
fn check_rights(rights: &Rights, documents: &[Value], namespace: &Name) -> Answer<()> {
    for document in documents {
        let kind = document["kind"].as_str().unwrap_or_default();
        if ["WorkspaceTemplate", "Namespace"].contains(&kind) {
            allow(rights, Permission::Admin)?;
        }
        reach(rights, document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(namespace.as_str()))?;
    }
    Ok(())
}
