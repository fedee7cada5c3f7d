//! The JSON API: all routes on one page, one file per resource.
//!
//! **Invariant:** no request waits for Terraform but the upload of a template, which is to be told
//! what is wrong with it before it is kept, and the discovery of node groups, which nobody has declared
//! yet; and no other answer is made of anything but what is stored.

mod apply;
mod auth;
mod body;
mod cursor;
mod discover;
mod drain;
mod eject;
mod events;
mod followers;
mod gateway;
mod graph;
mod health;
mod hold;
mod keys;
mod logs;
mod namespaces;
mod params;
mod path;
mod problem;
mod resources;
mod retained;
mod retry;
mod runs;
mod secrets;
mod state;
mod states;
mod strict;
mod templates;
mod unread;
mod upload;
mod wire;

use std::sync::Arc;

use axum::middleware;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use auth::Tokens;
pub use followers::Followers;
pub use state::state_router;

use crate::domain::resource::ResourceKind;
use crate::service::Service;

/// What every handler can have.
#[derive(Debug, Clone)]
pub struct Shared {
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

/// Versions of captd and of what it drives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Version {
    /// captd.
    pub version: &'static str,
    /// Terraform.
    pub terraform: String,
}

/// What machines and workspaces have, below their namespace.
fn declared(kind: ResourceKind) -> Router<Shared> {
    let one = Router::new()
        .route("/", get(resources::read).put(resources::put).patch(resources::patch).delete(resources::delete))
        .route("/state", get(states::pull).post(states::push))
        .route("/state/versions", get(states::versions))
        .route("/state/rollback", post(states::roll_back))
        .route("/state/trust", post(states::trust))
        .route("/state/lock", axum::routing::delete(states::unlock))
        .route("/eject", get(eject::files).post(eject::let_go))
        .route("/outputs/{output}", get(states::output))
        .route("/{verb}", post(resources::verb));
    let all = kind.plural();
    Router::new()
        .route(&format!("/{all}"), get(resources::list_in_namespace).post(resources::create))
        .nest(&format!("/{all}/{{name}}"), one)
        .layer(Extension(kind))
}

/// Every route of the API.
pub fn router(shared: Shared) -> Router {
    let namespaced = Router::new()
        .merge(declared(ResourceKind::Machine))
        .merge(declared(ResourceKind::Workspace))
        .route("/discover", post(discover::discover))
        .route("/retry", post(retry::in_namespace))
        .route("/graph", get(graph::read))
        .route("/events", get(events::in_namespace))
        .route("/retained", get(retained::list))
        .route("/secrets", get(secrets::list))
        .route("/secrets/{name}", get(secrets::read).put(secrets::put).delete(secrets::delete))
        .route("/templates", get(templates::list))
        .route("/templates/{name}", get(templates::read).put(templates::put).delete(templates::delete))
        .route("/templates/{name}/revisions", get(templates::revisions))
        .route("/templates/{name}/revisions/{revision}", get(templates::files))
        .route("/templates/{name}/rendered", get(templates::rendered))
        .route("/templates/{name}/rollback", post(templates::roll_back))
        .route("/templates/{name}/rollout", get(templates::rollout).post(templates::start_rollout));
    let v1 = Router::new()
        .route("/namespaces", get(namespaces::list))
        .route("/namespaces/{namespace}", get(namespaces::read).put(namespaces::put).delete(namespaces::delete))
        .nest("/namespaces/{namespace}", namespaced)
        .route("/machines", get(resources::list).layer(Extension(ResourceKind::Machine)))
        .route("/workspaces", get(resources::list).layer(Extension(ResourceKind::Workspace)))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::read))
        .route("/runs/{id}/plan", get(runs::plan))
        .route("/runs/{id}/log", get(logs::read))
        .route("/runs/{id}/{verb}", post(runs::verb))
        .route("/apply", post(apply::apply))
        .route("/convert", post(apply::convert))
        .route("/retry", post(retry::everywhere))
        .route("/hold", get(hold::read).put(hold::hold).delete(hold::release))
        .route("/keys/rotate", post(keys::rotate))
        .route("/drain", get(drain::read).post(drain::begin).delete(drain::end))
        .route("/gateway", get(gateway::read))
        .route("/events", get(events::everywhere))
        .route("/whoami", get(health::whoami))
        .route("/version", get(health::version));
    Router::new()
        .nest("/v1", v1)
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(middleware::from_fn_with_state(shared.clone(), auth::require))
        // Below here no token is asked for.
        .merge(health::router())
        .merge(state::routes())
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(unread::say_close))
        .with_state(shared)
}
