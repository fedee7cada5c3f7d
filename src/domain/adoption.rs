//! Adoption: taking in what an earlier run has made and nobody recorded. An apply that did not end
//! well leaves its workspace in doubt, and the next run looks before it creates.
//!
//! **Invariant:** only what says by its tags that it is this owner's is taken in; by an import, what is nobody's too, and
//! never another's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::failure::{Class, Failure};
use super::import::Import;
use super::plan::{Action, Plan};
use super::resource::ResourceKind;
use super::run::{Outcome, Run, State};
use super::template::{InService, Manifest};

/// Tag that names the installation of captd.
pub const INSTALLATION_TAG: &str = "captd:installation";

/// Whose resources they are: goes into tags, so that everyone can see it in the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Id of this installation of captd.
    pub installation: String,
    /// A machine, or a workspace that stands on its own.
    pub kind: ResourceKind,
    /// Its `namespace/name/uid`.
    pub name: String,
}

impl Owner {
    /// The tags that say so.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        [(INSTALLATION_TAG.to_owned(), self.installation.clone()), (tag_of(self.kind), self.name.clone())].into()
    }
}

/// Tag that names the owner: `captd:machine`, `captd:workspace`.
pub(super) fn tag_of(kind: ResourceKind) -> String {
    format!("captd:{}", kind.noun())
}

/// What a run may take in before it creates anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Import ids by address. What is not here cannot be imported.
    pub ids: BTreeMap<String, String>,
    /// Whose it must be.
    pub owner: Owner,
    /// That its owner says that it exists, and takes it over: then it may also be nobody's.
    pub import: Option<Import>,
}

/// A resource that exists in the cloud and stands in no state, as an import would record it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its address.
    pub address: String,
    /// Its import id.
    pub id: String,
    /// Its attributes.
    pub attributes: Value,
}

/// A resource that Terraform has marked as tainted, as it is in the cloud now.
#[derive(Debug, Clone, PartialEq)]
pub struct Tainted {
    /// Its address.
    pub address: String,
    /// Its attributes.
    pub attributes: Value,
}

impl Adoption {
    /// What `plan` would create and may exist already: import ids by address.
    #[must_use]
    pub fn candidates(&self, plan: &Plan) -> BTreeMap<String, String> {
        let created = plan.resources.iter().filter(|resource| resource.action == Action::Create);
        created
            .filter_map(|resource| self.ids.get_key_value(&resource.address))
            .map(|(a, id)| (a.clone(), id.clone()))
            .collect()
    }

    /// Addresses of what could be looked for and is not among those that a state has.
    #[must_use]
    pub fn unrecorded(&self, state: &BTreeSet<String>) -> Vec<String> {
        self.ids.keys().filter(|address| !state.contains(*address)).cloned().collect()
    }

    /// Refuses what is another's. A resource that can have no tags belongs to what it is a part of.
    ///
    /// # Errors
    /// A failure that names both owners of each such resource.
    pub fn check(&self, found: &[Found]) -> Result<(), Failure> {
        // What a template's own `import` blocks name, a person looks at.
        let looked_for = found.iter().filter(|found| self.ids.contains_key(&found.address));
        let conflicts: Vec<String> = looked_for.filter_map(|found| self.conflict(found)).collect();
        if conflicts.is_empty() {
            return Ok(());
        }
        let remedy = if self.import.is_some() {
            "Nothing was changed. Two cannot manage it: eject it there first, and where no captd has it any more, remove its tags `captd:…`; then call `captd retry`."
        } else {
            "Nothing was changed. Give it another name, or delete what is in its place in the cloud, then call `captd retry`."
        };
        Err(Failure::with_remedy(Class::Configuration, conflicts.join("; "), remedy))
    }

    /// Refuses a plan that would do more than its owner's import allows.
    ///
    /// # Errors
    /// A failure that says what else it would do.
    pub fn check_import(&self, plan: &Plan) -> Result<(), Failure> {
        let Some(import) = &self.import else { return Ok(()) };
        let objections = import.objections(plan, &self.ids);
        if objections.is_empty() {
            return Ok(());
        }
        let message = format!("the import would do more than take in what exists: {}", objections.join("; "));
        let remedy = "Nothing was changed. Declare it as it is in the cloud, or name what may be changed by its address in `import.acceptChanges` (`--accept-changes`).";
        Err(Failure::with_remedy(Class::Configuration, message, remedy))
    }

