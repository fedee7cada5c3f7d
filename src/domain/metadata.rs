//! What every declared object carries beside its spec: name, labels, versions, times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::fields::Fields;
use super::name::Name;
use super::problem::{Problems, pointer_to};

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
}

/// Reads a `metadata` object. What only the server sets is accepted and not used, so that what
/// was read can be sent back; `resourceVersion` is compared.
pub fn declared(fields: &mut Fields<'_, '_>) -> Declared {
    let name = name_field(fields, "name");
    let namespace = name_field(fields, "namespace");
    let labels = fields.text_map("labels").unwrap_or_default();
    let at = fields.pointer("labels");
    let mut problems = Problems::default();
    for (key, value) in &labels {
        if let Err(detail) = check_label(key, value) {
            problems.add(pointer_to(&at, key), "invalid_label", detail);
        }
    }
    fields.absorb(problems);
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
    for server_set in ["uid", "generation", "creationTimestamp", "deletionTimestamp"] {
        fields.value(server_set);
    }
    Declared { name, namespace, labels, annotations, resource_version }
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

/// Checks a label by the rules of Kubernetes.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_label(key: &str, value: &str) -> Result<(), String> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if let Some(prefix) = prefix {
        let labels_fit = prefix.split('.').all(|label| Name::parse(label).is_ok());
        if prefix.len() > 253 || !labels_fit {
            return Err(format!("the prefix `{prefix}` must be a DNS name of at most 253 characters"));
        }
    }
    if !is_qualified(name, 1) {
        return Err(format!(
            "the key `{name}` must have 1–63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends"
        ));
    }
    if !is_qualified(value, 0) {
        return Err(format!(
            "the value `{value}` must have at most 63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends"
        ));
    }
    Ok(())
}

fn is_qualified(text: &str, length_min: usize) -> bool {
    let ends_fit = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    (length_min..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && ends_fit(text.chars().next())
        && ends_fit(text.chars().next_back())
}
