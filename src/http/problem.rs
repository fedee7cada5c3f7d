//! Errors as `application/problem+json` (RFC 9457): the one place that maps errors to statuses.

use std::any::Any;

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::problem::Problems;
use crate::service::Error;

/// Seconds after which it may be tried again, where that may help.
const RETRY_AFTER_SECONDS: u32 = 5;

/// An error as it is answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Box<Problems>>,
    /// How many there are besides those in `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<usize>,
}

/// Result of a handler.
pub(super) type Answer<T = Response> = Result<T, Problem>;

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            errors: None,
            more: None,
        }
    }

    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn invalid(errors: Problems) -> Self {
        let (count, more) = (errors.count(), Some(errors.more()).filter(|more| *more > 0));
        let listed = match more {
            Some(_) => format!("the first {} are listed in errors", errors.as_slice().len()),
            None => "listed in errors".to_owned(),
        };
        let detail = format!("{count} thing{} wrong, {listed}", if count == 1 { " is" } else { "s are" });
        Self { errors: Some(Box::new(errors)), more, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// Its sentence.
    pub(super) fn into_detail(self) -> String {
        self.detail
    }

    /// Whether it is an error of captd's own.
    pub(super) fn is_internal(&self) -> bool {
        self.status == StatusCode::INTERNAL_SERVER_ERROR.as_u16()
    }

    /// One text for outside; the whole goes to the log.
    fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed for a reason that is not its own");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an error of captd's own; its log says which")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
            Error::Gone(_) => Self::new(StatusCode::GONE, "gone", detail),
            Error::Invalid(problems) => Self::invalid(problems),
            Error::Conflict { code, .. } => Self::new(StatusCode::CONFLICT, code, detail),
            Error::Precondition(_) => Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", detail),
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            Error::LimitReached(_) => Self::new(StatusCode::FORBIDDEN, "limit_reached", detail),
            Error::QueueFull(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", detail),
            Error::NotChecked(_) => {
                tracing::error!(detail, "an upload cannot be checked");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_checked", detail)
            }
            Error::NotLooked(_) => Self::new(StatusCode::BAD_GATEWAY, "not_looked", detail),
            Error::Store(error) if error.is_busy() => {
                tracing::warn!(%error, "another process holds the database");
                let detail = "another process holds captd's database (a shell of sqlite3, a copying tool); nothing was changed, ask again when it has ended";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_busy", detail)
            }
            Error::Store(error) if error.is_disk_full() => {
                tracing::error!(%error, "the disk of the data folder is full");
                let detail =
                    "the disk of captd's data folder is full; make room there, and ask again: nothing was stored";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            Error::KeyFile(_) => {
                tracing::error!(detail, "the keys cannot be rotated");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "key_file", detail)
            }
            Error::Store(_) | Error::State { .. } | Error::File { .. } => Self::internal(&detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}

/// No route has this path.
pub(super) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_path", format!("there is nothing at {}", uri.path()))
}

/// The path is known, the method is not.
pub(super) async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    let detail = format!("{} does not take {method}; the header Allow names what it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", detail)
}

/// A handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the panic itself")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(&text.unwrap_or("a panic without words")).into_response()
}
