//! Outputs as Terraform prints them: `{"name": {"value": …, "sensitive": …}}`.

use serde_json::{Map, Value};

/// The outputs that are not sensitive, of `terraform output -json` or of the `planned_values` of
/// a plan. `None` when the text is none.
#[must_use]
pub fn parse(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str::<Value>(text).ok()?.as_object().map(visible)
}

/// The values of the outputs that are not sensitive.
#[must_use]
pub fn visible(outputs: &Map<String, Value>) -> Map<String, Value> {
    let shown = outputs.iter().filter(|(_, output)| !output["sensitive"].as_bool().unwrap_or_default());
    // One that is not known yet has no value at all; one that is null has a null.
    shown.filter_map(|(name, output)| Some((name.clone(), output.get("value")?.clone()))).collect()
}
