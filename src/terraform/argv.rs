//! Argument vectors. Each is asserted word by word in a test.

use std::path::PathBuf;

use crate::domain::run::Kind;

/// Has a plan say by its exit code whether there is something to apply: 2, where without it 0 says both.
const DETAILED_EXITCODE: &str = "-detailed-exitcode";

/// Whether a plan that has ended with `code` says that there is something to apply; `None` when it was begun with other
/// arguments, by a captd of before, and does not say it.
#[must_use]
pub fn has_changes(argv: &[String], code: Option<i32>) -> Option<bool> {
    argv.iter().any(|word| word == DETAILED_EXITCODE).then_some(code == Some(2))
}

/// A Terraform command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Installs providers and modules.
    Init,
    /// Looks whether the configuration is valid, with no values and no state.
    Validate,
    /// Makes a plan and saves it.
    Plan {
        /// Which kind of run it is for.
        kind: Kind,
        /// Where the plan is saved.
        out: PathBuf,
    },
    /// Makes a plan of the destruction of what the state has, without asking for what it is now, and saves it.
    PlanDestroyOfState {
        /// Where the plan is saved.
        out: PathBuf,
    },
    /// Prints a saved plan as JSON.
    Show {
        /// The saved plan.
        plan: PathBuf,
    },
    /// Applies a saved plan, and nothing else.
    Apply {
        /// The saved plan.
        plan: PathBuf,
    },
    /// Prints the outputs as JSON.
    Output,
    /// Records what exists.
    Import {
        /// As what.
        address: String,
        /// The provider's id of it.
        id: String,
    },
    /// Takes back that a resource's creation had failed.
    Untaint {
        /// Which.
        address: String,
    },
}

impl Command {
    /// The step's name, as the API shows it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Validate => "validate",
            Self::Plan { .. } | Self::PlanDestroyOfState { .. } => "plan",
            Self::Show { .. } => "show",
            Self::Apply { .. } => "apply",
            Self::Output => "output",
            Self::Import { .. } => "import",
            Self::Untaint { .. } => "untaint",
        }
    }

    /// Whether an exit code says that it did what it was to do.
    #[must_use]
    pub fn is_done(&self, code: Option<i32>) -> bool {
        match self {
            Self::Plan { .. } | Self::PlanDestroyOfState { .. } => matches!(code, Some(0 | 2)),
            _ => code == Some(0),
        }
    }

    /// The arguments after the program.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Init => words(&["init", "-input=false", "-no-color"]),
            Self::Validate => words(&["validate", "-json", "-no-color"]),
            Self::Plan { kind, out } => {
                let mut argv = words(&["plan", "-input=false", "-json", DETAILED_EXITCODE]);
                argv.extend(match kind {
                    Kind::Destroy => Some("-destroy".to_owned()),
                    Kind::Refresh => Some("-refresh-only".to_owned()),
                    Kind::Apply | Kind::Plan => None,
                });
                argv.push(format!("-out={}", out.display()));
                argv
            }
            Self::PlanDestroyOfState { out } => {
                let mut argv =
                    words(&["plan", "-input=false", "-json", DETAILED_EXITCODE, "-destroy", "-refresh=false"]);
                argv.push(format!("-out={}", out.display()));
                argv
            }
            Self::Show { plan } => {
                let mut argv = words(&["show", "-json", "-no-color"]);
                argv.push(plan.display().to_string());
                argv
            }
            Self::Apply { plan } => {
                let mut argv = words(&["apply", "-input=false", "-json"]);
                argv.push(plan.display().to_string());
                argv
            }
            Self::Output => words(&["output", "-json", "-no-color"]),
            Self::Import { address, id } => words(&["import", "-input=false", "-no-color", address, id]),
            Self::Untaint { address } => words(&["untaint", "-no-color", address]),
        }
    }
}
