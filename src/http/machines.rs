//! `/v1/machines` and `/v1/namespaces/{ns}/machines`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::body::Document;
use super::params::Params;
use super::path::Path;
use super::problem::{Answer, Problem};
use super::wire::{List, StartedRun, WireMachine, WireRun, condition};
use super::{Shared, cursor};
use crate::domain::document::{self, Document as Declaration};
use crate::domain::fields::Fields;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::run::Kind;
use crate::domain::selector::Selector;
use crate::domain::status::Phase;
use crate::service::{Actor, Condition, ListMachines, Scale, Written};

type InNamespace = Path<String>;
type OneMachine = Path<(String, String)>;

/// `GET /v1/machines`
pub(super) async fn list(State(shared): State<Shared>, params: Params) -> Answer {
    answer_list(&shared, None, params).await
}

/// `GET /v1/namespaces/{ns}/machines`
pub(super) async fn list_in_namespace(
    State(shared): State<Shared>,
    Path(namespace): InNamespace,
    params: Params,
) -> Answer {
    answer_list(&shared, Some(name_of("namespace", &namespace)?), params).await
}

async fn answer_list(shared: &Shared, namespace: Option<Name>, mut params: Params) -> Answer {
    let selector = selector_in(&mut params)?;
    let phase = params.text("phase")?.map(|text| phase_of(&text)).transpose()?;
    let limit = params.limit()?;
    let after = cursor::machine(params.text("continue")?)?;
    params.finish()?;
    let page = shared.service.machines(ListMachines { namespace, selector, phase, limit, after }).await?;
    let last = page.items.last().filter(|_| page.more);
    let go_on = last.map(|view| cursor::of_machine(&view.machine.metadata.namespace, &view.machine.metadata.name));
    let items: Vec<WireMachine> = page.items.into_iter().map(WireMachine::from).collect();
    Ok(Json(List { items, go_on }).into_response())
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
    Path(namespace): InNamespace,
    Extension(actor): Extension<Actor>,
    Document(body): Document,
) -> Answer {
    let namespace = name_of("namespace", &namespace)?;
    let declaration = declaration(&body, &namespace, None)?;
    let applied = shared.service.put_one(declaration, &namespace, Condition::Absent, &actor).await?;
    let machine = WireMachine::from(shared.service.machine(&namespace, &applied.name).await?);
    let location = machine.location();
    Ok(([location], machine.respond(StatusCode::CREATED)).into_response())
}

/// `GET …/machines/{name}`
pub(super) async fn read(State(shared): State<Shared>, Path(path): OneMachine) -> Answer {
    let (namespace, name) = names_of(&path)?;
    answer(&shared, &namespace, &name, StatusCode::OK).await
}

/// `PUT …/machines/{name}`
pub(super) async fn put(
    State(shared): State<Shared>,
    Path(path): OneMachine,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let (namespace, name) = names_of(&path)?;
    let declaration = declaration(&body, &namespace, Some(&name))?;
    let applied = shared.service.put_one(declaration, &namespace, condition(&headers)?, &actor).await?;
    let status = if applied.written == Written::Created { StatusCode::CREATED } else { StatusCode::OK };
    answer(&shared, &namespace, &name, status).await
}

/// `PATCH …/machines/{name}`
pub(super) async fn patch(
    State(shared): State<Shared>,
    Path(path): OneMachine,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    Document(body): Document,
) -> Answer {
    let (namespace, name) = names_of(&path)?;
    shared.service.patch_machine(&namespace, &name, &body, condition(&headers)?, &actor).await?;
    answer(&shared, &namespace, &name, StatusCode::OK).await
}

/// `DELETE …/machines/{name}`
pub(super) async fn delete(
    State(shared): State<Shared>,
    Path(path): OneMachine,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
) -> Answer {
    let (namespace, name) = names_of(&path)?;
    let view = shared.service.delete_machine(&namespace, &name, condition(&headers)?, &actor).await?;
    Ok(WireMachine::from(view).respond(StatusCode::ACCEPTED))
}

/// `POST …/machines/{name}/{verb}`
pub(super) async fn verb(
    State(shared): State<Shared>,
    Path((namespace, name, verb)): Path<(String, String, String)>,
    Extension(actor): Extension<Actor>,
    body: Result<Document, Problem>,
) -> Answer {
    let (namespace, name) = names_of(&(namespace, name))?;
    let service = &shared.service;
    let run = match verb.as_str() {
        "scale" => {
            let Document(body) = body?;
            let (written, run) = service.scale(&namespace, &name, scale_of(&body)?, &actor).await?;
            let status = if run.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
            let answer = json!({"run": run.map(WireRun::from), "result": written.as_str()});
            return Ok((status, Json(answer)).into_response());
        }
        "plan" => Some(service.request_run(&namespace, &name, Kind::Plan, &actor).await?),
        "retry" => Some(service.request_run(&namespace, &name, Kind::Apply, &actor).await?),
        "pause" | "resume" => {
            let view = service.set_paused(&namespace, &name, verb == "pause").await?;
            return Ok(WireMachine::from(view).respond(StatusCode::OK));
        }
        other => {
            let detail = format!("a machine has no verb `{other}`; it has scale, plan, retry, pause, resume");
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_path", detail));
        }
    };
    let status = if run.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(StartedRun { run: run.map(Into::into) })).into_response())
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

async fn answer(shared: &Shared, namespace: &Name, name: &Name, status: StatusCode) -> Answer<Response> {
    Ok(WireMachine::from(shared.service.machine(namespace, name).await?).respond(status))
}

/// Reads the body of a machine; what it says of its name and namespace must be what the path says.
fn declaration(body: &Value, namespace: &Name, name: Option<&Name>) -> Answer<Declaration> {
    let mut problems = Problems::default();
    let parsed = document::parse_machine_body(body, &mut problems);
    let Some(Declaration::Machine(mut declared, spec)) = parsed.filter(|_| problems.is_empty()) else {
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
    problems.into_result(Declaration::Machine(declared, spec)).map_err(Problem::invalid)
}

fn names_of((namespace, name): &(String, String)) -> Answer<(Name, Name)> {
    Ok((name_of("namespace", namespace)?, name_of("machine", name)?))
}

/// A name in a path. What is no name cannot exist.
pub(super) fn name_of(what: &str, text: &str) -> Answer<Name> {
    Name::parse(text).map_err(|error| Problem::bad_request("invalid_name", format!("{what}: {error}")))
}
