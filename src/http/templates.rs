//! `/v1/namespaces/{ns}/templates`, for reading.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use captd_variables::{Output, Variable, schema};
use serde::Serialize;
use serde_json::Value;

use super::Shared;
use super::path::Path;
use super::problem::Answer;
use super::resources::name_of;
use super::wire::List;
use crate::domain::name::Name;
use crate::domain::template::{Provider, Template};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireTemplate<'a> {
    name: &'a Name,
    revision: &'a str,
    description: &'a str,
    provider: Provider,
    protects: &'a [String],
    import_ids: &'a BTreeMap<String, String>,
    variables: BTreeMap<&'a str, WireVariable<'a>>,
    outputs: BTreeMap<&'a str, WireOutput<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireVariable<'a> {
    required: bool,
    #[serde(rename = "type")]
    of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a Value>,
    nullable: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    validations: Vec<WireValidation<'a>>,
    /// JSON Schema of its values.
    schema: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireValidation<'a> {
    condition: &'a str,
    error_message: &'a str,
}

#[derive(Debug, Serialize)]
struct WireOutput<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
}

impl<'a> From<&'a Variable> for WireVariable<'a> {
    fn from(variable: &'a Variable) -> Self {
        let validations = variable.validations.iter();
        Self {
            required: variable.is_required(),
            of: variable.of.to_string(),
            description: variable.description.as_deref(),
            default: variable.default.as_ref(),
            nullable: variable.is_nullable,
            sensitive: variable.is_sensitive,
            validations: validations
                .map(|it| WireValidation { condition: &it.condition, error_message: &it.error_message })
                .collect(),
            schema: schema(&variable.of),
        }
    }
}

impl<'a> From<&'a Output> for WireOutput<'a> {
    fn from(output: &'a Output) -> Self {
        Self { description: output.description.as_deref(), sensitive: output.is_sensitive }
    }
}

impl<'a> From<&'a Template> for WireTemplate<'a> {
    fn from(template: &'a Template) -> Self {
        Self {
            name: &template.name,
            revision: &template.revision,
            description: &template.manifest.description,
            provider: template.manifest.provider,
            protects: &template.manifest.protects,
            import_ids: &template.manifest.import_ids,
            variables: template.variables.iter().map(|(name, it)| (name.as_str(), it.into())).collect(),
            outputs: template.outputs.iter().map(|(name, it)| (name.as_str(), it.into())).collect(),
        }
    }
}

/// `GET …/templates`
pub(super) async fn list(State(shared): State<Shared>, Path(namespace): Path<String>) -> Answer {
    let templates = shared.service.templates(&name_of("namespace", &namespace)?).await?;
    let items: Vec<WireTemplate<'_>> = templates.into_iter().map(WireTemplate::from).collect();
    Ok(Json(List { items, go_on: None }).into_response())
}

/// `GET …/templates/{name}`
pub(super) async fn read(State(shared): State<Shared>, Path((namespace, name)): Path<(String, String)>) -> Answer {
    let (namespace, name) = (name_of("namespace", &namespace)?, name_of("template", &name)?);
    Ok(Json(WireTemplate::from(shared.service.template(&namespace, &name).await?)).into_response())
}
