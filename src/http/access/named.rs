//! What a path or a query names, handed out to whoever is let in where it lies.
//!
//! **Invariant:** whoever is let in to some namespaces alone is told the same of what lies elsewhere, of what does not
//! exist, and of what is not a name or an id.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use super::{Access, Entrance, OfKind, Path, Scope, Shared, elsewhere, everywhere};
use crate::domain::name::Name;
use crate::domain::resource::Key;
use crate::http::params::Params;
use crate::http::problem::{Answer, Problem};
use crate::http::{id_of, name_of};
use crate::service::Error;

/// The variable parts of the path by their names, decoded.
struct Segments(BTreeMap<String, String>);

impl Segments {
    async fn of(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let Path(segments) = Path::from_request_parts(parts, shared).await?;
        Ok(Self(segments))
    }

    /// A part that the route's pattern has.
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// The namespace that the path names.
#[derive(Debug)]
pub(in crate::http) struct InNamespace {
    pub(in crate::http) access: Access,
    pub(in crate::http) namespace: Name,
}

impl InNamespace {
    async fn with_segments(parts: &mut Parts, shared: &Shared) -> Answer<(Self, Segments)> {
        let entrance = Entrance::of(parts, shared, Scope::Namespace)?;
        let segments = Segments::of(parts, shared).await?;
        let namespace = name_of("namespace", segments.get("namespace"));
        let namespace = namespace.map_err(|problem| unless_everywhere(&entrance, problem, "there"))?;
        Ok((Self { access: entrance.within(&namespace)?, namespace }, segments))
    }
}

impl FromRequestParts<Shared> for InNamespace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        Ok(Self::with_segments(parts, shared).await?.0)
    }
}

/// The machine or workspace that the path names.
#[derive(Debug)]
pub(in crate::http) struct OneResource {
    pub(in crate::http) access: Access,
    /// By what it is known; whether it exists, the use case says.
    pub(in crate::http) key: Key,
}

impl FromRequestParts<Shared> for OneResource {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let (InNamespace { access, namespace }, segments) = InNamespace::with_segments(parts, shared).await?;
        let OfKind(kind) = OfKind::from_request_parts(parts, shared).await?;
        let name = name_of(kind.noun(), segments.get("name"))?;
        Ok(Self { access, key: Key { kind, namespace, name } })
    }
}

/// A secret or a template: what else has a name in a namespace.
#[derive(Debug)]
pub(in crate::http) struct OneNamed {
    pub(in crate::http) access: Access,
    pub(in crate::http) namespace: Name,
    pub(in crate::http) name: Name,
}

impl FromRequestParts<Shared> for OneNamed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let (InNamespace { access, namespace }, segments) = InNamespace::with_segments(parts, shared).await?;
        Ok(Self { access, namespace, name: name_of("name", segments.get("name"))? })
    }
}

/// The run that the path names.
#[derive(Debug)]
pub(in crate::http) struct OneRun {
    pub(in crate::http) access: Access,
    /// The run; for whoever is let in everywhere, the use case says whether it exists.
    pub(in crate::http) id: Uuid,
}

impl FromRequestParts<Shared> for OneRun {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let entrance = Entrance::of(parts, shared, Scope::Run)?;
        let segments = Segments::of(parts, shared).await?;
        let id = id_of(segments.get("id"));
        let id = id.map_err(|problem| unless_everywhere(&entrance, problem, "with this run"))?;
        if entrance.is_everywhere() {
            return Ok(Self { access: entrance.everywhere()?, id });
        }
        let namespace = match entrance.components.service.run(id).await {
            Ok(run) => Some(run.namespace),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        match namespace.filter(|namespace| entrance.rights.reaches(namespace)) {
            Some(namespace) => Ok(Self { access: entrance.within(&namespace)?, id }),
            None => Err(elsewhere(&entrance.rights, "with this run")),
        }
    }
}

/// The namespace that the query names, or all.
#[derive(Debug)]
pub(in crate::http) struct InQuery {
    pub(in crate::http) access: Access,
    pub(in crate::http) namespace: Option<Name>,
    /// What else the query says.
    pub(in crate::http) params: Params,
}

impl FromRequestParts<Shared> for InQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let entrance = Entrance::of(parts, shared, Scope::Query)?;
        let read = Params::from_request_parts(parts, shared).await;
        let read = read.and_then(|mut params| Ok((params.name("namespace")?, params)));
        let (namespace, params) = match read {
            Ok(read) => read,
            Err(problem) if entrance.is_everywhere() => return Err(problem),
            Err(_) => return Err(everywhere(&entrance.rights)),
        };
        let access = match &namespace {
            Some(namespace) => entrance.within(namespace)?,
            None => entrance.everywhere()?,
        };
        Ok(Self { access, namespace, params })
    }
}

/// What is wrong with a name or an id, for whoever is let in everywhere; for others it is as if it lay elsewhere.
fn unless_everywhere(entrance: &Entrance, problem: Problem, what: &str) -> Problem {
    if entrance.is_everywhere() { problem } else { elsewhere(&entrance.rights, what) }
}
