//! `/v1/machines`, `/v1/workspaces` and both below `/v1/namespaces/{ns}`.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::body::Document;
use super::params::{NoParams, Params};
use super::path::Path;
use super::problem::{Answer, Problem};
use super::wire::{List, StartedRun, WireResource, WireRun, condition};
use super::{Shared, cursor};
use crate::domain::document::{self, Document as Declaration};
use crate::domain::fields::Fields;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, ResourceKind};
use crate::domain::run::Kind;
use crate::domain::selector::Selector;
use crate::domain::status::Phase;
use crate::service::{Actor, Condition, ListResources, Scale, Written};

type OfKind = Extension<ResourceKind>;

/// The machine or workspace that a path names; which of the two, its router says.
#[derive(Debug, Clone, serde::Deserialize)]
struct Names {
    namespace: String,
    name: String,
}

/// The same, read.
#[derive(Debug)]
pub(super) struct Named(pub(super) Key);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let Path(Names { namespace, name }) = Path::from_request_parts(parts, state).await?;
        let kind = *parts.extensions.get::<ResourceKind>().expect("invariant: each router names its kind");
        Ok(Self(Key { kind, namespace: name_of("namespace", &namespace)?, name: name_of(kind.noun(), &name)? }))
    }
}

/// `GET /v1/machines`
pub(super) async fn list(State(shared): State<Shared>, Extension(kind): OfKind, params: Params) -> Answer {
    answer_list(&shared, kind, None, params).await
}

/// `GET /v1/namespaces/{ns}/machines`
pub(super) async fn list_in_namespace(
    State(shared): State<Shared>,
    Extension(kind): OfKind,
    Path(namespace): Path<String>,
    params: Params,
) -> Answer {
    answer_list(&shared, kind, Some(name_of("namespace", &namespace)?), params).await
}

async fn answer_list(shared: &Shared, kind: ResourceKind, namespace: Option<Name>, mut params: Params) -> Answer {
    let selector = selector_in(&mut params)?;
    let phase = params.text("phase")?.map(|text| phase_of(&text)).transpose()?;
    let limit = params.limit()?;
    let after = cursor::resource(params.text("continue")?)?;
    params.finish()?;
    let page = shared.service.resources(ListResources { kind, namespace, selector, phase, limit, after }).await?;
    let last = page.items.last().filter(|_| page.more).map(|view| &view.resource.metadata);
    let go_on = last.map(|last| cursor::of_resource(&last.namespace, &last.name));
    let items: Vec<WireResource> = page.items.into_iter().map(WireResource::from).collect();
    Ok(Json(List { items, go_on, position: Some(page.position) }).into_response())
}

/// `labelSelector`; absent selects all.
pub(super) fn selector_in(params: &mut Params) -> Answer<Selector> {
    let selector = params.text("labelSelector")?.unwrap_or_default();
    Selector::parse(&selector).map_err(|e| Problem::bad_request("bad_query", format!("labelSelector: {e}")))
}

fn phase_of(text: &str) -> Answer<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| {
        let known: Vec<&str> = Phase::ALL.iter().map(|phase| phase.as_str()).collect();
        Problem::bad_request("bad_query", format!("phase: `{text}` is none of {}", known.join(", ")))
    })
}

/// `POST /v1/namespaces/{ns}/machines`
pub(super) async fn create(
    State(shared): State<Shared>,
    _: NoParams,
    Extension(kind): OfKind,
    Path(namespace): Path<String>,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let namespace = name_of("namespace", &namespace)?;
    let declaration = declaration(kind, &body, &namespace, None)?;
    let applied = shared.service.put_one(declaration, &namespace, Condition::Absent, &actor).await?;
    let key = Key { kind, namespace, name: applied.name.clone() };
    let made = WireResource::from(shared.service.resource(&key).await?);
    let location = made.location(kind);
    Ok(([location], made.respond_to_write(StatusCode::CREATED, &applied.warnings)).into_response())
}

/// `GET …/machines/{name}`
pub(super) async fn read(State(shared): State<Shared>, _: NoParams, Named(key): Named) -> Answer {
    Ok(WireResource::from(shared.service.resource(&key).await?).respond(StatusCode::OK))
}

