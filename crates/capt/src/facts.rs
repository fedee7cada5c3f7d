//! What a `WorkspaceTemplate` says beside its module. It lies in a file of the uploaded template, so that it is a part
//! of the revision, and that a later request finds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file.
pub const FILE: &str = "capt.json";

/// What stands in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Texts of variables that hold a `${name}`, each bound when the template is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// Variable files, in captd's own form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub var_files: Vec<Value>,
    /// Environment of its runs, in captd's own form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Value>,
    /// The secret that its outputs go into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The provider configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_config: Option<String>,
    /// Whether what it makes stays when it is deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub orphan: bool,
}
