//! The table of routes: what each is, what it needs, where, and who answers. The router is made of it, and so is the
//! table in the README; a test tries every line with every right.
//!
//! **Invariant:** there is no way into the API besides the lines of this table.

use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::access::{Asked, Scope, Shared, permit};
use super::{
    apply, discover, drain, eject, events, gateway, graph, health, hold, keys, logs, namespaces, resources, retained,
    retry, runs, secrets, states, templates,
};
use crate::domain::permission::Permission::{self, Admin, Approve, Read, Reveal, Write};
use crate::domain::resource::ResourceKind;

/// Stands in a path for `machines` and for `workspaces`.
const BOTH: &str = "{machines,workspaces}";

/// What answers a method.
type Serve = fn(MethodFilter) -> MethodRouter<Shared>;

/// A line of the table; with [`BOTH`] in its path it stands for two routes.
#[derive(Debug)]
struct Line(Method, &'static str, Permission, Scope, Serve, &'static str);

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method. GET stands for HEAD too.
    pub method: Method,
    /// The path, with its variable parts in braces.
    pub path: String,
    /// What whoever uses it must be permitted.
    pub permission: Permission,
    /// Where.
    pub scope: Scope,
    /// What it does, in a line.
    pub does: &'static str,
    asked: Asked,
    serve: Serve,
}

