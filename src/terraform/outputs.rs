//! The answer of `terraform output -json`.

use serde_json::{Map, Value};

use crate::domain::outputs::visible;

/// The outputs that are not sensitive. `None` when the text is none.
#[must_use]
pub fn parse(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str::<Value>(text).ok()?.as_object().map(visible)
}