    /// What is this owner's own. Beside another's, what can have no tags may be a part of that.
    #[must_use]
    pub fn own(&self, found: Vec<Found>) -> Vec<Found> {
        let all = found.iter().all(|found| self.conflict(found).is_none());
        let is_own = |found: &Found| all || (tags_of(&found.attributes).is_some() && self.conflict(found).is_none());
        found.into_iter().filter(|found| self.ids.contains_key(&found.address)).filter(is_own).collect()
    }

    fn conflict(&self, found: &Found) -> Option<String> {
        let tags = tags_of(&found.attributes)?;
        let tag = |name: &str| tags.get(name).copied();
        let installation = tag(INSTALLATION_TAG);
        let Owner { kind, name, .. } = &self.owner;
        if installation == Some(&self.owner.installation) && tag(&tag_of(*kind)) == Some(name) {
            return None;
        }
        let owner = ResourceKind::ALL.into_iter().find_map(|kind| Some((kind.noun(), tag(&tag_of(kind))?)));
        if self.import.is_some() && owner.is_none() && installation.is_none() {
            return None;
        }
        let theirs = match (owner, installation) {
            (None, _) => format!("has no tag {}, so captd has not made it", tag_of(*kind)),
            (Some((noun, name)), None) => format!("belongs to {noun} {name} of an unnamed installation"),
            (Some((noun, name)), Some(installation)) => {
                format!("belongs to {noun} {name} of installation {installation}")
            }
        };
        Some(format!(
            "{} ({}) already exists and {theirs}; this is {} {name} of installation {}",
            found.address,
            found.id,
            kind.noun(),
            self.owner.installation
        ))
    }
}

/// The tags of a resource that can have some: a map, or blocks of key and value as those of an Auto Scaling group.
fn tags_of(attributes: &Value) -> Option<BTreeMap<&str, &str>> {
    let map = attributes.get("tags").map(|tags| {
        let tags = tags.as_object().into_iter().flatten();
        tags.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
    });
    map.or_else(|| {
        let blocks = attributes.get("tag")?.as_array()?.iter();
        Some(blocks.filter_map(|tag| Some((tag["key"].as_str()?, tag["value"].as_str()?))).collect())
    })
}

/// Whether a run that ends like this may leave something in the cloud that stands in no state.
#[must_use]
pub fn leaves_doubt(run: &Run, outcome: &Outcome) -> bool {
    matches!(run.state, State::Applying(_)) && !outcome.is_good()
}

/// What is to be done about tainted resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mending {
    /// Nothing: their creation has failed, and they are replaced.
    Nothing,
    /// They are in service: the marks go.
    Untaint(Vec<String>),
    /// They are still made; how it ends is not known yet.
    Wait(Failure),
}

/// Looks whether the creation of what is tainted has gone on to a good end after Terraform had
/// given it up.
#[must_use]
pub fn mend(tainted: &[Tainted], manifest: &Manifest) -> Mending {
    let mut serving = Vec::new();
    for resource in tainted {
        let Some((rule, word)) = standing(manifest, &resource.address, &resource.attributes) else { continue };
        if rule.coming.iter().any(|coming| coming == word) {
            return Mending::Wait(not_yet(&resource.address, word));
        }
        if rule.values.iter().any(|value| value == word) {
            serving.push(resource.address.clone());
        }
    }
    if serving.is_empty() { Mending::Nothing } else { Mending::Untaint(serving) }
}

/// Refuses a plan that would change what was found while it is still made.
///
/// # Errors
/// A failure that is tried again.
pub fn may_change(found: &[Found], plan: &Plan, manifest: &Manifest) -> Result<(), Failure> {
    for found in found {
        let Some((rule, word)) = standing(manifest, &found.address, &found.attributes) else { continue };
        let changed = plan.resources.iter().any(|r| r.address == found.address && r.action != Action::Import);
        if changed && rule.coming.iter().any(|coming| coming == word) {
            return Err(not_yet(&found.address, word));
        }
    }
    Ok(())
}

/// What a resource says of its service, and how that is to be read.
fn standing<'a>(manifest: &'a Manifest, address: &str, attributes: &'a Value) -> Option<(&'a InService, &'a str)> {
    let rule = manifest.in_service.get(address)?;
    Some((rule, attributes.get(&rule.attribute)?.as_str()?))
}

fn not_yet(address: &str, word: &str) -> Failure {
    let message =
        format!("{address} is {word}: an earlier run has begun it, and it cannot be changed before that is over");
    Failure::with_remedy(Class::Lock, message, "Nothing: captd looks again by itself.")
}