#[rustfmt::skip]
const TABLE: &[Line] = &[
    Line(Method::GET,    "/v1/namespaces", Read, Scope::All, |m| on(m, namespaces::list), "every namespace"),
    Line(Method::GET,    "/v1/namespaces/{namespace}", Read, Scope::Namespace, |m| on(m, namespaces::read), "a tenant: its defaults, limits, policy, provider configurations"),
    Line(Method::PUT,    "/v1/namespaces/{namespace}", Admin, Scope::Namespace, |m| on(m, namespaces::put), "its defaults; all else, and a new one, only with `admin` in all namespaces"),
    Line(Method::DELETE, "/v1/namespaces/{namespace}", Admin, Scope::All, |m| on(m, namespaces::delete), "removes one that holds nothing"),

    Line(Method::GET,    "/v1/{machines,workspaces}", Read, Scope::All, |m| on(m, resources::list), "of all namespaces (`labelSelector`, `phase`, `limit`, `continue`)"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}", Read, Scope::Namespace, |m| on(m, resources::list_in_namespace), "the same, of one"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}", Write, Scope::Namespace, |m| on(m, resources::create), "creates one"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}", Read, Scope::Namespace, |m| on(m, resources::read), "one, with its status"),
    Line(Method::PUT,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}", Write, Scope::Namespace, |m| on(m, resources::put), "creates or replaces; `If-Match` and `If-None-Match: *` are kept"),
    Line(Method::PATCH,  "/v1/namespaces/{namespace}/{machines,workspaces}/{name}", Write, Scope::Namespace, |m| on(m, resources::patch), "a JSON merge patch"),
    Line(Method::DELETE, "/v1/namespaces/{namespace}/{machines,workspaces}/{name}", Write, Scope::Namespace, |m| on(m, resources::delete), "destroys first; `cascade=true` takes along, in order, what needs it; `abandon=true` destroys nothing and keeps the state"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/machines/{name}/scale", Write, Scope::Namespace, |m| on(m, resources::scale), "numbers of nodes; 202 with the run"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/plan", Write, Scope::Namespace, |m| on(m, resources::plan), "a run that shows a plan; 202 with the run"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/retry", Write, Scope::Namespace, |m| on(m, resources::retry), "another try; 202 with the run"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/pause", Write, Scope::Namespace, |m| on(m, resources::pause), "no run begins by itself"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/resume", Write, Scope::Namespace, |m| on(m, resources::resume), "runs begin by themselves again"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/outputs/{output}", Read, Scope::Namespace, |m| on(m, states::output), "one output; a sensitive one with `reveal=true`, which needs `reveal`"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state", Reveal, Scope::Namespace, |m| on(m, states::pull), "Terraform's state (`version`)"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state", Admin, Scope::Namespace, |m| on(m, states::push), "hands one in (`forward=true`)"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state/versions", Read, Scope::Namespace, |m| on(m, states::versions), "which versions of it are kept"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state/rollback", Admin, Scope::Namespace, |m| on(m, states::roll_back), "an old version is copied forward"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state/trust", Admin, Scope::Namespace, |m| on(m, states::trust), "the one that is kept is the true one"),
    Line(Method::DELETE, "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/state/lock", Admin, Scope::Namespace, |m| on(m, states::unlock), "ends a person's lock"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/eject", Reveal, Scope::Namespace, |m| on(m, eject::files), "a folder of plain Terraform (`asItIs=true`)"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/{machines,workspaces}/{name}/eject", Admin, Scope::Namespace, |m| on(m, eject::let_go), "captd lets go of it, with the `serial` of that folder"),

    Line(Method::POST,   "/v1/namespaces/{namespace}/discover", Write, Scope::Namespace, |m| on(m, discover::discover), "node groups that exist (`clusterName`, `names`), each with the declaration that takes it over"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/retry", Write, Scope::Namespace, |m| on(m, retry::in_namespace), "another try for all (`labelSelector`) that have something to try; `items` with each one's run, or `code` and `reason`"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/graph", Read, Scope::Namespace, |m| on(m, graph::read), "who needs whom"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/events", Read, Scope::Namespace, |m| on(m, events::in_namespace), "what happened there, as `/v1/events`"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/retained", Read, Scope::Namespace, |m| on(m, retained::list), "what was deleted and has left its resources"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/secrets", Read, Scope::Namespace, |m| on(m, secrets::list), "secrets by their keys; never read back"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/secrets/{name}", Read, Scope::Namespace, |m| on(m, secrets::read), "one"),
    Line(Method::PUT,    "/v1/namespaces/{namespace}/secrets/{name}", Write, Scope::Namespace, |m| on(m, secrets::put), "writes one"),
    Line(Method::DELETE, "/v1/namespaces/{namespace}/secrets/{name}", Write, Scope::Namespace, |m| on(m, secrets::delete), "removes one that nobody uses"),

    Line(Method::GET,    "/v1/namespaces/{namespace}/templates", Read, Scope::Namespace, |m| on(m, templates::list), "templates with their variables (type, default, JSON Schema) and outputs"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/templates/{name}", Read, Scope::Namespace, |m| on(m, templates::read), "one (`revision`)"),
    Line(Method::PUT,    "/v1/namespaces/{namespace}/templates/{name}", Admin, Scope::Namespace, |m| on(m, templates::put), "an upload as JSON, YAML, `application/x-tar` or `application/gzip`"),
    Line(Method::DELETE, "/v1/namespaces/{namespace}/templates/{name}", Admin, Scope::Namespace, |m| on(m, templates::delete), "removes one that nobody uses"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/templates/{name}/revisions", Read, Scope::Namespace, |m| on(m, templates::revisions), "its revisions, newest first"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/templates/{name}/revisions/{revision}", Read, Scope::Namespace, |m| on(m, templates::files), "the files of one"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/templates/{name}/rendered", Read, Scope::Namespace, |m| on(m, templates::rendered), "what terraform gets (`revision`, `providerConfig`, `region`)"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/templates/{name}/rollback", Admin, Scope::Namespace, |m| on(m, templates::roll_back), "a `revision` of before is the current one again"),
    Line(Method::GET,    "/v1/namespaces/{namespace}/templates/{name}/rollout", Read, Scope::Namespace, |m| on(m, templates::rollout), "how far the current revision is rolled out"),
    Line(Method::POST,   "/v1/namespaces/{namespace}/templates/{name}/rollout", Admin, Scope::Namespace, |m| on(m, templates::start_rollout), "it begins, or goes on"),

    Line(Method::GET,    "/v1/runs", Read, Scope::Query, |m| on(m, runs::list), "runs, newest first (`namespace`, `machine`, `workspace`, `state`, `limit`, `continue`)"),
    Line(Method::GET,    "/v1/runs/{id}", Read, Scope::Run, |m| on(m, runs::read), "one"),
    Line(Method::GET,    "/v1/runs/{id}/plan", Read, Scope::Run, |m| on(m, runs::plan), "its plan, resource by resource"),
    Line(Method::GET,    "/v1/runs/{id}/log", Read, Scope::Run, |m| on(m, logs::read), "its log, live with `follow=true`"),
    Line(Method::POST,   "/v1/runs/{id}/approve", Approve, Scope::Run, |m| on(m, runs::approve), "a person's consent to its plan"),
    Line(Method::POST,   "/v1/runs/{id}/discard", Approve, Scope::Run, |m| on(m, runs::discard), "a person's refusal of it"),
    Line(Method::POST,   "/v1/runs/{id}/cancel", Write, Scope::Run, |m| on(m, runs::cancel), "it stops; `force=true` is the second signal"),

    Line(Method::POST,   "/v1/apply", Write, Scope::Documents, |m| on(m, apply::apply), "many documents at once, YAML or JSON, all or nothing (`namespace`, `dryRun`, `paused`, `createOnly`); templates and namespaces need `admin`"),
    Line(Method::POST,   "/v1/convert", Read, Scope::Documents, |m| on(m, apply::convert), "CAPT's manifests in captd's own form"),
    Line(Method::POST,   "/v1/retry", Write, Scope::All, |m| on(m, retry::everywhere), "another try in all namespaces"),
    Line(Method::GET,    "/v1/events", Read, Scope::Query, |m| on(m, events::everywhere), "what happened, by whom: a list (`after`, `machine`, `workspace`), or live with `Accept: text/event-stream` and `Last-Event-ID`; a position that is no longer kept answers 410"),
    Line(Method::GET,    "/v1/hold", Read, Scope::All, |m| on(m, hold::read), "whether anything is applied"),
    Line(Method::PUT,    "/v1/hold", Admin, Scope::All, |m| on(m, hold::hold), "nothing is applied"),
    Line(Method::DELETE, "/v1/hold", Admin, Scope::All, |m| on(m, hold::release), "it is again"),
    Line(Method::GET,    "/v1/drain", Read, Scope::All, |m| on(m, drain::read), "whether runs begin"),
    Line(Method::POST,   "/v1/drain", Admin, Scope::All, |m| on(m, drain::begin), "no run begins"),
    Line(Method::DELETE, "/v1/drain", Admin, Scope::All, |m| on(m, drain::end), "they do again"),
    Line(Method::POST,   "/v1/keys/rotate", Admin, Scope::All, |m| on(m, keys::rotate), "a new key for what is kept secret"),
    Line(Method::GET,    "/v1/gateway", Read, Scope::All, |m| on(m, gateway::read), "the warm provider processes: whom they serve, what was spared, what was retired and why"),
    Line(Method::GET,    "/v1/whoami", Read, Scope::Nowhere, |m| on(m, health::whoami), "whose token is shown, and what it may do"),
    Line(Method::GET,    "/v1/version", Read, Scope::Nowhere, |m| on(m, health::version), "versions of captd and Terraform"),
];

/// Every route.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for Line(method, path, permission, scope, serve, does) in TABLE {
        let kinds: Vec<ResourceKind> =
            ResourceKind::ALL.into_iter().filter(|kind| path.contains(BOTH) || path.contains(&below(*kind))).collect();
        let kinds = if kinds.is_empty() { vec![None] } else { kinds.into_iter().map(Some).collect() };
        for kind in kinds {
            routes.push(Route {
                method: method.clone(),
                path: kind.map_or_else(|| (*path).to_owned(), |kind| path.replace(BOTH, kind.plural())),
                permission: *permission,
                scope: *scope,
                does,
                asked: Asked { permission: *permission, scope: *scope, kind },
                serve: *serve,
            });
        }
    }
    routes
}

/// How a path names something of this kind.
fn below(kind: ResourceKind) -> String {
    format!("/{}/", kind.plural())
}

/// The table as the README has it.
#[must_use]
pub fn readme() -> String {
    let mut text = String::from("| method and path | needs | does |\n|---|---|---|\n");
    for Line(method, path, permission, scope, _, does) in TABLE {
        let path = path.replace("/v1/namespaces/{namespace}/", "…/");
        let everywhere = if *scope == Scope::All { " in all" } else { "" };
        text.push_str(&format!("| `{method} {path}` | {}{everywhere} | {does} |\n", permission.as_str()));
    }
    text
}

impl Route {
    /// What answers it, behind the question for its permission.
    pub(super) fn served(&self) -> MethodRouter<Shared> {
        let filter =
            MethodFilter::try_from(self.method.clone()).expect("invariant: axum routes every method of the table");
        (self.serve)(filter).route_layer(from_fn_with_state(self.asked, permit))
    }
}
