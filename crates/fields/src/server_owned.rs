//! What a server writes into an object and no client declares: what `kubectl get -o yaml` and `captd get -o yaml` print
//! goes back in without it.

use serde_json::{Map, Value};

/// Fields of `metadata` that a server sets. `resourceVersion` is none of them: it is a precondition.
pub const METADATA: [&str; 10] = [
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "managedFields",
    "ownerReferences",
    "selfLink",
    "generateName",
];

/// The fields of a document that its server has set, as `metadata.uid` and `status`.
#[must_use]
pub fn server_owned(document: &Map<String, Value>) -> Vec<String> {
    let is_said = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    let metadata = |field: &str| document.get("metadata").and_then(|metadata| metadata.get(field));
    let metadata = METADATA.iter().filter(|field| is_said(metadata(field)));
    let mut found: Vec<String> = metadata.map(|field| format!("metadata.{field}")).collect();
    if is_said(document.get("status")) {
        found.push("status".to_owned());
    }
    found
}

/// What a reader is told of fields that were left out.
#[must_use]
pub fn left_out(fields: &[String]) -> String {
    format!("left out, since the server sets it and no client: {}", fields.join(", "))
}
