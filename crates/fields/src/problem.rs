//! What is wrong with an input: each problem with its place, a stable code and the remedy.

use serde::Serialize;

/// One thing that is wrong, in the shape of an RFC 9457 `errors[]` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to the value, such as `/spec/nodeGroupConfig/scaling/minSize`.
    pub pointer: String,
    /// Stable, machine-readable: `required`, `unknown_field`, `out_of_range` and so on.
    pub code: &'static str,
    /// What is wrong and what to do, for a person.
    pub detail: String,
}

/// Problems that are kept: whoever has more of them mends these first.
pub const PROBLEMS_MAX: usize = 100;
/// Characters of a pointer and of a detail that are kept; no real one has as many.
const TEXT_MAX: usize = 2_000;

/// Problems gathered along the way: not the first alone, but the first [`PROBLEMS_MAX`], and how many more there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems {
    kept: Vec<Problem>,
    #[serde(skip)]
    more: usize,
}

impl Problems {
    /// Adds one problem.
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        self.kept.push(Problem { pointer: bounded(pointer.into()), code, detail: bounded(detail.into()) });
    }

    /// Adds all of `others`, their pointers below `prefix`.
    pub fn extend_under(&mut self, prefix: &str, others: Self) {
        for Problem { pointer, code, detail } in others.kept {
            self.add(if prefix.is_empty() { pointer } else { format!("{prefix}{pointer}") }, code, detail);
        }
        self.more += others.more;
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The problems in the order in which they were found, as far as they are kept.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.kept
    }

    /// How many there are besides those that are kept.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }

    /// How many there are, kept or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Whether a further one is only counted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.len() >= PROBLEMS_MAX
    }

    /// `Ok(value)` when nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves, when there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.kept.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", problem.pointer, problem.detail)?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

/// A text of at most [`TEXT_MAX`] characters.
fn bounded(mut text: String) -> String {
    if text.len() > TEXT_MAX
        && let Some((end, _)) = text.char_indices().nth(TEXT_MAX)
    {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 says.
#[must_use]
pub fn pointer_to(parent: &str, token: &str) -> String {
    format!("{parent}/{}", token.replace('~', "~0").replace('/', "~1"))
}
