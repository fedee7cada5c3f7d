//! `Secret` and `ConfigMap` of Kubernetes become captd's secrets.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use captd_fields::fields::Fields;
use captd_fields::problem::{Problems, pointer_to};
use serde_json::{Value, json};

use crate::kinds::{Kind, kind_of};
use crate::{Conversion, Surroundings, declaration, namespace_of, text_at};

/// Converts one.
pub(crate) fn convert(source: usize, document: &Value, known: &mut Surroundings, conversion: &mut Conversion) {
    let mut problems = Problems::default();
    let at = format!("/{source}");
    let is_secret = kind_of(document) == Kind::Secret;
    let data = Fields::open(document, &at, &mut problems).map(|mut f| {
        for field in ["apiVersion", "kind", "metadata", "status", "type", "immutable"] {
            f.value(field);
        }
        let plain = f.text_map(if is_secret { "stringData" } else { "data" }).unwrap_or_default();
        let encoded = f.text_map(if is_secret { "data" } else { "binaryData" }).unwrap_or_default();
        let place = f.pointer(if is_secret { "data" } else { "binaryData" });
        f.finish();
        (plain, encoded, place)
    });
    let Some(name) = text_at(document, "/metadata/name") else {
        conversion.problems.add(format!("{at}/metadata/name"), "required", "`name` is required");
        return;
    };
    if let Some((plain, encoded, place)) = data {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for (key, text) in encoded {
            // As it is often wrapped.
            let packed: String = text.split_whitespace().collect();
            let decoded = STANDARD.decode(packed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            match decoded {
                Some(text) => drop(texts.insert(key, text)),
                None => {
                    problems.add(pointer_to(&place, &key), "not_base64", "is no base64 of a text; captd keeps texts");
                }
            }
        }
        texts.extend(plain);
        if problems.is_empty() {
            let spec = json!({"data": texts});
            conversion.add(source, declaration("Secret", name, document, &spec));
        }
    }
    known.secrets.insert((namespace_of(document, known), name.to_owned()), None);
    conversion.problems.extend_under("", problems);
}
