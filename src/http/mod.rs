//! The JSON API: all routes in one table, one file per resource.
//!
//! **Invariant:** no request waits for Terraform but the upload of a template, which is to be told
//! what is wrong with it before it is kept, and the discovery of node groups, which nobody has declared
//! yet; and no other answer is made of anything but what is stored.

mod access;
mod apply;
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
mod problem;
mod resources;
mod retained;
mod retry;
mod routes;
mod runs;
mod secrets;
mod spelling;
mod state;
mod states;
mod strict;
mod templates;
mod unread;
mod upload;
mod wire;

use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

pub use access::{Components, Scope, Shared, Tokens};
pub use followers::Followers;
pub use routes::{Route, readme, routes};
pub use state::state_router;

use crate::domain::name::Name;
use problem::{Answer, Problem};

/// Versions of captd and of what it drives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Version {
    /// captd.
    pub version: &'static str,
    /// Terraform.
    pub terraform: String,
}

/// The whole API.
pub fn router(shared: Shared) -> Router {
    let mut api = Router::new();
    for route in routes() {
        api = api.route(&route.path, route.served());
    }
    let api = api
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(middleware::from_fn_with_state(shared.clone(), access::require))
        // Below here no token is asked for.
        .merge(health::router())
        .merge(state::routes())
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(unread::say_close))
        .with_state(shared);
    Router::new().fallback_service(api).layer(middleware::from_fn(spelling::plain))
}

/// A name in a path. What is not a valid name cannot exist.
fn name_of(what: &str, text: &str) -> Answer<Name> {
    Name::parse(text).map_err(|error| Problem::bad_request("invalid_name", format!("{what}: {error}")))
}

/// An id in a path. What is not an id cannot exist.
fn id_of(text: &str) -> Answer<Uuid> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Problem::bad_request("invalid_id", format!("`{shown}` is no id of a run"))
    })
}
