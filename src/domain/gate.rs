//! The gate between a plan and its apply: what goes on by itself, what a person must see first.

use super::machine::Approval;
use super::namespace::Policy;
use super::plan::{Action, Plan, ResourceChange};
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
/// said so. The policy holds over `approval`, which is what the spec says. Under `onDestroy` what
/// deletes, replaces, forgets or moves a protected resource waits, but for the replacement of one whose
/// creation failed: that was never in service. A plan that takes over what somebody else has made waits
/// always: `takeover` says why. An observation applies nothing.
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

/// The same for a destroy that finds nothing of what the state has, and so destroys nothing. Where deletions wait for a
/// person, this one does too: what is not found may be where the credentials of now do not look.
#[must_use]
pub fn hold_unfound(gate: Gate, kind: Kind, policy: Policy, has_resources: bool) -> Gate {
    if gate == Gate::Nothing && kind == Kind::Destroy && policy.deletion_needs_approval && has_resources {
        let why = "a deletion in this namespace waits for approval; nothing is found of what the state has, so that nothing would be destroyed, and captd would let go of it";
        return Gate::Closed(vec![why.to_owned()]);
    }
    gate
}

/// One sentence for each protected resource that the plan takes away, lets go, or gives another address.
fn endangered(plan: &Plan, manifest: &Manifest) -> Vec<String> {
    plan.resources.iter().filter_map(|resource| danger_to(resource, manifest)).collect()
}

fn danger_to(resource: &ResourceChange, manifest: &Manifest) -> Option<String> {
    let address = &resource.address;
    if let Some(before) = &resource.previous_address
        && (manifest.protects(before) || manifest.protects(address))
    {
        let also = match resource.action {
            Action::Move => String::new(),
            action => format!(" and {} it", action.as_str()),
        };
        return Some(format!("the plan would move {before} to {address}{also}"));
    }
    if resource.tainted || !manifest.protects(address) {
        return None;
    }
    match resource.action {
        Action::Delete if resource.deposed.is_some() => {
            Some(format!("the plan would delete what an earlier replacement of {address} has left"))
        }
        Action::Delete | Action::Replace => {
            let why = match resource.replace_because.as_slice() {
                [] => String::new(),
                reasons => format!(" because of {}", reasons.join(", ")),
            };
            Some(format!("the plan would {} {address}{why}", resource.action.as_str()))
        }
        Action::Forget => {
            Some(format!("the plan would forget {address}: it stays in the cloud, and nothing manages it any more"))
        }
        Action::Create | Action::Update | Action::Read | Action::Import | Action::Move => None,
    }
}
