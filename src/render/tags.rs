//! Tags that others put on what a template makes: an override of its AWS provider blocks, with which the provider
//! neither shows nor takes away what is ignored.
//!
//! **Invariant:** a provider block that ignores tags of its own accord stays as its author wrote it.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::structure::{Block, Body};

use super::engine::is_hcl;
use super::hcl::quote;
use crate::config::IgnoreTags;

/// Read by Terraform behind all other files.
pub const TAGS_FILE: &str = "captd_tags_override.tf";

/// The override that ignores tags in the AWS providers of a root module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagsOverride {
    /// The provider blocks, by alias.
    providers: Vec<Option<String>>,
    /// What the provider configuration ignores.
    ignored: IgnoreTags,
}

impl TagsOverride {
    pub(super) fn of(files: &BTreeMap<String, String>, ignored: &IgnoreTags) -> Self {
        let of_root = files.iter().filter(|(path, _)| is_hcl(path) && !path.contains('/'));
        let bodies = of_root.filter_map(|(_, text)| text.parse::<Body>().ok());
        let providers = bodies
            .flat_map(|body| body.blocks().filter(|block| is_open(block)).map(alias).collect::<Vec<_>>())
            .collect();
        Self { providers, ignored: ignored.clone() }
    }

    /// Its text, where these keys are ignored too; none where that comes to nothing.
    #[must_use]
    pub fn with(&self, more: &BTreeSet<String>) -> Option<String> {
        let IgnoreTags { keys, key_prefixes } = &self.ignored;
        let keys: BTreeSet<&String> = keys.iter().chain(more).collect();
        if (keys.is_empty() && key_prefixes.is_empty()) || self.providers.is_empty() {
            return None;
        }
        let list = |texts: Vec<&String>| texts.into_iter().map(|text| quote(text)).collect::<Vec<_>>().join(", ");
        let ignores = format!(
            "  ignore_tags {{\n    keys         = [{}]\n    key_prefixes = [{}]\n  }}\n",
            list(keys.into_iter().collect()),
            list(key_prefixes.iter().collect()),
        );
        let block = |alias: &Option<String>| {
            let alias = alias.as_ref().map(|alias| format!("  alias = {}\n", quote(alias))).unwrap_or_default();
            format!("provider \"aws\" {{\n{alias}{ignores}}}\n")
        };
        Some(self.providers.iter().map(block).collect())
    }
}

/// Whether it is an AWS provider block that ignores no tags yet, with an alias that is plain, if it has one.
fn is_open(block: &Block) -> bool {
    let is_aws = block.ident.as_str() == "provider" && block.labels.first().is_some_and(|it| it.as_str() == "aws");
    let has_odd_alias = block.body.get_attribute("alias").is_some() && alias(block).is_none();
    is_aws && !has_odd_alias && block.body.get_blocks("ignore_tags").next().is_none()
}

fn alias(block: &Block) -> Option<String> {
    block.body.get_attribute("alias")?.value.as_str().map(str::to_owned)
}