/// `PUT …/machines/{name}`
pub(super) async fn put(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let declaration = declaration(key.kind, &body, &key.namespace, Some(&key.name))?;
    let applied = shared.service.put_one(declaration, &key.namespace, condition(&headers)?, &actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    let written = WireResource::from(shared.service.resource(&key).await?);
    Ok(written.respond_to_write(status, &applied.warnings))
}

/// `PATCH …/machines/{name}`
pub(super) async fn patch(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let applied = shared.service.patch_resource(&key, &body, condition(&headers)?, &actor).await?;
    let written = WireResource::from(shared.service.resource(&key).await?);
    Ok(written.respond_to_write(StatusCode::OK, &applied.warnings))
}

/// `DELETE …/machines/{name}`
pub(super) async fn delete(
    State(shared): State<Shared>,
    Named(key): Named,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    mut params: Params,
) -> Answer {
    let cascade = params.flag("cascade")?;
    params.finish()?;
    let view = shared.service.delete_resource(&key, cascade, condition(&headers)?, &actor).await?;
    Ok(WireResource::from(view).respond(StatusCode::ACCEPTED))
}

/// `POST …/machines/{name}/{verb}`
pub(super) async fn verb(
    State(shared): State<Shared>,
    _: NoParams,
    Named(key): Named,
    Path(Verb { verb }): Path<Verb>,
    Extension(actor): Extension<Actor>,
    body: Result<Document, Problem>,
) -> Answer {
    let service = &shared.service;
    let run = match (verb.as_str(), key.kind) {
        ("scale", ResourceKind::Machine) => {
            let Document(body) = body?;
            let (written, run) = service.scale(&key, scale_of(&body)?, &actor).await?;
            let status = if run.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
            let answer = json!({"run": run.map(WireRun::from), "result": written.as_str()});
            return Ok((status, Json(answer)).into_response());
        }
        ("plan", _) => service.request_run(&key, Kind::Plan, &actor).await?,
        ("retry", _) => service.request_run(&key, Kind::Apply, &actor).await?,
        ("pause" | "resume", _) => {
            let view = service.set_paused(&key, verb == "pause", &actor).await?;
            return Ok(WireResource::from(view).respond(StatusCode::OK));
        }
        (other, kind) => {
            let scale = if kind == ResourceKind::Machine { "scale, " } else { "" };
            let detail = format!("a {} has no verb `{other}`; it has {scale}plan, retry, pause, resume", kind.noun());
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_path", detail));
        }
    };
    Ok((StatusCode::ACCEPTED, Json(StartedRun { run: Some(run.into()) })).into_response())
}

/// The last part of the path of a verb.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Verb {
    verb: String,
}

fn scale_of(body: &Value) -> Answer<Scale> {
    let mut problems = Problems::default();
    let mut scale = Scale::default();
    if let Some(mut f) = Fields::open(body, "", &mut problems) {
        let mut size = |name, low| f.integer_in(name, low, i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok());
        scale =
            Scale { min_size: size("minSize", 0), max_size: size("maxSize", 1), desired_size: size("desiredSize", 0) };
        f.finish();
    }
    if problems.is_empty() && scale == Scale::default() {
        problems.add("/desiredSize", "required", "give desiredSize, minSize or maxSize");
    }
    problems.into_result(scale).map_err(Problem::invalid)
}

/// Reads the body of a machine or workspace; what it says of its name and namespace must be what the
/// path says.
fn declaration(kind: ResourceKind, body: &Value, namespace: &Name, name: Option<&Name>) -> Answer<Declaration> {
    let mut problems = Problems::default();
    let parsed = document::parse_resource_body(kind, body, &mut problems);
    let Some((mut declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
        return Err(Problem::invalid(problems));
    };
    if declared.namespace.as_ref().is_some_and(|said| said != namespace) {
        problems.add("/metadata/namespace", "mismatch", format!("the path says `{namespace}`"));
    }
    if let Some(name) = name {
        let said = body.pointer("/metadata/name").and_then(Value::as_str);
        if said.is_some_and(|said| said != name.as_str()) {
            problems.add("/metadata/name", "mismatch", format!("the path says `{name}`"));
        }
        declared.name = Some(name.clone());
    }
    problems.into_result(Declaration::Resource(declared, spec)).map_err(Problem::invalid)
}

/// A name in a path. What is no name cannot exist.
pub(super) fn name_of(what: &str, text: &str) -> Answer<Name> {
    Name::parse(text).map_err(|error| Problem::bad_request("invalid_name", format!("{what}: {error}")))
}
