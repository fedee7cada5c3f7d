//! What stands in a path, percent-decoded; what cannot be decoded is a problem like any other.

use axum::extract::{FromRequestParts, Path as Segments};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::{Answer, Problem};

/// The variable parts of a path.
#[derive(Debug)]
pub(in crate::http) struct Path<T>(pub(in crate::http) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let segments = Segments::<T>::from_request_parts(parts, state).await;
        segments.map(|Segments(value)| Self(value)).map_err(|error| Problem::bad_request("bad_path", error.body_text()))
    }
}
