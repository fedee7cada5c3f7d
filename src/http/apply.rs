//! `POST /v1/apply`: many documents at once, all or nothing.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Shared;
use super::auth::{allow, reach};
use super::body::Documents;
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::service::{Actor, Applied, Condition, How};

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
    let how = How {
        dry_run: params.flag("dryRun")?,
        skip_unknown: params.flag("skipUnknownKinds")?,
        paused: params.flag("paused")?,
        condition: if params.flag("createOnly")? { Condition::Absent } else { Condition::None },
    };
    params.finish()?;
    let outcome = shared.service.apply(&documents, &namespace, how, &actor).await?;
    let items: Vec<_> = outcome.applied.iter().map(wire).collect();
    let (skipped, notes) = (skipped(&outcome.skipped), notes(&outcome.notes));
    Ok(Json(json!({"items": items, "dryRun": how.dry_run, "skipped": skipped, "notes": notes})).into_response())
}

/// `POST /v1/convert`: CAPT's manifests in captd's own form.
pub(super) async fn convert(
    State(shared): State<Shared>,
    Extension(rights): Extension<Rights>,
    mut params: Params,
    Documents(documents): Documents,
) -> Answer {
    let namespace = params.name("namespace")?.unwrap_or_else(Name::default_namespace);
    check_places(&rights, &documents, &namespace)?;
    let skip_unknown = params.flag("skipUnknownKinds")?;
    params.finish()?;
    let conversion = shared.service.convert(&documents, &namespace, skip_unknown).await?;
    if !conversion.problems.is_empty() {
        return Err(Problem::invalid(conversion.problems));
    }
    let items: Vec<_> = conversion.documents.into_iter().map(|converted| converted.value).collect();
    let (skipped, notes) = (skipped(&conversion.skipped), notes(&conversion.notes));
    Ok(Json(json!({"items": items, "skipped": skipped, "notes": notes})).into_response())
}

fn wire(one: &Applied) -> Value {
    let mut item = json!({"kind": one.kind, "name": one.name, "result": one.written.as_str()});
    if let Some(namespace) = &one.namespace {
        item["namespace"] = json!(namespace);
    }
    if !one.warnings.is_empty() {
        item["warnings"] = json!(one.warnings);
    }
    item
}

/// Documents that were passed over.
fn skipped(skipped: &[(usize, String)]) -> Vec<Value> {
    skipped.iter().map(|(document, kind)| json!({"document": document, "kind": kind})).collect()
}

/// What was done with fields that have no place in captd.
fn notes(notes: &[(String, String)]) -> Vec<Value> {
    notes.iter().map(|(pointer, detail)| json!({"pointer": pointer, "detail": detail})).collect()
}

/// Templates and namespaces are the admin's to write, and each document lies in a namespace of the client's.
fn check_rights(rights: &Rights, documents: &[Value], namespace: &Name) -> Answer<()> {
    for document in documents {
        let kind = document["kind"].as_str().unwrap_or_default();
        if ["WorkspaceTemplate", "Namespace"].contains(&kind) {
            allow(rights, Permission::Admin)?;
        }
        if kind == "Namespace" {
            reach(rights, document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default())?;
        }
    }
    check_places(rights, documents, namespace)
}

fn check_places(rights: &Rights, documents: &[Value], namespace: &Name) -> Answer<()> {
    documents.iter().try_for_each(|document| {
        let said = document.pointer("/metadata/namespace").and_then(Value::as_str);
        reach(rights, said.unwrap_or(namespace.as_str()))
    })
}
