//! Many documents at once, each judged by where it lies: as it says itself before anything is looked up for it, and
//! once more when it was read.

use axum::extract::{FromRequest, FromRequestParts, Request};
use serde_json::Value;

use super::{Entrance, Scope, Shared, allow, elsewhere, reach};
use crate::domain::document::Document;
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::http::body::Documents;
use crate::http::params::Params;
use crate::http::problem::{Answer, Problem};
use crate::service::{Conversion, Error, How, Outcome};

/// The documents of a body, all of which lie where whoever sends them is let in.
#[derive(Debug)]
pub(in crate::http) struct ManyDocuments {
    entrance: Entrance,
    documents: Vec<Value>,
    namespace: Name,
    /// What else the query says.
    pub(in crate::http) params: Params,
}

impl FromRequest<Shared> for ManyDocuments {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Answer<Self> {
        let (mut parts, body) = request.into_parts();
        let entrance = Entrance::of(&parts, shared, Scope::Documents)?;
        let mut params = Params::from_request_parts(&mut parts, shared).await?;
        let namespace = params.name("namespace")?.unwrap_or_else(Name::default_namespace);
        let Documents(documents) = Documents::from_request(Request::from_parts(parts, body), shared).await?;
        documents.iter().try_for_each(|document| judge_said(&entrance.rights, document, &namespace))?;
        Ok(Self { entrance, documents, namespace, params })
    }
}

impl ManyDocuments {
    /// Writes them, when all that was read is his to write.
    pub(in crate::http) async fn apply(self, how: How) -> Answer<Outcome> {
        let Self { entrance, documents, namespace, .. } = self;
        let rights = entrance.rights.clone();
        let access = entrance.access();
        let judge = |document: &Document, home: &Name| judge_read(&rights, document, home);
        Ok(access.service.apply(&documents, &namespace, how, &access.actor, judge).await?)
    }

    /// Turns them into captd's own form.
    pub(in crate::http) async fn convert(self, skip_unknown: bool) -> Answer<Conversion> {
        let Self { entrance, documents, namespace, .. } = self;
        let converted = entrance.access().service.convert(&documents, &namespace, skip_unknown).await?;
        Ok(converted.in_own_form())
    }
}

/// By what a document says of itself, whatever it is.
fn judge_said(rights: &Rights, document: &Value, home: &Name) -> Answer<()> {
    if rights.is_everywhere() {
        return Ok(());
    }
    let said = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let is_namespace = said("/kind") == Some("Namespace");
    let places = [said("/metadata/namespace"), said("/metadata/name").filter(|_| is_namespace)];
    for place in places.into_iter().flatten() {
        match Name::parse(place) {
            Ok(namespace) => reach(rights, &namespace)?,
            Err(_) => return Err(elsewhere(rights, "where this document lies")),
        }
    }
    if places == [None, None] { reach(rights, home) } else { Ok(()) }
}

/// By what was read.
fn judge_read(rights: &Rights, document: &Document, home: &Name) -> Result<(), Error> {
    let (declared, needed) = match document {
        Document::Resource(declared, _) | Document::Secret(declared, _) => (declared, Permission::Write),
        Document::Template(declared, _) | Document::Namespace(declared, _) => (declared, Permission::Admin),
    };
    let place = match document {
        // One without a name is written nowhere.
        Document::Namespace(..) => declared.name.as_ref(),
        _ => Some(declared.namespace.as_ref().unwrap_or(home)),
    };
    allow(rights, needed)
        .and_then(|()| place.map_or(Ok(()), |place| reach(rights, place)))
        .map_err(|problem| Error::Forbidden(problem.into_detail()))
}
