//! Import: what is declared and exists in the cloud already is taken over by its first run, which makes nothing, changes
//! nothing but the tags that say whose it is and what was accepted by name, and is approved by a person.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::adoption::{Adoption, INSTALLATION_TAG, tag_of};
use super::fields::Fields;
use super::plan::{Action, Plan, ResourceChange};
use super::resource::ResourceKind;

/// `spec.import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Import ids by address, besides those that the template's manifest says (`importIds`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// Addresses of resources that the first run may make, change or replace.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept_changes: BTreeSet<String>,
}

/// Reads `import`.
pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Import> {
    f.object("import", |f| {
        let ids = f.text_map("ids").unwrap_or_default();
        let accepted = f.texts("acceptChanges").unwrap_or_default();
        for (address, id) in &ids {
            if address.trim().is_empty() || id.trim().is_empty() {
                f.problem("ids", "invalid", "an entry is the address of a resource and its import id, both not empty");
            }
            if address.contains(['\n', '\r']) {
                f.problem("ids", "invalid", "an address stands on one line");
            }
        }
        Some(Import { ids, accept_changes: accepted.into_iter().collect() })
    })
}

impl Import {
    /// What `plan` would do besides taking in what exists: a sentence for each resource. `ids` are those that were
    /// looked for: what is named and does not exist is a mistake, and no change that could be accepted.
    #[must_use]
    pub fn objections(&self, plan: &Plan, ids: &BTreeMap<String, String>) -> Vec<String> {
        let objection = |resource: &ResourceChange| match (resource.action, ids.get(&resource.address)) {
            (Action::Create, Some(id)) => {
                Some(format!("{} ({id}) does not exist, and would be created", resource.address))
            }
            _ if self.accept_changes.contains(&resource.address) => None,
            _ => objection(resource),
        };
        plan.resources.iter().filter_map(objection).collect()
    }
}

/// Why a person must see a plan that takes over what others have made; none for one that does not, or that finds again
/// what captd itself has made and lost sight of.
#[must_use]
pub fn takeover(plan: &Plan, adoption: Option<&Adoption>) -> Option<String> {
    let is_found_again = |address: &str| adoption.is_some_and(|it| it.import.is_none() && it.ids.contains_key(address));
    let imported = plan.resources.iter().filter(|resource| !is_found_again(&resource.address));
    let imported: Vec<String> =
        imported.filter_map(|it| Some(format!("{} ({})", it.address, it.import_id.as_ref()?))).collect();
    if !imported.is_empty() {
        return Some(format!("the plan takes over what exists: {}", imported.join(", ")));
    }
    // What an import goes on with was not seen by whoever approved its first plan.
    let import = adoption?.import.as_ref()?;
    let goes_on = plan.resources.iter().any(|resource| {
        objection(resource).is_some()
            || (import.accept_changes.contains(&resource.address) && resource.action != Action::Read)
    });
    goes_on.then(|| format!("what is taken over would be changed further: {}", plan.summary))
}

fn objection(resource: &ResourceChange) -> Option<String> {
    let address = &resource.address;
    if let Some(before) = &resource.previous_address {
        return Some(format!("{before} would be moved to {address}"));
    }
    match resource.action {
        Action::Import | Action::Read | Action::Move => None,
        Action::Create => Some(format!("{address} would be created")),
        Action::Delete => Some(format!("{address} would be deleted")),
        Action::Forget => Some(format!("{address} would be let go")),
        Action::Replace => {
            Some(format!("{address} would be replaced because of {}", resource.replace_because.join(", ")))
        }
        Action::Update => {
            let changed: Vec<String> = resource
                .changes
                .iter()
                .filter(|change| !says_whose_it_is(&change.path))
                .map(|change| format!("{} from {} to {}", change.path, change.before, change.after))
                .collect();
            (!changed.is_empty()).then(|| format!("{address} would be changed: {}", changed.join(", ")))
        }
    }
}

/// Whether an attribute is one of captd's own tags.
fn says_whose_it_is(path: &str) -> bool {
    let own = ResourceKind::ALL.map(tag_of).into_iter().chain([INSTALLATION_TAG.to_owned()]);
    let name = path.strip_prefix("tags.").or_else(|| path.strip_prefix("tags_all."));
    name.is_some_and(|name| own.into_iter().any(|tag| tag == name))
}
