//! The gate between a plan and its apply: what goes on by itself, what a person must see first.

use super::machine::Approval;
use super::namespace::Policy;
use super::plan::{Action, Plan};
use super::run::Kind;
use super::template::Manifest;

/// What becomes of a run whose plan is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// There is nothing to apply.
    Nothing,
    /// Only the plan was wanted.
    Shown,
    /// It may be applied.
    Open,
    /// A person must approve it, for these reasons.
    Closed(Vec<String>),
}

/// Decides for a run of `kind`.
///
/// A destroy run is consent in itself, unless the namespace's policy asks for more: whoever deletes a machine has
/// said so. The policy holds over `approval`, which is what the spec says. Under `onDestroy` a
/// deletion or replacement of a protected resource waits, but for the replacement of one whose
/// creation failed: that was never in service. A plan that takes over what somebody else has made waits
/// always: `takeover` says why.
#[must_use]
pub fn gate(
    kind: Kind,
    plan: &Plan,
    (approval, policy): (Approval, Policy),
    manifest: &Manifest,
    takeover: Option<String>,
) -> Gate {
    if !plan.has_changes() {
        return Gate::Nothing;
    }
    if kind == Kind::Apply
        && let Some(why) = takeover
    {
        return Gate::Closed(vec![why]);
    }
    match (kind, policy.approval(approval)) {
        (Kind::Plan | Kind::Refresh, _) => Gate::Shown,
        (Kind::Destroy, _) if policy.deletion_needs_approval => Gate::Closed(vec![format!(
            "a deletion in this namespace waits for approval; the plan has {}",
            plan.summary
        )]),
        (Kind::Destroy, _) | (Kind::Apply, Approval::Auto) => Gate::Open,
        (Kind::Apply, Approval::Manual) => {
            let whose = if approval == Approval::Manual {
                "runPolicy.approval"
            } else {
                "the namespace's policy.leastApproval"
            };
            Gate::Closed(vec![format!("{whose} is manual; the plan has {}", plan.summary)])
        }
        (Kind::Apply, Approval::OnDestroy) => {
            let because = endangered(plan, manifest);
            if because.is_empty() { Gate::Open } else { Gate::Closed(because) }
        }
    }
}

/// One sentence for each protected resource that the plan takes away.
fn endangered(plan: &Plan, manifest: &Manifest) -> Vec<String> {
    plan.resources
        .iter()
        .filter(|resource| matches!(resource.action, Action::Delete | Action::Replace))
        .filter(|resource| !resource.tainted && manifest.protects(&resource.address))
        .map(|resource| {
            let verb = resource.action.as_str();
            if resource.replace_because.is_empty() {
                format!("the plan would {verb} {}", resource.address)
            } else {
                format!("the plan would {verb} {} because of {}", resource.address, resource.replace_because.join(", "))
            }
        })
        .collect()
}
