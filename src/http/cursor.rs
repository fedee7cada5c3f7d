//! Cursors: where a list goes on, opaque to the client.

use uuid::Uuid;

use super::problem::{Answer, Problem};
use crate::domain::name::Name;

/// After this machine or workspace.
pub(super) fn of_resource(namespace: &Name, name: &Name) -> String {
    format!("m1.{namespace}.{name}")
}

/// Reads what [`of_resource`] wrote.
pub(super) fn resource(text: Option<String>) -> Answer<Option<(String, String)>> {
    let Some(text) = text else { return Ok(None) };
    let parts = text.strip_prefix("m1.").and_then(|rest| rest.split_once('.'));
    match parts {
        Some((namespace, name)) if Name::parse(namespace).is_ok() && Name::parse(name).is_ok() => {
            Ok(Some((namespace.to_owned(), name.to_owned())))
        }
        _ => Err(unknown(&text)),
    }
}

/// Before this run.
pub(super) fn of_run(run: Uuid) -> String {
    format!("r1.{run}")
}

/// Reads what [`of_run`] wrote.
pub(super) fn run(text: Option<String>) -> Answer<Option<Uuid>> {
    let Some(text) = text else { return Ok(None) };
    let id = text.strip_prefix("r1.").and_then(|id| id.parse().ok());
    id.map(Some).ok_or_else(|| unknown(&text))
}

fn unknown(text: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::bad_request("bad_cursor", format!("continue: `{shown}` is no cursor of this list; begin again without it"))
}
