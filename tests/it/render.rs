//! Rendering: what a user types comes out of the real Terraform as it was typed, files are put where
//! they belong, templates are found.

mod hostile;
mod library;
mod lost;
mod materialise;
mod provider;
mod quote;
mod values;

use std::path::Path;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::support::terraform_says as run;

/// Applies what is in `folder` and reads its outputs back.
fn apply(folder: &Path) -> Map<String, Value> {
    // Here no captd keeps the state; where there is no such file, Terraform keeps it in the folder.
    std::fs::remove_file(folder.join("captd_backend.tf")).ok();
    run(folder, &["init", "-input=false", "-no-color"]);
    run(folder, &["apply", "-auto-approve", "-input=false", "-no-color"]);
    captd::terraform::outputs::parse(&run(folder, &["output", "-json"])).unwrap()
}

/// The form in which Terraform keeps every string.
fn nfc(text: &str) -> String {
    text.nfc().collect()
}
