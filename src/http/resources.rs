//! `/v1/machines`, `/v1/workspaces` and both below `/v1/namespaces/{ns}`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::{Access, Everywhere, InNamespace, OfKind, OneResource};
use super::body::{Document, differs};
use super::cursor;
use super::params::{NoParams, Params};
use super::problem::{Answer, Problem};
use super::wire::{List, StartedRun, WireResource, WireRun, condition};
use crate::domain::document::{self, Document as Declaration};
use crate::domain::fields::Fields;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, ResourceKind};
use crate::domain::run::Kind;
use crate::domain::selector::Selector;
use crate::domain::status::Phase;
use crate::service::{Condition, ListResources, Scale, Written};

/// `GET /v1/machines`
pub(super) async fn list(Everywhere(access): Everywhere, OfKind(kind): OfKind, params: Params) -> Answer {
    answer_list(&access, kind, None, params).await
}

/// `GET /v1/namespaces/{ns}/machines`
pub(super) async fn list_in_namespace(
    InNamespace { access, namespace }: InNamespace,
    OfKind(kind): OfKind,
    params: Params,
) -> Answer {
    answer_list(&access, kind, Some(namespace), params).await
}

async fn answer_list(access: &Access, kind: ResourceKind, namespace: Option<Name>, mut params: Params) -> Answer {
    let selector = selector_in(&mut params)?;
    let phase = params.text("phase")?.map(|text| phase_of(&text)).transpose()?;
    let limit = params.limit()?;
    let after = cursor::resource(params.text("continue")?)?;
    params.finish()?;
    let page = access.service.resources(ListResources { kind, namespace, selector, phase, limit, after }).await?;
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
    InNamespace { access, namespace }: InNamespace,
    _: NoParams,
    OfKind(kind): OfKind,
    Document(body): Document,
) -> Answer {
    let declaration = declaration(kind, &body, &namespace, None)?;
    let applied = access.service.put_one(declaration, &namespace, Condition::Absent, &access.actor).await?;
    let key = Key { kind, namespace, name: applied.name.clone() };
    let made = WireResource::from(access.service.resource(&key).await?);
    let location = made.location(kind);
    Ok(([location], made.respond_to_write(StatusCode::CREATED, &applied.warnings)).into_response())
}

/// `GET …/machines/{name}`
pub(super) async fn read(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    Ok(WireResource::from(access.service.resource(&key).await?).respond(StatusCode::OK))
}

/// `PUT …/machines/{name}`
pub(super) async fn put(
    OneResource { access, key }: OneResource,
    _: NoParams,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let declaration = declaration(key.kind, &body, &key.namespace, Some(&key.name))?;
    let applied = access.service.put_one(declaration, &key.namespace, condition(&headers)?, &access.actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    let written = WireResource::from(access.service.resource(&key).await?);
    Ok(written.respond_to_write(status, &applied.warnings))
}

/// `PATCH …/machines/{name}`
pub(super) async fn patch(
    OneResource { access, key }: OneResource,
    _: NoParams,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let applied = access.service.patch_resource(&key, &body, condition(&headers)?, &access.actor).await?;
    let written = WireResource::from(access.service.resource(&key).await?);
    Ok(written.respond_to_write(StatusCode::OK, &applied.warnings))
}

/// `DELETE …/machines/{name}`
pub(super) async fn delete(OneResource { access, key }: OneResource, headers: HeaderMap, mut params: Params) -> Answer {
    let (cascade, abandon) = (params.flag("cascade")?, params.flag("abandon")?);
    params.finish()?;
    if cascade && abandon {
        let detail = "with abandon nothing is destroyed, and nothing goes along: leave cascade out";
        return Err(Problem::bad_request("bad_query", detail));
    }
    if abandon {
        let abandoned = access.service.abandon_resource(&key, condition(&headers)?, &access.actor).await?;
        let answer = json!({
            "mayExist": abandoned.may_exist,
            "andMore": abandoned.and_more || abandoned.is_unreadable,
            "retained": abandoned.is_retained,
            "message": abandoned.in_words(),
        });
        return Ok((StatusCode::OK, Json(answer)).into_response());
    }
    let view = access.service.delete_resource(&key, cascade, condition(&headers)?, &access.actor).await?;
    Ok(WireResource::from(view).respond(StatusCode::ACCEPTED))
}

/// `POST …/machines/{name}/scale`
pub(super) async fn scale(OneResource { access, key }: OneResource, _: NoParams, Document(body): Document) -> Answer {
    let (written, run) = access.service.scale(&key, scale_of(&body)?, &access.actor).await?;
    let status = if run.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    let answer = json!({"run": run.map(WireRun::from), "result": written.as_str()});
    Ok((status, Json(answer)).into_response())
}

/// `POST …/machines/{name}/plan`
pub(super) async fn plan(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    start(&access, &key, Kind::Plan).await
}

/// `POST …/machines/{name}/retry`
pub(super) async fn retry(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    start(&access, &key, Kind::Apply).await
}

async fn start(access: &Access, key: &Key, kind: Kind) -> Answer {
    let run = access.service.request_run(key, kind, &access.actor).await?;
    Ok((StatusCode::ACCEPTED, Json(StartedRun { run: Some(run.into()) })).into_response())
}

/// `POST …/machines/{name}/pause`
pub(super) async fn pause(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    set_paused(&access, &key, true).await
}

/// `POST …/machines/{name}/resume`
pub(super) async fn resume(OneResource { access, key }: OneResource, _: NoParams) -> Answer {
    set_paused(&access, &key, false).await
}

async fn set_paused(access: &Access, key: &Key, paused: bool) -> Answer {
    let view = access.service.set_paused(key, paused, &access.actor).await?;
    Ok(WireResource::from(view).respond(StatusCode::OK))
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
    differs(body, "/metadata/namespace", namespace, &mut problems);
    if let Some(name) = name {
        differs(body, "/metadata/name", name, &mut problems);
        declared.name = Some(name.clone());
    }
    problems.into_result(Declaration::Resource(declared, spec)).map_err(Problem::invalid)
}
