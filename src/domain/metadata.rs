//! What every declared object carries beside its spec: name, labels, versions, times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::fields::Fields;
use super::name::Name;
use super::server_owned::{METADATA, left_out};

/// Bytes of annotations an object may carry, keys and values together, as in Kubernetes.
pub const ANNOTATION_BYTES_MAX: usize = 256 * 1024;

/// Metadata as it is stored and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// DNS label, unique in its namespace.
    pub name: Name,
    /// The tenant.
    pub namespace: Name,
    /// For selecting.
    pub labels: BTreeMap<String, String>,
    /// For people and tools; captd does not read them.
    pub annotations: BTreeMap<String, String>,
    /// Id that is never used again, even when the name is.
    pub uid: Uuid,
    /// Counts the changes of the spec, from 1.
    pub generation: u64,
    /// Changes with every write; the ETag.
    pub resource_version: u64,
    /// When it was first declared.
    pub creation_timestamp: Timestamp,
    /// When its deletion was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
}

/// Metadata as a client declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// May be missing where something else names the object.
    pub name: Option<Name>,
    /// May be missing where the path names it.
    pub namespace: Option<Name>,
    /// For selecting.
    pub labels: BTreeMap<String, String>,
    /// For people and tools.
    pub annotations: BTreeMap<String, String>,
    /// When given, must be the version that is stored.
    pub resource_version: Option<u64>,
    /// Of a document that another server's objects have the form of: the object's id there. Its version means nothing
    /// for an object of another id.
    pub read_from: Option<String>,
    /// Fields that were given and are left out: `status`, `metadata.uid`.
    pub left_out: Vec<String>,
}

impl Declared {
    /// What whoever declared it is told of what was left out: pointer, and sentence.
    #[must_use]
    pub fn note(&self, at: &str) -> Option<(String, String)> {
        let place = if self.left_out.iter().any(|field| field == "status") { "status" } else { "metadata" };
        (!self.left_out.is_empty()).then(|| (format!("{at}/{place}"), left_out(&self.left_out)))
    }

    /// The version that must be stored for it to be written; `uid` is the id of what is there.
    #[must_use]
    pub fn precondition(&self, uid: Uuid) -> Option<u64> {
        let is_of_another = self.read_from.as_ref().is_some_and(|read_from| *read_from != uid.to_string());
        self.resource_version.filter(|_| !is_of_another)
    }
}

/// Reads a `metadata` object. What only the server sets is left out, so that what was read can be sent back;
/// `resourceVersion` is compared. What Kubernetes' rules say of labels and annotations is in `ratchet.rs`.
pub fn declared(fields: &mut Fields<'_, '_>) -> Declared {
    let name = name_field(fields, "name");
    let namespace = name_field(fields, "namespace");
    let labels = fields.text_map("labels").unwrap_or_default();
    let annotations = fields.text_map("annotations").unwrap_or_default();
    if annotations.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() > ANNOTATION_BYTES_MAX {
        fields.problem("annotations", "too_large", format!("annotations hold at most {ANNOTATION_BYTES_MAX} bytes"));
    }
    let resource_version = fields.value("resourceVersion").and_then(|value| {
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if number.is_none() {
            fields.problem("resourceVersion", "wrong_type", "must be a version that captd has given");
        }
        number
    });
    for field in METADATA {
        fields.value(field);
    }
    Declared { name, namespace, labels, annotations, resource_version, ..Declared::default() }
}

/// Reads a field that holds a name.
pub fn name_field(fields: &mut Fields<'_, '_>, field: &'static str) -> Option<Name> {
    let text = fields.text(field)?;
    match Name::parse(&text) {
        Ok(name) => Some(name),
        Err(error) => {
            fields.problem(field, "invalid_name", error.to_string());
            None
        }
    }
}
