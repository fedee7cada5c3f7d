//! The body of an upload: a document, or an archive that stands for the files of one.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::Shared;
use super::body::{Document, bytes};
use super::problem::{Answer, Problem};
use crate::render::unpack;

/// A template as it is sent: `{"spec": {"files": …}}`.
#[derive(Debug)]
pub(super) struct Upload(pub(super) Value);

impl FromRequest<Shared> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Answer<Self> {
        let Some(is_gzip) = archive(request.headers())? else {
            let Document(document) = Document::from_request(request, shared).await?;
            return Ok(Self(document));
        };
        let bytes = bytes(request, shared).await?;
        let files = unpack(&bytes, is_gzip).map_err(Problem::invalid)?;
        Ok(Self(json!({"spec": {"files": files}})))
    }
}

/// Whether it is an archive, and then whether it is gzipped.
fn archive(headers: &HeaderMap) -> Answer<Option<bool>> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let encoding = text(header::CONTENT_ENCODING).filter(|encoding| encoding != "identity");
    match (media_type.as_str(), encoding.as_deref()) {
        ("application/x-tar" | "application/tar", None) => Ok(Some(false)),
        ("application/x-tar" | "application/tar", Some("gzip" | "x-gzip"))
        | ("application/gzip" | "application/x-gzip", None) => Ok(Some(true)),
        (_, None) => Ok(None),
        (_, Some(encoding)) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unknown_media_type",
            format!(
                "`{media_type}` in the encoding `{encoding}` is not taken; send application/x-tar (plain or with Content-Encoding: gzip), application/gzip, application/json or application/yaml"
            ),
        )),
    }
}
