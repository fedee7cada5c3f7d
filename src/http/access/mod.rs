//! Who asks, and whether he may. The use cases lie behind what asks for rights: a handler gets them, and what its path
//! names, from one of the extractors of this folder, which has judged what it parsed.
//!
//! **Invariant:** no handler reaches the use cases but through an extractor that has asked: the state of the router
//! shows nothing of them outside this folder.
//! **Invariant:** rights are judged on what was parsed, never on text; what cannot be judged is refused.

mod backend;
mod documents;
mod named;
mod path;
mod tokens;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

pub(super) use backend::{Backend, unavailable};
pub(super) use documents::ManyDocuments;
pub(super) use named::{InNamespace, InQuery, OneNamed, OneResource, OneRun};
pub(super) use path::Path;
pub use tokens::Tokens;

use super::Version;
use super::followers::Followers;
use super::problem::{Answer, Problem};
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::domain::resource::ResourceKind;
use crate::service::{Actor, Service};

/// In which namespaces somebody must be let in to use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In all of them.
    All,
    /// In the one that the path names.
    Namespace,
    /// In that of the run that the path names.
    Run,
    /// In the one that the parameter `namespace` names, in all where it is left out.
    Query,
    /// In each in which a document of the body lies.
    Documents,
    /// In none: it tells nothing of any.
    Nowhere,
}

/// What a route asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) permission: Permission,
    pub(super) scope: Scope,
    /// Of which kind is what its path names, where it names a machine or a workspace.
    pub(super) kind: Option<ResourceKind>,
}

/// What the API is made of.
#[derive(Debug, Clone)]
pub struct Components {
    /// The use cases.
    pub service: Arc<Service>,
    /// The tokens that let in.
    pub tokens: Tokens,
    /// Those who follow logs and events.
    pub followers: Followers,
    /// Cancelled when the daemon ends: streams end with it.
    pub shutdown: CancellationToken,
    /// What `GET /v1/version` says.
    pub version: Version,
}

/// The state of the router. What it holds only this folder sees.
#[derive(Debug, Clone)]
pub struct Shared(Components);

impl Shared {
    /// Puts it together.
    #[must_use]
    pub fn new(components: Components) -> Self {
        Self(components)
    }

    /// Bytes that a body may have.
    pub(super) fn body_bytes_max(&self) -> u32 {
        self.0.service.config().server.body_bytes_max
    }

    /// Whether the database answers: for this no token is asked.
    pub(super) async fn is_ready(&self) -> crate::service::Result<()> {
        self.0.service.is_ready().await
    }

    /// That its disk is nearly full, in words, if it is.
    pub(super) fn disk_is_low(&self) -> Option<String> {
        self.0.service.disk_is_low()
    }
}

/// What a handler has once it was asked whether he may.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// The use cases.
    pub(super) service: Arc<Service>,
    /// In whose name.
    pub(super) actor: Actor,
    /// Those who follow logs and events.
    pub(super) followers: Followers,
    /// Cancelled when the daemon ends.
    pub(super) shutdown: CancellationToken,
    rights: Rights,
}

impl Access {
    /// Whether he may do this besides what the route asks for.
    pub(super) fn allow(&self, permission: Permission) -> Answer<()> {
        allow(&self.rights, permission)
    }
}

/// Somebody whose route was looked at, and who was not yet asked about a namespace.
#[derive(Debug, Clone)]
struct Entrance {
    rights: Rights,
    components: Components,
}

impl Entrance {
    /// Of this request, whose route must ask for `scope`: one that asks for something else is not judged here.
    fn of(parts: &Parts, shared: &Shared, scope: Scope) -> Answer<Self> {
        let asked = parts.extensions.get::<Asked>().filter(|asked| asked.scope == scope);
        let (Some(_), Some(rights)) = (asked, parts.extensions.get::<Rights>()) else {
            tracing::error!(path = parts.uri.path(), ?scope, "a route asks for something else than its handler");
            return Err(forbidden("nobody may do this: captd cannot tell whom it concerns"));
        };
        Ok(Self { rights: rights.clone(), components: shared.0.clone() })
    }

