//! A refusal as the daemon words it (RFC 9457), and how it reads on a terminal.

use std::fmt;

use serde::Deserialize;

/// `application/problem+json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Problem {
    /// In short.
    #[serde(default)]
    pub(super) title: String,
    /// HTTP status.
    #[serde(default)]
    pub(super) status: u16,
    /// In this case.
    #[serde(default)]
    pub(super) detail: String,
    /// Stable, for programs.
    #[serde(default)]
    pub(super) code: String,
    /// Each with its place.
    #[serde(default)]
    pub(super) errors: Vec<Entry>,
    /// How many there are besides those.
    #[serde(default)]
    pub(super) more: usize,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    /// JSON pointer; empty for the whole.
    #[serde(default)]
    pub(super) pointer: String,
    /// What, and what to do.
    #[serde(default)]
    pub(super) detail: String,
}

impl Problem {
    /// Whether it is this one.
    pub(super) fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code == code
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> =
            [self.title.as_str(), self.detail.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        f.write_str(&parts.join(": "))?;
        if parts.is_empty() {
            write!(f, "the daemon answered {}", self.status)?;
        }
        if self.status == 401 {
            f.write_str(
                "\n  name the daemon's data folder with --data-dir, or pass the token in CAPTD_TOKEN or with --token",
            )?;
        }
        for Entry { pointer, detail } in &self.errors {
            let pointer = if pointer.is_empty() { "(document)" } else { pointer };
            write!(f, "\n  {pointer}: {detail}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more", self.more)?;
        }
        Ok(())
    }
}
