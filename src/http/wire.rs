//! What goes over the wire: the shapes that clients rely on.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::problem::{Answer, Problem};
use crate::domain::document::API_VERSION;
use crate::domain::failure::{Class, Failure};
use crate::domain::health::{HealthIssue, health_issues};
use crate::domain::metadata::Metadata;
use crate::domain::name::Name;
use crate::domain::namespace::NamespaceSpec;
use crate::domain::plan::Summary;
use crate::domain::resource::{ResourceKind, Spec};
use crate::domain::run::{Kind, Outcome, Run, State, Step, Stop, Trigger};
use crate::domain::status::Status;
use crate::domain::warning::Warning;
use crate::service::{Condition, NamespaceView, ResourceView};

/// A list and where it goes on.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    pub(super) go_on: Option<String>,
    /// From which the events after it are followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<i64>,
}

/// A machine or a workspace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireResource {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

impl From<ResourceView> for WireResource {
    fn from(view: ResourceView) -> Self {
        let ResourceView { resource, status } = view;
        let kind = resource.spec.kind().title();
        Self { api_version: API_VERSION, kind, metadata: resource.metadata, spec: resource.spec, status }
    }
}

impl WireResource {
    /// The answer, with its ETag.
    pub(super) fn respond(self, status: StatusCode) -> Response {
        let etag = etag(self.metadata.resource_version);
        (status, [(header::ETAG, etag)], Json(self)).into_response()
    }

    /// The answer to a write, with what its author should hear as headers `Warning`, as Kubernetes gives them.
    pub(super) fn respond_to_write(self, status: StatusCode, warnings: &[Warning]) -> Response {
        let mut response = self.respond(status);
        for Warning { pointer, detail } in warnings {
            let text = format!("{pointer}: {detail}").replace('\\', "\\\\").replace('"', "\\\"");
            // What no header can hold, such as a letter of another alphabet, is in the status and in an apply's answer.
            if let Ok(value) = HeaderValue::from_str(&format!("299 captd \"{text}\"")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }

    /// Its path.
    pub(super) fn location(&self, kind: ResourceKind) -> (HeaderName, String) {
        let (namespace, kind, name) = (&self.metadata.namespace, kind.plural(), &self.metadata.name);
        (header::LOCATION, format!("/v1/namespaces/{namespace}/{kind}/{name}"))
    }
}

/// A namespace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireNamespace {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: NamespaceSpec,
    status: NamespaceStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceStatus {
    machines: u64,
    workspaces: u64,
    nodes_max: u64,
}

impl From<NamespaceView> for WireNamespace {
    fn from(view: NamespaceView) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Namespace",
            metadata: view.namespace.metadata,
            spec: view.namespace.spec,
            status: NamespaceStatus {
                machines: view.usage.machines,
                workspaces: view.usage.workspaces,
                nodes_max: view.usage.nodes,
            },
        }
    }
}

impl WireNamespace {
    /// The answer, with its ETag.
    pub(super) fn respond(self, status: StatusCode) -> Response {
        let etag = etag(self.metadata.resource_version);
        (status, [(header::ETAG, etag)], Json(self)).into_response()
    }
}

const FORCED: &str = "terraform ends at once, or is killed after 60 s: what is being created, changed or deleted at this moment goes on in the cloud and is recorded nowhere. The next run looks for it and takes in what it finds; what a template gives no import id is not found.";

/// A run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRun {
    id: Uuid,
    kind: Kind,
    namespace: Name,
    workspace: Uuid,
    /// Absent for a workspace that stands on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Name>,
    owner: WireOwner,
    generation: u64,
    state: &'static str,
    trigger: Trigger,
    attempt: u32,
    author: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Stop>,
    /// What a person who has asked for something dangerous must know.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
    /// What an apply has begun and not ended: it stands in no state until that is over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    under_way: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<WireFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<Timestamp>,
}

/// Whose a run is.
#[derive(Debug, Serialize)]
struct WireOwner {
    kind: &'static str,
    name: Name,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFailure {
    class: Class,
    message: String,
    remedy: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    health_issues: Vec<HealthIssue>,
}

impl From<&Failure> for WireFailure {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class,
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
            retryable: failure.class.is_retryable(),
            health_issues: health_issues(&failure.message),
        }
    }
}

impl From<Run> for WireRun {
    fn from(run: Run) -> Self {
        let because = match &run.state {
            State::AwaitingApproval(_, because) => because.clone(),
            _ => Vec::new(),
        };
        let next_retry_at = run.ended().and_then(|ended| match &ended.outcome {
            Outcome::Failed { retry_at, .. } => *retry_at,
            _ => None,
        });
        Self {
            state: run.state_word(),
            started_at: run.begun_at(),
            finished_at: run.ended().map(|ended| ended.at),
            summary: run.summary(),
            because,
            approved_by: run.approval().map(|consent| consent.by.clone()),
            warning: run.is_forced().then_some(FORCED),
            under_way: Vec::new(),
            failure: run.failure().map(WireFailure::from),
            stop: run.stop,
            next_retry_at,
            id: run.id,
            kind: run.kind,
            namespace: run.namespace,
            workspace: run.workspace,
            machine: (run.owner == ResourceKind::Machine).then(|| run.name.clone()),
            owner: WireOwner { kind: run.owner.title(), name: run.name },
            generation: run.generation,
            trigger: run.trigger,
            attempt: run.attempt,
            author: run.author,
            created_at: run.created_at,
            steps: run.steps,
        }
    }
}

impl WireRun {
    /// The same, with what it has begun and not ended.
    pub(super) fn with_under_way(self, under_way: Vec<String>) -> Self {
        Self { under_way, ..self }
    }
}

/// The run that a verb has started, or null.
#[derive(Debug, Serialize)]
pub(super) struct StartedRun {
    pub(super) run: Option<WireRun>,
}

/// A resource version as an ETag.
fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The condition that a request sets with `If-Match` or `If-None-Match`.
pub(super) fn condition(headers: &HeaderMap) -> Answer<Condition> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim().to_owned());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Condition::None),
        (None, Some(none)) if none == "*" => Ok(Condition::Absent),
        (Some(only), None) if only == "*" => Ok(Condition::Present),
        (Some(only), None) => {
            let version = only.trim_start_matches("W/").trim_matches('"').parse();
            version.map(Condition::Version).map_err(|_| {
                Problem::bad_request("bad_header", format!("If-Match: `{only}` is no ETag that captd has given"))
            })
        }
        _ => Err(Problem::bad_request("bad_header", "give `If-Match: <ETag>`, `If-Match: *` or `If-None-Match: *`")),
    }
}
