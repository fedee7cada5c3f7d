//! Who speaks Terraform's own `http` backend protocol: a run with credentials of its own, or a person with the admin's
//! token as the password.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::{Path, Shared};
use crate::domain::state::Holder;
use crate::http::problem::{Answer, Problem};
use crate::service::{Error, Service};

/// The workspace whose state is spoken of, to whoever has signed in for it.
#[derive(Debug)]
pub(in crate::http) struct Backend {
    pub(in crate::http) service: Arc<Service>,
    pub(in crate::http) workspace: Uuid,
    pub(in crate::http) holder: Holder,
}

impl FromRequestParts<Shared> for Backend {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Answer<Self> {
        let Path(uid): Path<String> = Path::from_request_parts(parts, shared).await?;
        let workspace: Uuid =
            uid.parse().map_err(|_| Problem::bad_request("invalid_id", "this is not the id of a workspace"))?;
        let credentials = basic(parts.headers.get(header::AUTHORIZATION));
        let holder = signed_in(shared, credentials, workspace).await?;
        let service = Arc::clone(&shared.0.service);
        match service.require_workspace(workspace).await {
            Ok(()) => Ok(Self { service, workspace, holder }),
            // By a status that terraform does not read as "no state".
            Err(Error::NotFound { .. }) => {
                Err(Problem::new(StatusCode::GONE, "not_found", format!("there is no workspace {workspace}")))
            }
            Err(error) => Err(unavailable(error.into())),
        }
    }
}

/// What is captd's own trouble passes, and terraform comes again at 503.
pub(in crate::http) fn unavailable(problem: Problem) -> Problem {
    if problem.is_internal() {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "the state cannot be reached at the moment; come again",
        );
    }
    problem
}

async fn signed_in(shared: &Shared, credentials: Option<(String, String)>, workspace: Uuid) -> Answer<Holder> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "these credentials are not good for this workspace, or no longer",
        )
    };
    let (user, password) = credentials.ok_or_else(refused)?;
    if shared.0.tokens.is_admin(&password) {
        return Ok(Holder::Person(if user.is_empty() || user.starts_with("run/") { "admin".to_owned() } else { user }));
    }
    let run = shared.0.service.run_that_speaks(&user, &password, workspace).await;
    run.map_err(|error| unavailable(error.into()))?.ok_or_else(refused)
}

fn basic(header: Option<&HeaderValue>) -> Option<(String, String)> {
    let (scheme, encoded) = header?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}
