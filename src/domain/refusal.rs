//! What is declared, or in a template, and not allowed by what holds now: no run begins for it, and what is there stays
//! as it is.

use super::run::Kind;

/// What is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A variable of the environment that nobody has opened to the declaration.
    Environment,
    /// What the revision of the template does.
    Template,
}

/// Why no run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of which it is.
    pub of: Refused,
    /// What is not allowed, who may allow it, and by which line.
    pub message: String,
}

impl Refusal {
    /// Whether it keeps a run of `kind` from its work. A look at the cloud goes without the variables.
    #[must_use]
    pub fn blocks(&self, kind: Kind) -> bool {
        self.of == Refused::Template || kind != Kind::Refresh
    }

    /// One word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.of {
            Refused::Environment => "EnvNotAllowed",
            Refused::Template => "TemplateNotAllowed",
        }
    }
}