    fn is_everywhere(&self) -> bool {
        self.rights.is_everywhere()
    }

    fn everywhere(self) -> Answer<Access> {
        if self.is_everywhere() { Ok(self.access()) } else { Err(everywhere(&self.rights)) }
    }

    fn within(self, namespace: &Name) -> Answer<Access> {
        reach(&self.rights, namespace)?;
        Ok(self.access())
    }

    /// After it was asked.
    fn access(self) -> Access {
        let Components { service, followers, shutdown, .. } = self.components;
        let actor = Actor(self.rights.name.clone(), self.rights.authority());
        Access { service, actor, followers, shutdown, rights: self.rights }
    }
}

/// Whoever is let in everywhere.
#[derive(Debug)]
pub(super) struct Everywhere(pub(super) Access);

impl FromRequestParts<Shared> for Everywhere {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        Entrance::of(parts, shared, Scope::All)?.everywhere().map(Self)
    }
}

/// Whether the route is about machines or about workspaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfKind(pub(super) ResourceKind);

impl FromRequestParts<Shared> for OfKind {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Answer<Self> {
        let kind = parts.extensions.get::<Asked>().and_then(|asked| asked.kind);
        Ok(Self(kind.expect("invariant: a route that names machines or workspaces says which")))
    }
}

/// Whoever shows a token, and what captd says to each of them.
#[derive(Debug)]
pub(super) struct Anyone {
    pub(super) rights: Rights,
    pub(super) version: Version,
}

impl FromRequestParts<Shared> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let Entrance { rights, components, .. } = Entrance::of(parts, shared, Scope::Nowhere)?;
        Ok(Self { rights, version: components.version })
    }
}

/// Lets a request on when it shows a token.
pub(super) async fn require(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let Some(rights) = shared.0.tokens.bearer(request.headers()).cloned() else {
        let detail =
            "show the token as `Authorization: Bearer …`; it stands in the file admin.token of the data folder";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    };
    request.extensions_mut().insert(rights);
    next.run(request).await
}

/// Lets a request on to its handler when whoever it is may do this kind of things.
pub(super) async fn permit(State(asked): State<Asked>, mut request: Request, next: Next) -> Response {
    let permitted = match request.extensions().get::<Rights>() {
        Some(rights) => allow(rights, asked.permission),
        None => Err(forbidden("nobody may do this without a token")),
    };
    if let Err(problem) = permitted {
        return problem.into_response();
    }
    request.extensions_mut().insert(asked);
    next.run(request).await
}

fn forbidden(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

fn everywhere(rights: &Rights) -> Problem {
    forbidden(format!(
        "`{}` may ask for one of its namespaces alone ({}), and this is about all",
        rights.name,
        rights.namespaces.join(", ")
    ))
}

/// What whoever is let in to some namespaces alone is told of what lies in none of them, or cannot be read.
fn elsewhere(rights: &Rights, what: &str) -> Problem {
    forbidden(format!("`{}` may do nothing {what}; it may in {}", rights.name, rights.namespaces.join(", ")))
}

/// Whether he reaches a namespace.
fn reach(rights: &Rights, namespace: &Name) -> Answer<()> {
    if rights.reaches(namespace) { Ok(()) } else { Err(elsewhere(rights, &format!("in the namespace `{namespace}`"))) }
}

/// Whether he may do this kind of things.
fn allow(rights: &Rights, permission: Permission) -> Answer<()> {
    if rights.may(permission) {
        return Ok(());
    }
    let has: Vec<&str> = rights.may.iter().map(|permission| permission.as_str()).collect();
    let has = if has.is_empty() { "nothing".to_owned() } else { has.join(", ") };
    Err(forbidden(format!("this needs the permission `{}`, and `{}` has {has}", permission.as_str(), rights.name)))
}
