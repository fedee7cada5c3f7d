//! Names of machines, namespaces and templates: DNS labels (RFC 1123), as in Kubernetes.

use serde::{Deserialize, Serialize};

/// A DNS label: 1–63 lower-case letters, digits and `-`, no `-` at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The text is no DNS label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name: 1–63 lower-case letters, digits and `-`, beginning and ending with a letter or digit (a DNS label)"
)]
pub struct NotAName(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text is no DNS label.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits =
            (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAName(text.chars().take(80).collect())) }
    }

    /// The namespace that exists from the start.
    #[must_use]
    pub fn default_namespace() -> Self {
        Self("default".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}
