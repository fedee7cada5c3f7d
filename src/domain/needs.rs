//! What a machine or workspace needs of others: to run after them (`waitFor`), their outputs as values
//! of variables (`valueFrom`), and to whom it may be of use itself (`exportTo`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{Fields, kind_of};
use super::metadata::name_field;
use super::name::Name;
use super::observation::Observation;
use super::problem::{Problems, pointer_to};
use super::refusal::Refusal;
use super::resource::{Key, ResourceKind, Spec, told};
use super::run::Kind;
use super::secret::SecretUse;
use super::workspace::Workspace;

/// The field that makes a value a reference.
pub const VALUE_FROM: &str = "valueFrom";

/// Names a machine or workspace: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// A machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Name>,
    /// A workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Name>,
    /// Its namespace, when that is another one: it must be exported from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
}

impl Reference {
    /// What is meant, said in `home`.
    #[must_use]
    pub fn key(&self, home: &Name) -> Option<Key> {
        let (kind, name) = match (&self.machine, &self.workspace) {
            (Some(name), None) => (ResourceKind::Machine, name),
            (None, Some(name)) => (ResourceKind::Workspace, name),
            _ => return None,
        };
        let namespace = self.namespace.as_ref().unwrap_or(home);
        Some(Key { kind, namespace: namespace.clone(), name: name.clone() })
    }
}

/// One thing that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Where the spec says so: a pointer below it.
    pub place: String,
    /// What is needed.
    pub target: Key,
    /// The output that becomes a value, if one does.
    pub input: Option<Input>,
}

/// An output that becomes the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The variable.
    pub variable: String,
    /// The output.
    pub output: String,
}

/// All that a workspace takes of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Of machines and workspaces.
    pub needs: Vec<Need>,
    /// Of secrets.
    pub secrets: Vec<SecretUse>,
}

impl Wants {
    /// Whether it takes values, and does not only wait.
    #[must_use]
    pub fn takes_inputs(&self) -> bool {
        !self.secrets.is_empty() || self.needs.iter().any(|need| need.input.is_some())
    }
}

/// Where a workspace stands with what it needs, and with those that need it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// What is not there yet, and why: a sentence each.
    pub unmet: Vec<String>,
    /// Outputs of others by variable, once all are there.
    pub inputs: Option<Map<String, Value>>,
    /// Who still needs it, while it is to be deleted.
    pub needed_by: Vec<Key>,
    /// Whether it has a state, while it is to be deleted.
    pub has_state: bool,
    /// Whether what it made is to stay, while it is to be deleted.
    pub retains: bool,
    /// What is not allowed about it, where that was asked.
    pub refused: Option<Refusal>,
    /// With what its destroy works, while it is to be deleted.
    pub basis: Option<Basis>,
    /// Who of the people holds the lock on its state, and since when, in a sentence.
    pub locked: Option<String>,
}

/// With what a deletion destroys: what is in force, and after a try that failed what came since the deletion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Basis {
    /// Generation of the spec.
    pub generation: u64,
    /// Revision of its uploaded template; none for one that comes with captd.
    pub revision: Option<String>,
    /// Outputs of others and secrets, by variable, if it takes any.
    pub inputs: Option<Map<String, Value>>,
}

impl Standing {
    /// Why no run can begin yet, if so.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        (!self.unmet.is_empty()).then(|| format!("waits for {}", self.unmet.join("; ")))
    }
}

impl Standing {
    /// Whether a person may ask for a run of `kind` now.
    ///
    /// # Errors
    /// A sentence that says what is waited for.
    pub fn may_begin(&self, key: &Key, kind: Kind) -> Result<(), String> {
        if let Some(refusal) = self.refused.as_ref().filter(|refusal| refusal.blocks(kind)) {
            return Err(format!("{key} waits: {}", refusal.message));
        }
        if let Some(why) = &self.locked {
            return Err(format!("{key} waits: {why}"));
        }
        if let Some(why) = self.waits_for().filter(|_| kind == Kind::Apply) {
            return Err(format!("{key} {why}; it begins by itself when that is there"));
        }
        if kind == Kind::Destroy && !self.needed_by.is_empty() {
            let others = told(&self.needed_by, &key.namespace, |_| false);
            return Err(format!("{key} is deleted when those are gone that need it: {others}"));
        }
        Ok(())
    }
}

