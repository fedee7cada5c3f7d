//! What EKS itself says is wrong with a node group, found in the provider's words.
//!
//! The provider's resource and data source have no attribute for it (5.100): the text of a create or
//! update that failed is the only place where it stands.

use serde::{Deserialize, Serialize};

/// One issue, as EKS gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthIssue {
    /// EKS's word, such as `NodeCreationFailure`.
    pub code: String,
    /// EKS's sentence.
    pub message: String,
    /// What it is about: the node group, instances, subnets.
    pub resource_ids: Vec<String>,
}

/// The issues in a failure's message: `… EKS Node Group …last error: <ids>: <code>: <message>`, one a
/// line from there on.
#[must_use]
pub fn health_issues(failure: &str) -> Vec<HealthIssue> {
    let about = failure.find("EKS Node Group").map_or("", |at| &failure[at..]);
    let Some((_, issues)) = about.split_once("last error: ") else { return Vec::new() };
    issues.lines().map_while(issue).collect()
}

fn issue(line: &str) -> Option<HealthIssue> {
    let (ids, rest) = line.split_once(": ")?;
    let (code, message) = rest.split_once(": ")?;
    let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    let resource_ids: Vec<String> = ids.split(", ").map(str::to_owned).collect();
    let is_code =
        code.starts_with(|first: char| first.is_ascii_uppercase()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_code || !resource_ids.iter().all(|id| is_word(id)) {
        return None;
    }
    Some(HealthIssue { code: code.to_owned(), message: without_place(message).to_owned(), resource_ids })
}

/// Without Terraform's place at the end: ` (module.nodegroup.aws_eks_node_group.this, … line 46)`.
fn without_place(message: &str) -> &str {
    let place =
        message.rsplit_once(" (").filter(|(_, place)| place.ends_with(')') && place.contains("aws_eks_node_group"));
    place.map_or(message, |(message, _)| message)
}
