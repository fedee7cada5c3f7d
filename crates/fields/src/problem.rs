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

/// Problems gathered along the way: all of them, not the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one problem.
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(Problem { pointer: pointer.into(), code, detail: detail.into() });
    }

    /// Adds all of `others`, their pointers below `prefix`.
    pub fn extend_under(&mut self, prefix: &str, others: Self) {
        self.0.extend(others.0.into_iter().map(|p| Problem { pointer: format!("{prefix}{}", p.pointer), ..p }));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
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
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", problem.pointer, problem.detail)?;
        }
        Ok(())
    }
}

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 says.
#[must_use]
pub fn pointer_to(parent: &str, token: &str) -> String {
    format!("{parent}/{}", token.replace('~', "~0").replace('/', "~1"))
}