/// Reads `waitFor`.
pub(super) fn wait_for(f: &mut Fields<'_, '_>) -> Vec<Reference> {
    let read = f.list("waitFor", |value, at, problems| {
        let mut f = Fields::open(value, at, problems)?;
        let found = reference(&mut f);
        f.finish();
        found
    });
    read.unwrap_or_default()
}

/// Reads `exportTo`.
pub(super) fn export_to(f: &mut Fields<'_, '_>) -> Vec<Name> {
    let read = f.list("exportTo", |value, at, problems| {
        let Some(text) = value.as_str() else {
            problems.add(at, "wrong_type", format!("must be a string, not {}", kind_of(value)));
            return None;
        };
        Name::parse(text).map_err(|error| problems.add(at, "invalid_name", error.to_string())).ok()
    });
    read.unwrap_or_default()
}

/// Reads `variables`: values, and references to outputs of others.
pub(super) fn variables(f: &mut Fields<'_, '_>) -> Map<String, Value> {
    let variables = f.any_map("variables").unwrap_or_default();
    let at = f.pointer("variables");
    let mut problems = Problems::default();
    for (name, value) in variables.iter().filter(|(_, value)| value.get(VALUE_FROM).is_some()) {
        let at = pointer_to(&at, name);
        let Some(mut f) = Fields::open(value, &at, &mut problems) else { continue };
        let is_secret = value.pointer("/valueFrom/secret").is_some();
        f.object(VALUE_FROM, |f| if is_secret { secret_key(f) } else { output(f) });
        f.finish();
    }
    f.absorb(problems);
    variables
}

fn output(f: &mut Fields<'_, '_>) -> Option<()> {
    let output = f.text("output");
    f.required("output", output);
    reference(f).map(drop)
}

fn secret_key(f: &mut Fields<'_, '_>) -> Option<()> {
    name_field(f, "secret");
    name_field(f, "namespace");
    let key = f.text("key");
    f.required("key", key).map(drop)
}

fn reference(f: &mut Fields<'_, '_>) -> Option<Reference> {
    let one = f.value("machine").is_some() != f.value("workspace").is_some();
    let (machine, workspace) = (name_field(f, "machine"), name_field(f, "workspace"));
    let namespace = name_field(f, "namespace");
    if !one {
        f.problem("workspace", "exactly_one_of", "give exactly one of workspace and machine, or a secret with its key");
    }
    Some(Reference { machine, workspace, namespace })
}

/// All that a spec needs, said in `home`.
#[must_use]
pub fn needs(spec: &Spec, home: &Name) -> Vec<Need> {
    let waits = spec.wait_for().iter().enumerate().filter_map(|(index, reference)| {
        Some(Need { place: format!("/waitFor/{index}"), target: reference.key(home)?, input: None })
    });
    let inputs = spec.variables().iter().filter_map(|(variable, value)| {
        let from = value.get(VALUE_FROM)?;
        let reference: Reference = serde_json::from_value(from.clone()).ok()?;
        let input = Input { variable: variable.clone(), output: from["output"].as_str()?.to_owned() };
        Some(Need { place: pointer_to("/variables", variable), target: reference.key(home)?, input: Some(input) })
    });
    waits.chain(inputs).collect()
}

/// What was seen of a target that others may go on with.
///
/// # Errors
/// A sentence that says why they may not yet.
pub fn met<'a>(target: &Key, found: Option<&'a Workspace>) -> Result<&'a Observation, String> {
    let Some(workspace) = found else { return Err(format!("{target}, which does not exist")) };
    if workspace.deleting_since.is_some() {
        return Err(format!("{target}, which is being deleted"));
    }
    let Some(seen) = &workspace.observation else { return Err(format!("{target}, which is not made yet")) };
    if seen.generation != workspace.generation {
        let (now, wanted) = (seen.generation, workspace.generation);
        return Err(format!("{target}, of which generation {now} is in force and {wanted} is wanted"));
    }
    if !seen.serves() {
        let status = seen.reported_status().unwrap_or("not known");
        return Err(format!("{target}, which is {status}"));
    }
    Ok(seen)
}
