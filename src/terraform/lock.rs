//! Terraform's dependency lock file: which providers a workspace uses, and their hashes.

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

/// Its name in a folder.
pub const FILE: &str = ".terraform.lock.hcl";

/// A provider of the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// `registry.terraform.io/hashicorp/aws`
    pub address: String,
    /// `5.100.0`
    pub version: String,
    /// Hashes that Terraform accepts.
    pub hashes: Vec<String>,
}

/// Reads a lock file. `None` when it is none.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Locked>> {
    let body: Body = text.parse().ok()?;
    body.blocks().filter(|block| block.ident.as_str() == "provider").map(locked).collect()
}

fn locked(block: &Block) -> Option<Locked> {
    let address = block.labels.first()?.as_str().to_owned();
    let version = block.body.get_attribute("version")?.value.as_str()?.to_owned();
    let hashes = block.body.get_attribute("hashes").map(|attribute| &attribute.value);
    let hashes = match hashes {
        Some(Expression::Array(items)) => items.iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect(),
        _ => Vec::new(),
    };
    Some(Locked { address, version, hashes })
}

/// Words of a configuration that may name a type of resource or data source: each identifier in
/// it. Too many do no harm; one too few would.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
}
