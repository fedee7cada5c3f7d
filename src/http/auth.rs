//! Who asks, and whether he may: everything but health asks for a token.
//!
//! **Invariant:** a route of which nothing is said here is the admin's alone, but for reading.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Shared;
use super::problem::{Answer, Problem};
use crate::config::Client;
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::service::Actor;

/// The tokens that let in: the admin's, and those of clients, as hashes.
#[derive(Clone)]
pub struct Tokens(Arc<Vec<Client>>);

impl Tokens {
    /// Takes the admin's token, and the clients of the configuration.
    #[must_use]
    pub fn new(admin: &str, clients: &[Client]) -> Self {
        let admin = Client { rights: Rights::admin(), token_sha256: Sha256::digest(admin.as_bytes()).into() };
        Self(Arc::new(std::iter::once(admin).chain(clients.iter().cloned()).collect()))
    }

    /// Whose token is shown.
    fn whose(&self, shown: &str) -> Option<&Rights> {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        // All are compared, whichever it is.
        self.0.iter().fold(None, |found, client| {
            if bool::from(client.token_sha256.ct_eq(&shown)) { Some(&client.rights) } else { found }
        })
    }

    /// Whether it is the admin's.
    pub(super) fn is_admin(&self, shown: &str) -> bool {
        self.whose(shown).is_some_and(|rights| rights.may(Permission::Admin) && rights.is_everywhere())
    }
}

impl std::fmt::Debug for Tokens {
    /// Never a hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// Below a machine or workspace, what is not `write`.
const OF_ONE: &[(&str, Method, Permission)] = &[
    ("/state", Method::GET, Permission::Reveal),
    ("/state", Method::POST, Permission::Admin),
    ("/eject", Method::GET, Permission::Reveal),
    ("/eject", Method::POST, Permission::Admin),
    ("/state/rollback", Method::POST, Permission::Admin),
    ("/state/trust", Method::POST, Permission::Admin),
    ("/state/lock", Method::DELETE, Permission::Admin),
];
/// What is written by whoever may write, below `/v1` or a namespace.
const WRITTEN: &[&str] = &[
    "/machines",
    "/machines/{name}",
    "/machines/{name}/",
    "/machines/{name}/{verb}",
    "/workspaces",
    "/workspaces/{name}",
    "/workspaces/{name}/",
    "/workspaces/{name}/{verb}",
    "/secrets/{name}",
    "/retry",
    "/discover",
    "/apply",
    "/runs/{id}/{verb}",
];

/// What a route needs. `path` is its pattern. What an apply needs besides, it asks itself; [`check`] knows the verbs of runs.
fn needed(method: &Method, path: &str) -> Permission {
    // What is answered to HEAD is made as for GET.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let below = path.strip_prefix("/v1/namespaces/{namespace}").or_else(|| path.strip_prefix("/v1")).unwrap_or(path);
    let of_one = ["/machines/{name}", "/workspaces/{name}"].iter().find_map(|one| below.strip_prefix(one));
    let special = of_one.and_then(|rest| OF_ONE.iter().find(|(end, of, _)| *end == rest && of == method));
    if let Some((.., permission)) = special {
        return *permission;
    }
    match method {
        &Method::GET => Permission::Read,
        _ if below == "/convert" => Permission::Read,
        _ if WRITTEN.contains(&below) => Permission::Write,
        _ => Permission::Admin,
    }
}

/// Lets a request on when it shows a token that may do it, with the actor that it speaks for.
pub(super) async fn require(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown =
        shown.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some(rights) = shown.and_then(|(_, secret)| shared.tokens.whose(secret.trim())).cloned() else {
        let detail =
            "show the token as `Authorization: Bearer …`; it stands in the file admin.token of the data folder";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    };
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if let Err(problem) = check(&shared, &rights, &path, &method, &uri).await {
        return problem.into_response();
    }
    request.extensions_mut().insert(Actor(rights.name.clone(), rights.authority()));
    request.extensions_mut().insert(rights);
    next.run(request).await
}

/// Whether he may; `path` is the pattern of the route.
async fn check(shared: &Shared, rights: &Rights, path: &str, method: &Method, uri: &Uri) -> Answer<()> {
    let is_verdict = ["/approve", "/discard"].iter().any(|verb| uri.path().ends_with(verb));
    let needed = match path {
        "/v1/runs/{id}/{verb}" if is_verdict => Permission::Approve,
        _ => needed(method, path),
    };
    allow(rights, needed)?;
    if rights.is_everywhere() {
        return Ok(());
    }
    // Its part of the world is what its namespaces hold.
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["v1", "namespaces", namespace, ..] => reach(rights, namespace),
        ["v1", "runs", id, ..] => {
            let run = uuid::Uuid::try_parse(id).ok();
            let run = match run {
                Some(id) => shared.service.run(id).await?,
                None => return Ok(()),
            };
            reach(rights, run.namespace.as_str())
        }
        // These look at the namespaces of what is asked for themselves.
        ["v1", "apply" | "convert" | "version" | "whoami"] => Ok(()),
        ["v1", "runs" | "events"] => {
            let query = uri.query().unwrap_or_default();
            let named = query.split('&').find_map(|pair| pair.strip_prefix("namespace="));
            named.map_or_else(|| Err(everywhere(rights)), |namespace| reach(rights, namespace))
        }
        _ => Err(everywhere(rights)),
    }
}

fn everywhere(rights: &Rights) -> Problem {
    let detail = format!(
        "`{}` may ask for one of its namespaces alone ({}), and this is about all",
        rights.name,
        rights.namespaces.join(", ")
    );
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

/// Whether he reaches a namespace.
pub(super) fn reach(rights: &Rights, namespace: &str) -> Answer<()> {
    if Name::parse(namespace).is_ok_and(|namespace| rights.reaches(&namespace)) {
        return Ok(());
    }
    let own = rights.namespaces.join(", ");
    let detail = format!("`{}` may do nothing in the namespace `{namespace}`; it may in {own}", rights.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// Whether he may do this kind of things.
pub(super) fn allow(rights: &Rights, permission: Permission) -> Answer<()> {
    if rights.may(permission) {
        return Ok(());
    }
    let has: Vec<&str> = rights.may.iter().map(|permission| permission.as_str()).collect();
    let has = if has.is_empty() { "nothing".to_owned() } else { has.join(", ") };
    let detail = format!("this needs the permission `{}`, and `{}` has {has}", permission.as_str(), rights.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}
