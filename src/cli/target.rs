//! The words by which commands name what they mean: `workers`, `machine workers`,
//! `machine/workers`, and ids of runs.

use anyhow::Result;
use uuid::Uuid;

use super::Usage;
use super::session::Session;
use crate::domain::name::Name;

/// What can be asked for by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Machines,
    Namespaces,
    Templates,
    Runs,
}

impl Kind {
    /// Reads a kind, in any of its spellings.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "machines" | "machine" | "m" => Some(Self::Machines),
            "namespaces" | "namespace" | "ns" => Some(Self::Namespaces),
            "templates" | "template" | "t" => Some(Self::Templates),
            "runs" | "run" | "r" => Some(Self::Runs),
            _ => None,
        }
    }

    /// The path's word.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Namespaces => "namespaces",
            Self::Templates => "templates",
            Self::Runs => "runs",
        }
    }

    /// Before a name: `machine/workers`.
    pub(super) fn singular(self) -> &'static str {
        self.plural().trim_end_matches('s')
    }
}

/// A kind with a name, as far as one is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: Option<Kind>,
    pub(super) name: String,
}

/// Splits words into kinds and names: a first word that is a kind holds for all that follow, and
/// `kind/name` says both.
///
/// # Errors
/// When a kind is unknown, or nothing but a kind is said and `names_needed`.
pub(super) fn split(words: &[String]) -> Result<(Option<Kind>, Vec<Said>)> {
    let Some((first, rest)) = words.split_first() else { return Ok((None, Vec::new())) };
    let leading = Kind::parse(first);
    let words = if leading.is_some() { rest } else { words };
    let said = words
        .iter()
        .map(|word| match word.split_once('/') {
            Some((kind, name)) => {
                let known = Kind::parse(kind);
                if known.is_none() || leading.is_some_and(|leading| Some(leading) != known) {
                    return Err(Usage::error(format!(
                        "`{word}`: write a name, or machine/NAME, run/ID, template/NAME, namespace/NAME"
                    )));
                }
                Ok(Said { kind: known, name: name.to_owned() })
            }
            None => Ok(Said { kind: leading, name: word.clone() }),
        })
        .collect::<Result<_>>()?;
    Ok((leading, said))
}

/// Names of machines; at least one.
pub(super) fn machines(words: &[String]) -> Result<Vec<Name>> {
    let (_, said) = split(words)?;
    if said.is_empty() {
        return Err(Usage::error(
            "say which machine: its name must follow (one that is called `machine` is machine/machine)",
        ));
    }
    said.iter().map(machine_name).collect()
}

/// The name of one machine.
pub(super) fn machine(words: &[String]) -> Result<Name> {
    let mut names = machines(words)?;
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(Usage::error("this takes one machine")),
    }
}

fn machine_name(said: &Said) -> Result<Name> {
    match said.kind {
        None | Some(Kind::Machines) => name(&said.name),
        Some(other) => Err(Usage::error(format!("`{}/{}`: this takes machines", other.singular(), said.name))),
    }
}

/// Reads a name that stands on the command line.
pub(super) fn name(text: &str) -> Result<Name> {
    Name::parse(text).map_err(|error| Usage::error(error.to_string()))
}

/// Reads the id of a run.
pub(super) fn run_id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| Usage::error(format!("`{text}` is no id of a run; `captd get runs` lists them")))
}

/// A run by its id, or a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunOrMachine {
    Run(Uuid),
    Machine(Name),
}

impl RunOrMachine {
    /// Reads words that name one of them. A plain word that reads as an id is a run.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let (_, said) = split(words)?;
        let [said] = said.as_slice() else {
            return Err(Usage::error("say one run by its id, or one machine by its name"));
        };
        match (said.kind, Uuid::try_parse(&said.name)) {
            (None | Some(Kind::Runs), Ok(id)) => Ok(Self::Run(id)),
            (Some(Kind::Runs), Err(_)) => run_id(&said.name).map(Self::Run),
            _ => machine_name(said).map(Self::Machine),
        }
    }

    /// The run: for a machine, its open run or else its latest.
    ///
    /// # Errors
    /// When the machine does not exist, or has no run.
    pub(super) async fn run(&self, session: &Session) -> Result<Uuid> {
        match self {
            Self::Run(id) => Ok(*id),
            Self::Machine(name) => {
                let machine = session.machine(&session.namespace, name).await?;
                match machine.status.latest_run {
                    Some(run) => Ok(run.id),
                    None => anyhow::bail!("machine/{}/{name} has no run yet", session.namespace),
                }
            }
        }
    }
}
