//! Import: what is declared and exists in the cloud already is taken over by its first run, which makes nothing, changes
//! nothing but the tags that say whose it is, and is approved by a person.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::adoption::{INSTALLATION_TAG, tag_of};
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
    /// looked for.
    #[must_use]
    pub fn objections(&self, plan: &Plan, ids: &BTreeMap<String, String>) -> Vec<String> {
        let refused = plan.resources.iter().filter(|resource| !self.accept_changes.contains(&resource.address));
        refused.filter_map(|resource| objection(resource, ids)).collect()
    }
}

fn objection(resource: &ResourceChange, ids: &BTreeMap<String, String>) -> Option<String> {
    let address = &resource.address;
    match resource.action {
        Action::Import | Action::Read => None,
        Action::Create => Some(match ids.get(address) {
            Some(id) => format!("{address} ({id}) does not exist, and would be created"),
            None => format!("{address} would be created"),
        }),
        Action::Delete => Some(format!("{address} would be deleted")),
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
