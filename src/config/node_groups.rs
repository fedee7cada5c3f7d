//! `[node_groups]`: what EKS has learned since this captd was built.

use crate::domain::fields::Fields;

/// `[node_groups]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeGroups {
    /// AMI types besides those that captd knows, such as `AL2023_x86_64_STANDARD`.
    pub ami_types: Vec<String>,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<NodeGroups> {
    let ami_types = f.texts("ami_types").unwrap_or_default();
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if let Some(wrong) = ami_types.iter().find(|text| !is_word(text)) {
        f.problem("ami_types", "invalid_value", format!("`{wrong}` is no AMI type, such as AL2023_x86_64_STANDARD"));
    }
    Some(NodeGroups { ami_types })
}
