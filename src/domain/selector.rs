//! Label selectors, in Kubernetes' language: `team=data,tier!=web,env in (a, b),!canary`.

use std::collections::BTreeMap;

/// A conjunction of requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// The text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no requirement: write key=value, key!=value, key in (a, b), key notin (a, b), key or !key, separated by commas"
)]
pub struct NotASelector(String);

impl Selector {
    /// Reads a selector; the empty text selects all.
    ///
    /// # Errors
    /// When a requirement cannot be read; it is named.
    pub fn parse(text: &str) -> Result<Self, NotASelector> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split_outside_parentheses(text)
            .into_iter()
            .map(str::trim)
            .map(|part| requirement(part).ok_or_else(|| NotASelector(part.chars().take(80).collect())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `labels` meet every requirement.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
        })
    }
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Absent(label_key(key)?));
    }
    for (word, negated) in [(" notin ", true), (" in ", false)] {
        if let Some((key, values)) = part.split_once(word) {
            let inner = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values = inner.split(',').map(label_value).collect::<Option<_>>()?;
            let key = label_key(key)?;
            return Some(if negated { Requirement::NotIn(key, values) } else { Requirement::In(key, values) });
        }
    }
    for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(sign) {
            let (key, value) = (label_key(key)?, vec![label_value(value)?]);
            return Some(if negated { Requirement::NotIn(key, value) } else { Requirement::In(key, value) });
        }
    }
    Some(Requirement::Exists(label_key(part)?))
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    super::label::check_key(text).is_ok().then(|| text.to_owned())
}

fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    super::label::check_value(text).is_ok().then(|| text.to_owned())
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
