//! Query parameters: each is asked for by name, and one that nobody asked for is an error.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::problem::{Answer, Problem};
use crate::domain::name::Name;

/// Entries on a page when nothing is said.
const LIMIT: u32 = 100;
/// Entries on a page at most.
const LIMIT_MAX: u32 = 500;

/// The query parameters that were not taken yet.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        query.map(|Query(pairs)| Self(pairs)).map_err(|error| Problem::bad_request("bad_query", error.to_string()))
    }
}

/// The query of an address that takes no parameters: any is refused.
#[derive(Debug)]
pub(super) struct NoParams;

impl<S: Sync> FromRequestParts<S> for NoParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        Params::from_request_parts(parts, state).await?.finish().map(|()| Self)
    }
}

impl Params {
    /// Takes a parameter out; twice is an error.
    pub(super) fn text(&mut self, name: &str) -> Answer<Option<String>> {
        let Some(index) = self.0.iter().position(|(known, _)| known == name) else { return Ok(None) };
        let (_, value) = self.0.remove(index);
        if self.0.iter().any(|(known, _)| known == name) {
            return Err(Problem::bad_request("bad_query", format!("the parameter `{name}` is given twice")));
        }
        Ok(Some(value))
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(&mut self, name: &str) -> Answer<bool> {
        match self.text(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true" | "") => Ok(true),
            Some(other) => {
                Err(Problem::bad_request("bad_query", format!("{name}: `{other}` is neither true nor false")))
            }
        }
    }

    /// Entries on a page.
    pub(super) fn limit(&mut self) -> Answer<u32> {
        let Some(text) = self.text("limit")? else { return Ok(LIMIT) };
        match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            _ => Err(Problem::bad_request("bad_query", format!("limit: `{text}` is no number from 1 to {LIMIT_MAX}"))),
        }
    }

    /// A name.
    pub(super) fn name(&mut self, parameter: &str) -> Answer<Option<Name>> {
        let text = self.text(parameter)?;
        let parsed = text.map(|text| Name::parse(&text)).transpose();
        parsed.map_err(|error| Problem::bad_request("bad_query", format!("{parameter}: {error}")))
    }

    /// Ends the reading: whatever is left is unknown.
    pub(super) fn finish(&self) -> Answer<()> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad_request("bad_query", format!("unknown parameter `{name}`"))),
        }
    }
}
