//! `/v1/namespaces/{ns}/templates`: what there is, uploads, revisions and rollouts.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use captd_variables::{Output, Variable, schema};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::access::{InNamespace, OneNamed, Path};
use super::body::{Document, differs};
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use super::upload::Upload;
use super::wire::List;
use crate::domain::document::{self, API_VERSION, Document as Declaration};
use crate::domain::fields::Fields;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::template::{Provider, UpdatePolicy};
use crate::domain::warning::Warning;
use crate::service::{Condition, Rendering, Revision, RevisionView, RolloutView, TemplateView, Written};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireTemplate<'a> {
    name: &'a Name,
    /// Absent for one that comes with captd.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a Name>,
    revision: &'a str,
    /// The revision that new workspaces take.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'a str>,
    description: &'a str,
    provider: Provider,
    protects: &'a [String],
    import_ids: &'a BTreeMap<String, String>,
    permissions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    update_policy: Option<UpdatePolicy>,
    variables: BTreeMap<&'a str, WireVariable<'a>>,
    outputs: BTreeMap<&'a str, WireOutput<'a>>,
    /// What its author should hear at an upload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
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

impl<'a> From<&'a TemplateView> for WireTemplate<'a> {
    fn from(view: &'a TemplateView) -> Self {
        let template = &view.template;
        Self {
            name: &template.name,
            namespace: view.uploaded.as_ref().map(|uploaded| &uploaded.namespace),
            revision: &template.revision,
            current: view.uploaded.as_ref().map(|uploaded| uploaded.current.as_str()),
            description: &template.manifest.description,
            provider: template.manifest.provider,
            protects: &template.manifest.protects,
            import_ids: &template.manifest.import_ids,
            permissions: &template.manifest.permissions,
            update_policy: view.uploaded.is_some().then_some(template.manifest.update_policy),
            variables: template.variables.iter().map(|(name, it)| (name.as_str(), it.into())).collect(),
            outputs: template.outputs.iter().map(|(name, it)| (name.as_str(), it.into())).collect(),
            warnings: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireRevision {
    revision: String,
    number: u64,
    author: String,
    created_at: Timestamp,
    current: bool,
}

impl From<RevisionView> for WireRevision {
    fn from(view: RevisionView) -> Self {
        let RevisionView { revision, is_current } = view;
        let Revision { revision, number, author, created_at } = revision;
        Self { revision, number, author, created_at, current: is_current }
    }
}

/// `GET …/templates`
pub(super) async fn list(InNamespace { access, namespace }: InNamespace, _: NoParams) -> Answer {
    let templates = access.service.templates(&namespace).await?;
    let items: Vec<WireTemplate<'_>> = templates.iter().map(WireTemplate::from).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// `GET …/templates/{name}`, `?revision=`: the current one, or a certain one.
pub(super) async fn read(one: OneNamed, mut params: Params) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let revision = params.text("revision")?;
    params.finish()?;
    let view = access.service.template(&namespace, &name, revision.as_deref()).await?;
    let mut answer = json!(WireTemplate::from(&view));
    // What was uploaded goes back in as it is printed.
    if let Some(uploaded) = &view.uploaded {
        let files = access.service.template_files(&uploaded.namespace, &uploaded.name, &view.template.revision).await?;
        answer["apiVersion"] = json!(API_VERSION);
        answer["kind"] = json!("WorkspaceTemplate");
        answer["metadata"] = json!({"name": uploaded.name, "namespace": uploaded.namespace});
        answer["spec"] = json!({"files": files});
    }
    Ok(Json(answer).into_response())
}

/// `PUT …/templates/{name}`: another revision becomes the current one. The body is a document or an archive.
pub(super) async fn put(one: OneNamed, _: NoParams, Upload(body): Upload) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let mut problems = Problems::default();
    let parsed = document::parse_template_body(&body, &mut problems);
    differs(&body, "/metadata/name", &name, &mut problems);
    differs(&body, "/metadata/namespace", &namespace, &mut problems);
    let Some((declared, files)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    let declared = Declared { name: Some(name.clone()), namespace: Some(namespace.clone()), ..declared };
    let declaration = Declaration::Template(declared, files);
    let applied = access.service.put_one(declaration, &namespace, Condition::None, &access.actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    let view = access.service.template(&namespace, &name, None).await?;
    Ok((status, Json(WireTemplate { warnings: applied.warnings, ..WireTemplate::from(&view) })).into_response())
}

/// `DELETE …/templates/{name}`
pub(super) async fn delete(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    access.service.delete_template(&namespace, &name, &access.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET …/templates/{name}/revisions`: newest first.
pub(super) async fn revisions(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let revisions = access.service.template_revisions(&namespace, &name).await?;
    let items: Vec<WireRevision> = revisions.into_iter().map(WireRevision::from).collect();
    Ok(Json(List { items, go_on: None, position: None }).into_response())
}

/// The last part of a revision's path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct One {
    revision: String,
}

/// `GET …/templates/{name}/revisions/{revision}`: its files as they were uploaded.
pub(super) async fn files(one: OneNamed, _: NoParams, Path(One { revision }): Path<One>) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let files = access.service.template_files(&namespace, &name, &revision).await?;
    Ok(Json(json!({"revision": revision, "files": files})).into_response())
}

/// `GET …/templates/{name}/rendered`: what terraform would get, but for the values.
pub(super) async fn rendered(one: OneNamed, mut params: Params) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let (revision, provider) = (params.text("revision")?, params.text("providerConfig")?);
    let region = params.text("region")?;
    params.finish()?;
    let asked = Rendering { revision: revision.as_deref(), provider: provider.as_deref(), region: region.as_deref() };
    let files = access.service.rendered_template(&namespace, &name, asked).await?;
    Ok(Json(json!({"files": files})).into_response())
}

/// `POST …/templates/{name}/rollback {"revision": …}`
pub(super) async fn roll_back(one: OneNamed, _: NoParams, Document(body): Document) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let mut problems = Problems::default();
    let mut revision = None;
    if let Some(mut f) = Fields::open(&body, "", &mut problems) {
        let read = f.text("revision");
        revision = f.required("revision", read);
        f.finish();
    }
    let Some(revision) = revision.filter(|_| problems.is_empty()) else { return Err(Problem::invalid(problems)) };
    let view = access.service.roll_template_back(&namespace, &name, &revision, &access.actor).await?;
    Ok(Json(WireTemplate::from(&view)).into_response())
}

/// `GET …/templates/{name}/rollout`
pub(super) async fn rollout(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    Ok(Json(wire_rollout(&access.service.rollout(&namespace, &name).await?)).into_response())
}

/// `POST …/templates/{name}/rollout`: it begins, or goes on.
pub(super) async fn start_rollout(one: OneNamed, _: NoParams) -> Answer {
    let OneNamed { access, namespace, name } = one;
    let view = access.service.start_rollout(&namespace, &name, &access.actor).await?;
    Ok((StatusCode::ACCEPTED, Json(wire_rollout(&view))).into_response())
}

fn wire_rollout(view: &RolloutView) -> Value {
    let followers: Vec<Value> = view
        .followers
        .iter()
        .map(|follower| {
            let key = &follower.key;
            json!({"kind": key.kind.title(), "namespace": key.namespace, "name": key.name, "stage": follower.stage})
        })
        .collect();
    json!({
        "template": view.uploaded.name,
        "revision": view.uploaded.current,
        "state": view.state(),
        "updatePolicy": view.policy,
        "since": view.uploaded.changed_at,
        "followers": followers,
        "pinned": view.pinned,
    })
}
