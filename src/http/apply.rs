//! `POST /v1/apply`: many documents at once, all or nothing.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::ManyDocuments;
use super::problem::{Answer, Problem};
use crate::service::{Applied, Condition, How};

/// Notes in an answer.
const NOTES_MAX: usize = 1_000;

/// `POST /v1/apply`
pub(super) async fn apply(mut many: ManyDocuments) -> Answer {
    let params = &mut many.params;
    let how = How {
        dry_run: params.flag("dryRun")?,
        skip_unknown: params.flag("skipUnknownKinds")?,
        paused: params.flag("paused")?,
        condition: if params.flag("createOnly")? { Condition::Absent } else { Condition::None },
    };
    params.finish()?;
    let outcome = many.apply(how).await?;
    let items: Vec<_> = outcome.applied.iter().map(wire).collect();
    let (skipped, notes) = (skipped(&outcome.skipped), notes(&outcome.notes));
    Ok(Json(json!({"items": items, "dryRun": how.dry_run, "skipped": skipped, "notes": notes})).into_response())
}

/// `POST /v1/convert`: CAPT's manifests in captd's own form.
pub(super) async fn convert(mut many: ManyDocuments) -> Answer {
    let skip_unknown = many.params.flag("skipUnknownKinds")?;
    many.params.finish()?;
    let conversion = many.convert(skip_unknown).await?;
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
    let kept = notes.iter().take(NOTES_MAX).map(|(pointer, detail)| json!({"pointer": pointer, "detail": detail}));
    let more = notes.len().saturating_sub(NOTES_MAX);
    let last = (more > 0).then(|| json!({"pointer": "", "detail": format!("and {more} more of this kind")}));
    kept.chain(last).collect()
}
