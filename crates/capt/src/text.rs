//! Texts that CAPT passes, and the values that they mean.
//!
//! **Invariant:** a text becomes a value and never syntax: what is put in for a `${name}` is not looked at again.

use std::collections::BTreeMap;

use captd_variables::Type;
use serde_json::Value;

/// Puts texts in for each `${name}` of `texts`; all else stays.
pub(crate) fn substitute(text: &str, texts: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let found = from[2..].find('}').and_then(|end| Some((texts.get(&from[2..2 + end])?, 3 + end)));
        let (put_in, length) = found.map_or(("${", 2), |(value, length)| (value.as_str(), length));
        out.push_str(put_in);
        rest = &from[length..];
    }
    out + rest
}

/// The names between `${` and `}`, as far as each is one word.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).filter(|name| is_word(name))
}

/// Whether a text is a name and nothing else.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The value of type `of` that a text means: JSON for what has parts.
///
/// # Errors
/// The rest of a sentence that says why it means none.
pub(crate) fn typed(text: &str, of: &Type) -> Result<Value, String> {
    let json = || serde_json::from_str::<Value>(text);
    match of {
        Type::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("is no bool: write true or false".to_owned()),
        },
        Type::Number => match json() {
            Ok(number @ Value::Number(_)) => Ok(number),
            _ => Err("is no number".to_owned()),
        },
        // As Terraform takes it where no type is said: only what has parts is more than a text.
        Type::Any if text.trim_start().starts_with(['[', '{']) => Ok(json().unwrap_or_else(|_| Value::from(text))),
        Type::String | Type::Any => Ok(Value::from(text)),
        Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => {
            json().map_err(|error| format!("is of type {of}, and its text must be JSON: {error}"))
        }
    }
}
