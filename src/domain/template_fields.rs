//! Reads a template's declaration: its files, and what it says of itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::problem::Problems;

/// The file in which a template says what it is.
pub const MANIFEST: &str = "template.yaml";

/// What editors of other systems put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The fields of a manifest.
const FIELDS: [&str; 12] = [
    "description",
    "provider",
    "gateway",
    "modules",
    "protects",
    "importIds",
    "inService",
    "autoscaled",
    "permissions",
    "updatePolicy",
    "env",
    "exportTo",
];

/// Reads a `spec`: text by path, the manifest among it. It stands among the files, or its fields
/// beside them.
pub fn parse_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let mut f = Fields::open(value, at, problems)?;
    let files = f.text_map("files");
    let mut files = f.required("files", files)?;
    for text in files.values_mut().filter(|text| text.starts_with(BYTE_ORDER_MARK)) {
        // Terraform passes over it in .tf files; elsewhere it would be a part of the text.
        text.remove(0);
    }
    let mut manifest = Map::new();
    for field in FIELDS {
        if let Some(value) = f.value(field) {
            manifest.insert(field.to_owned(), value.clone());
            if files.contains_key(MANIFEST) {
                let detail = format!("`{field}` stands in {MANIFEST} among the files; say it there alone");
                f.problem(field, "excluded", detail);
            }
        }
    }
    f.finish();
    if !files.contains_key(MANIFEST) {
        manifest.entry("description").or_insert_with(|| Value::from(""));
        manifest.entry("provider").or_insert_with(|| Value::from("none"));
        // JSON is YAML.
        files.insert(MANIFEST.to_owned(), format!("{:#}\n", Value::Object(manifest)));
    }
    Some(files)
}
