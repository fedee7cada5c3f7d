//! Request bodies: read within the limit, parsed as what they say they are.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::Shared;
use super::problem::{Answer, Problem};
use super::strict::{self, DOCUMENTS_MAX};
use crate::domain::document::unpacked;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::state::BYTES_MAX;

/// The documents of a body: several in YAML, or in a JSON list, or in a `List` of Kubernetes.
#[derive(Debug)]
pub(super) struct Documents(pub(super) Vec<Value>);

/// The one document of a body.
#[derive(Debug)]
pub(super) struct Document(pub(super) Value);

impl FromRequest<Shared> for Documents {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Answer<Self> {
        let documents = read(request, shared).await?;
        let documents: Vec<Value> = documents.into_iter().flat_map(unpacked).take(DOCUMENTS_MAX + 1).collect();
        if documents.len() > DOCUMENTS_MAX {
            let detail = format!("the body holds more than {DOCUMENTS_MAX} documents; send them in several requests");
            return Err(Problem::bad_request("too_many_documents", detail));
        }
        if documents.is_empty() {
            return Err(Problem::bad_request("empty_body", "the body holds no document"));
        }
        Ok(Self(documents))
    }
}

impl FromRequest<Shared> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Answer<Self> {
        let mut documents = read(request, shared).await?;
        match (documents.pop(), documents.len()) {
            (Some(document), 0) => Ok(Self(document)),
            (None, _) => Err(Problem::bad_request("empty_body", "the body is empty; this address takes one document")),
            (Some(_), others) => Err(Problem::bad_request(
                "too_many_documents",
                format!("the body holds {} documents; this address takes one, and POST /v1/apply many", others + 1),
            )),
        }
    }
}

/// Finds what a body says at `pointer` when that is not what the path says: nobody's word is passed over.
pub(super) fn differs(body: &Value, pointer: &str, path: &Name, problems: &mut Problems) {
    let said = body.pointer(pointer).filter(|said| !said.is_null());
    if said.is_some_and(|said| said.as_str() != Some(path.as_str())) {
        problems.add(pointer, "mismatch", format!("the path says `{path}`"));
    }
}

/// The bytes of a state.
///
/// # Errors
/// When there are too many, or the body was cut short.
pub(super) async fn state_bytes(body: Body) -> Answer<Bytes> {
    to_bytes(body, BYTES_MAX).await.map_err(|_| {
        let detail = format!("a state has at most {BYTES_MAX} bytes, or it was cut short");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })
}

async fn read(request: Request, shared: &Shared) -> Answer<Vec<Value>> {
    let is_yaml = is_yaml(request.headers())?;
    let bytes = bytes(request, shared).await?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Problem::bad_request("not_utf8", format!("the body is no UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    // Editors of other systems begin a file with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = if is_yaml {
        strict::yaml(text)
    } else if text.trim().is_empty() {
        Ok(Vec::new())
    } else {
        strict::json(text).map(|value| vec![value])
    };
    parsed.map_err(|detail| Problem::bad_request("malformed", detail))
}

/// The bytes of a body, within the limit.
pub(super) async fn bytes(request: Request, shared: &Shared) -> Answer<Bytes> {
    let limit = shared.body_bytes_max();
    to_bytes(request.into_body(), limit as usize).await.map_err(|_| {
        let detail = format!("the body is longer than server.body_bytes_max, {limit} bytes, or was cut short");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })
}

/// JSON is what is taken when nothing is said.
fn is_yaml(headers: &HeaderMap) -> Answer<bool> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(false) };
    let text = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(true),
        "" | "application/json" | "application/merge-patch+json" | "application/x-www-form-urlencoded" => Ok(false),
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unknown_media_type",
            format!("`{other}` is not taken; send application/json or application/yaml"),
        )),
    }
}
