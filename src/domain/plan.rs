//! A plan: what a run would change, resource by resource, sensitive values already masked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::template::Manifest;

/// What stands in place of a sensitive value.
pub const MASK: &str = "(sensitive)";

/// A plan as it is kept and shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Whether Terraform would apply it: its own word, which no count replaces. Absent in plans of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applyable: Option<bool>,
    /// Counts by action.
    pub summary: Summary,
    /// What would change. Resources that stay as they are do not appear.
    pub resources: Vec<ResourceChange>,
    /// Outputs that would change.
    pub outputs: Vec<AttributeChange>,
    /// Resources that changed behind Terraform's back, as they were found.
    #[serde(default)]
    pub drift: Vec<ResourceChange>,
    /// `check` blocks that do not hold, one text each: they warn, and stop nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_checks: Vec<String>,
    /// Changes that cannot be planned yet, one text each: applying this plan does not make them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<String>,
    /// Addresses of what may exist and stands in no state, and could not be looked for: a destroy does not reach it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_looked_for: Vec<String>,
}

impl Plan {
    /// What somebody changed outside captd, one text a resource. Terraform also lists attributes
    /// that the cloud itself fills in later, so only what the template protects counts, and what
    /// is gone.
    #[must_use]
    pub fn foreign_changes(&self, manifest: &Manifest) -> Vec<String> {
        let is_autoscaled = |address: &str, path: &str| {
            manifest.autoscaled.get(address).is_some_and(|paths| paths.iter().any(|it| it == path))
        };
        let told = |resource: &ResourceChange| {
            let changes = resource.changes.iter().map(|change| change.path.as_str());
            let paths: Vec<&str> = changes.filter(|path| !is_autoscaled(&resource.address, path)).collect();
            match resource.action {
                Action::Delete => Some(format!("{} is gone", resource.address)),
                // Without a change it is only null that has become empty.
                _ if paths.is_empty() || !manifest.protects(&resource.address) => None,
                _ => Some(format!("{} ({})", resource.address, paths.join(", "))),
            }
        };
        self.drift.iter().filter_map(told).collect()
    }

    /// Outputs that are others now than in the state, one text each. What only an apply can tell, such as `timestamp()`,
    /// was not seen to differ; nor does what is `watched`, which is to change by itself.
    #[must_use]
    pub fn foreign_outputs(&self, watched: &[&str]) -> Vec<String> {
        let seen = self.outputs.iter().filter(|change| !change.unknown);
        let names = seen.map(|change| change.path.split(['.', '[']).next().unwrap_or_default());
        let mut found: Vec<String> =
            names.filter(|name| !watched.contains(name)).map(|name| format!("output {name}")).collect();
        found.dedup();
        found
    }

    /// Whether there is something to apply.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.applyable.unwrap_or_else(|| self.lists_changes())
    }

    /// Whether it lists anything that would change, as far as captd can read it.
    #[must_use]
    pub fn lists_changes(&self) -> bool {
        !self.outputs.is_empty() || self.resources.iter().any(|resource| resource.action != Action::Read)
    }
}

/// Counts of resources by action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// New ones.
    pub create: u32,
    /// Changed in place.
    pub update: u32,
    /// Deleted and created anew.
    pub replace: u32,
    /// Deleted.
    pub delete: u32,
    /// Exist already and are recorded, some of them changed as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub import: u32,
    /// Have another address from then on, some of them changed as well.
    #[serde(default, rename = "move", skip_serializing_if = "is_zero")]
    pub moved: u32,
    /// Are let go: they stay as they are, and nothing manages them any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forget: u32,
    /// Of those that are deleted: what an earlier replacement has left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deposed: u32,
    /// Outputs that change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outputs: u32,
}

impl Summary {
    /// All that it counts besides creations, updates, replacements and deletions, in words; nothing of what is 0.
    #[must_use]
    pub fn further(&self) -> Vec<String> {
        let verbs = [(self.import, "import"), (self.moved, "move"), (self.forget, "forget")];
        let mut words: Vec<String> =
            verbs.iter().filter(|(count, _)| *count > 0).map(|(count, verb)| format!("{count} to {verb}")).collect();
        if self.outputs > 0 {
            let noun = if self.outputs == 1 { "output" } else { "outputs" };
            words.push(format!("{} {noun} to change", self.outputs));
        }
        words
    }

    /// Whether it counts outputs, and nothing else.
    #[must_use]
    pub fn only_outputs(self) -> bool {
        self.outputs > 0 && self == Self { outputs: self.outputs, ..Self::default() }
    }

    /// ` (1 of them deposed)`, where an earlier replacement has left something.
    #[must_use]
    pub fn of_them_deposed(&self) -> String {
        if self.deposed == 0 { String::new() } else { format!(" ({} of them deposed)", self.deposed) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} to create, {} to update, {} to replace, {} to delete{}",
            self.create,
            self.update,
            self.replace,
            self.delete,
            self.of_them_deposed()
        )?;
        self.further().iter().try_for_each(|words| write!(f, ", {words}"))
    }
}

/// What would happen to one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChange {
    /// Terraform's address, `module.nodegroup.aws_eks_node_group.this`.
    pub address: String,
    /// Resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// What would be done.
    pub action: Action,
    /// The address that it had, where it is moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_address: Option<String>,
    /// Terraform's key of what an earlier replacement has left: not the resource itself is meant, but that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<String>,
    /// The id by which it is imported: it exists and stands in no state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_id: Option<String>,
    /// Why it must be replaced: paths of attributes, or Terraform's reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace_because: Vec<String>,
    /// Whether it is replaced because its creation failed; it was never in service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Attribute by attribute.
    #[serde(default)]
    pub changes: Vec<AttributeChange>,
}

/// What would be done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Made.
    Create,
    /// Changed in place.
    Update,
    /// Deleted and made anew.
    Replace,
    /// Deleted.
    Delete,
    /// A data source that is read while applying.
    Read,
    /// Exists already and is only recorded.
    Import,
    /// Has another address from then on, and stays as it is.
    Move,
    /// Is let go: it stays as it is, and nothing manages it any more.
    Forget,
}

impl Action {
    /// The word in a sentence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Import => "import",
            Self::Move => "move",
            Self::Forget => "forget",
        }
    }
}

/// One attribute before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// Path such as `scaling_config[0].desired_size`.
    pub path: String,
    /// Value before; null when there was none.
    pub before: Value,
    /// Value after; null when there is none or it is not known yet.
    pub after: Value,
    /// Whether the values are masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Whether the value is known only after the apply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}
