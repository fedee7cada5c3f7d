//! `/v1/namespaces/{ns}/templates`, for reading.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;

use super::Shared;
use super::machines::name_of;
use super::path::Path;
use super::problem::Answer;
use super::wire::List;
use crate::domain::name::Name;
use crate::domain::template::{Provider, Template, Variable};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireTemplate<'a> {
    name: &'a Name,
    revision: &'a str,
    description: &'a str,
    provider: Provider,
    protects: &'a [String],
    import_ids: &'a BTreeMap<String, String>,
    variables: &'a BTreeMap<String, Variable>,
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
            variables: &template.variables,
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
