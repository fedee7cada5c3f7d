//! Outputs as Terraform has them in its state, its plans and its answers:
//! `{"name": {"value": …, "sensitive": …}}`.

use serde_json::{Map, Value};

/// The values of the outputs that are not sensitive.
#[must_use]
pub fn visible(outputs: &Map<String, Value>) -> Map<String, Value> {
    let shown = outputs.iter().filter(|(_, output)| !output["sensitive"].as_bool().unwrap_or_default());
    // One that is not known yet has no value at all; one that is null has a null.
    shown.filter_map(|(name, output)| Some((name.clone(), output.get("value")?.clone()))).collect()
}
