//! What each route needs, written down by hand: the README's "Who may do what", route by route.

/// Where somebody must be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    All,
    Path,
    Run,
    Query,
    Documents,
    Nowhere,
}

use Where::{All, Documents, Nowhere, Path, Query, Run};

/// Method, path (`KIND` is `machines` and `workspaces`), permission, place.
#[rustfmt::skip]
pub const EXPECTED: &[(&str, &str, &str, Where)] = &[
    // Whoever reads sees all but what is sensitive.
    ("GET", "/v1/whoami", "read", Nowhere),
    ("GET", "/v1/version", "read", Nowhere),
    ("GET", "/v1/namespaces", "read", All),
    ("GET", "/v1/KIND", "read", All),
    ("GET", "/v1/gateway", "read", All),
    ("GET", "/v1/hold", "read", All),
    ("GET", "/v1/drain", "read", All),
    ("GET", "/v1/runs", "read", Query),
    ("GET", "/v1/events", "read", Query),
    ("GET", "/v1/runs/{id}", "read", Run),
    ("GET", "/v1/runs/{id}/plan", "read", Run),
    ("GET", "/v1/runs/{id}/log", "read", Run),
    ("GET", "/v1/namespaces/{namespace}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/KIND", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/KIND/{name}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/KIND/{name}/outputs/{output}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/KIND/{name}/state/versions", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/graph", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/events", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/retained", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/secrets", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/secrets/{name}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates/{name}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates/{name}/revisions", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates/{name}/revisions/{revision}", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates/{name}/rendered", "read", Path),
    ("GET", "/v1/namespaces/{namespace}/templates/{name}/rollout", "read", Path),
    ("POST", "/v1/convert", "read", Documents),
    // Whoever writes declares, deletes, and starts and stops runs.
    ("POST", "/v1/apply", "write", Documents),
    ("POST", "/v1/retry", "write", All),
    ("POST", "/v1/runs/{id}/cancel", "write", Run),
    ("POST", "/v1/namespaces/{namespace}/discover", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/retry", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND", "write", Path),
    ("PUT", "/v1/namespaces/{namespace}/KIND/{name}", "write", Path),
    ("PATCH", "/v1/namespaces/{namespace}/KIND/{name}", "write", Path),
    ("DELETE", "/v1/namespaces/{namespace}/KIND/{name}", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/machines/{name}/scale", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/plan", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/retry", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/pause", "write", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/resume", "write", Path),
    ("PUT", "/v1/namespaces/{namespace}/secrets/{name}", "write", Path),
    ("DELETE", "/v1/namespaces/{namespace}/secrets/{name}", "write", Path),
    // A person's word on a plan.
    ("POST", "/v1/runs/{id}/approve", "approve", Run),
    ("POST", "/v1/runs/{id}/discard", "approve", Run),
    // What is sensitive.
    ("GET", "/v1/namespaces/{namespace}/KIND/{name}/state", "reveal", Path),
    ("GET", "/v1/namespaces/{namespace}/KIND/{name}/eject", "reveal", Path),
    // The rest is an administrator's.
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/state", "admin", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/state/rollback", "admin", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/state/trust", "admin", Path),
    ("DELETE", "/v1/namespaces/{namespace}/KIND/{name}/state/lock", "admin", Path),
    ("POST", "/v1/namespaces/{namespace}/KIND/{name}/eject", "admin", Path),
    ("PUT", "/v1/namespaces/{namespace}/templates/{name}", "admin", Path),
    ("DELETE", "/v1/namespaces/{namespace}/templates/{name}", "admin", Path),
    ("POST", "/v1/namespaces/{namespace}/templates/{name}/rollback", "admin", Path),
    ("POST", "/v1/namespaces/{namespace}/templates/{name}/rollout", "admin", Path),
    ("PUT", "/v1/namespaces/{namespace}", "admin", Path),
    ("DELETE", "/v1/namespaces/{namespace}", "admin", All),
    ("PUT", "/v1/hold", "admin", All),
    ("DELETE", "/v1/hold", "admin", All),
    ("POST", "/v1/drain", "admin", All),
    ("DELETE", "/v1/drain", "admin", All),
    ("POST", "/v1/keys/rotate", "admin", All),
];
