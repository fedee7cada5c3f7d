//! The words by which commands name what they mean: `workers`, `machine workers`, `machine/workers`,
//! `workspace/network`, and ids of runs.

use anyhow::Result;
use uuid::Uuid;

use super::Usage;
use super::session::Session;
use crate::domain::name::Name;
use crate::domain::resource::{Key, ResourceKind};

/// What can be asked for by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Machines,
    Workspaces,
    Namespaces,
    Templates,
    Runs,
    Retained,
}

impl Kind {
    /// Reads a kind, in any of its spellings.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "machines" | "machine" | "m" => Some(Self::Machines),
            "workspaces" | "workspace" | "w" => Some(Self::Workspaces),
            "namespaces" | "namespace" | "ns" => Some(Self::Namespaces),
            "templates" | "template" | "t" => Some(Self::Templates),
            "runs" | "run" | "r" => Some(Self::Runs),
            "retained" => Some(Self::Retained),
            _ => None,
        }
    }

    /// The path's word.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Workspaces => "workspaces",
            Self::Namespaces => "namespaces",
            Self::Templates => "templates",
            Self::Runs => "runs",
            Self::Retained => "retained",
        }
    }

    /// Which of what has runs it is, if it is one of them.
    pub(super) fn resource(self) -> Option<ResourceKind> {
        ResourceKind::ALL.into_iter().find(|kind| kind.plural() == self.plural())
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
                        "`{word}`: write a name, or machine/NAME, workspace/NAME, run/ID, template/NAME, namespace/NAME"
                    )));
                }
                Ok(Said { kind: known, name: name.to_owned() })
            }
            None => Ok(Said { kind: leading, name: word.clone() }),
        })
        .collect::<Result<_>>()?;
    Ok((leading, said))
}

/// Names of machines or workspaces in `namespace`; at least one. A plain name is a machine's.
pub(super) fn resources(words: &[String], namespace: &Name) -> Result<Vec<Key>> {
    let (_, said) = split(words)?;
    if said.is_empty() {
        return Err(Usage::error(
            "say which: its name must follow (a machine that is called `machine` is machine/machine)",
        ));
    }
    said.iter().map(|said| key(said, namespace)).collect()
}

/// The name of one machine or workspace.
pub(super) fn resource(words: &[String], namespace: &Name) -> Result<Key> {
    let mut keys = resources(words, namespace)?;
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        _ => Err(Usage::error("this takes one machine or workspace")),
    }
}

/// The name of one machine.
pub(super) fn machine(words: &[String], namespace: &Name) -> Result<Key> {
    let key = resource(words, namespace)?;
    match key.kind {
        ResourceKind::Machine => Ok(key),
        ResourceKind::Workspace => Err(Usage::error(format!("`{}`: this takes a machine", key.handle()))),
    }
}

fn key(said: &Said, namespace: &Name) -> Result<Key> {
    let kind = match said.kind {
        None => Some(ResourceKind::Machine),
        Some(kind) => kind.resource(),
    };
    let Some(kind) = kind else {
        let said_kind = said.kind.map(Kind::singular).unwrap_or_default();
        return Err(Usage::error(format!("`{said_kind}/{}`: this takes machines and workspaces", said.name)));
    };
    Ok(Key { kind, namespace: namespace.clone(), name: name(&said.name)? })
}

/// Reads a name that stands on the command line.
pub(super) fn name(text: &str) -> Result<Name> {
    Name::parse(text).map_err(|error| Usage::error(error.to_string()))
}

/// Reads the id of a run.
pub(super) fn run_id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| Usage::error(format!("`{text}` is no id of a run; `captd get runs` lists them")))
}

/// A run by its id, or whose runs are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunOrOwner {
    Run(Uuid),
    Owner(Key),
}

impl RunOrOwner {
    /// Reads words that name one of them. A plain word that reads as an id is a run.
    pub(super) fn parse(words: &[String], namespace: &Name) -> Result<Self> {
        let (_, said) = split(words)?;
        let [said] = said.as_slice() else {
            return Err(Usage::error("say one run by its id, or one machine or workspace by its name"));
        };
        match (said.kind, Uuid::try_parse(&said.name)) {
            (None | Some(Kind::Runs), Ok(id)) => Ok(Self::Run(id)),
            (Some(Kind::Runs), Err(_)) => run_id(&said.name).map(Self::Run),
            _ => key(said, namespace).map(Self::Owner),
        }
    }

    /// The run: for a machine or workspace, its open run or else its latest.
    ///
    /// # Errors
    /// When it does not exist, or has no run.
    pub(super) async fn run(&self, session: &Session) -> Result<Uuid> {
        match self {
            Self::Run(id) => Ok(*id),
            Self::Owner(key) => match session.resource(key).await?.status.latest_run {
                Some(run) => Ok(run.id),
                None => anyhow::bail!("{} has no run yet", key.path()),
            },
        }
    }
}

/// Where a machine or workspace is in the API, with what follows.
pub(super) fn path_of<'a>(key: &'a Key, rest: &[&'a str]) -> Vec<&'a str> {
    let mut path = vec!["v1", "namespaces", key.namespace.as_str(), key.kind.plural(), key.name.as_str()];
    path.extend(rest);
    path
}
