//! What is wrong with a YAML text, in the words of whoever wrote it and not in those of a library.

use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// A sentence that says what is wrong, with its place.
#[must_use]
pub fn why(error: &Error) -> String {
    let error = error.without_snippet();
    let text = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` stands twice in one object; keep one of the two")
        }
        Error::DuplicateMappingKey { .. } => "a key stands twice in one object; keep one of the two".to_owned(),
        Error::Eof { .. } => "the text ends where something should follow".to_owned(),
        Error::MultipleDocuments { .. } => "there is more than one document, and one is taken here".to_owned(),
        Error::UnknownAnchor { .. } => "`*` names an anchor that no `&` before it has made".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "it has too many documents or levels, or repeats its anchors too often".to_owned()
        }
        other => UserMessageFormatter.format_message(other).into_owned(),
    };
    match error.location() {
        Some(place) if place.line() > 0 => format!("line {}, column {}: {text}", place.line(), place.column()),
        _ => text,
    }
}
