//! Separation: what an administrator of all namespaces sets for one of them holds against whoever works in it.
//!
//! **Invariant:** no write of a client that may not approve, or that administers one namespace alone, loosens what
//! holds for it: neither the namespace itself, nor a declaration, nor a deletion.

use super::{Actor, Error, Result};
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, NamespaceSpec};
use crate::domain::resource::{Key, Resource, Spec};
use crate::domain::warning::Warning;

/// Whether `actor` may write the namespace as `spec` says: who administers that one alone writes its defaults.
pub(super) fn check_namespace(
    before: Option<&Namespace>,
    name: &Name,
    spec: &NamespaceSpec,
    actor: &Actor,
) -> Result<()> {
    if actor.1.administers_all {
        return Ok(());
    }
    let Some(Namespace { spec: before, .. }) = before else {
        return Err(for_all(&format!("the namespace `{name}` does not exist, and making one")));
    };
    let fields = [
        ("providerConfigs", before.provider_configs == spec.provider_configs),
        ("limits", before.limits == spec.limits),
        ("policy", before.policy == spec.policy),
    ];
    let other: Vec<String> =
        fields.iter().filter(|(_, same)| !same).map(|(field, _)| format!("spec.{field}")).collect();
    if other.is_empty() {
        return Ok(());
    }
    Err(for_all(&format!("this would change {} of the namespace `{name}`, which", other.join(" and "))))
}

/// Whether `actor` may remove a namespace.
pub(super) fn check_removal(name: &Name, actor: &Actor) -> Result<()> {
    if actor.1.administers_all { Ok(()) } else { Err(for_all(&format!("removing the namespace `{name}`"))) }
}

/// Whether `actor` may write `spec` in place of what is declared.
pub(super) fn check_spec(tenant: &Namespace, before: &Resource, spec: &Spec, actor: &Actor) -> Result<()> {
    let key = before.key();
    let policy = tenant.spec.policy;
    let unprotects = before.spec.deletion_protection() && !spec.deletion_protection();
    if unprotects && policy.deletion_protection_needs_approval && !actor.1.approves {
        return Err(without_approval(tenant, &format!("taking deletionProtection off {key}")));
    }
    // Whose deletion waits is not let go of instead.
    if before.metadata.deletion_timestamp.is_some() && spec.retains() && !before.spec.retains() {
        check_letting_go(tenant, &key, actor)?;
    }
    Ok(())
}

/// Whether `actor` may have captd forget what exists in the cloud: a deletion that destroys nothing has no plan that
/// could wait, so that whoever asks for it must be one who may approve.
pub(super) fn check_letting_go(tenant: &Namespace, key: &Key, actor: &Actor) -> Result<()> {
    if tenant.spec.policy.deletion_needs_approval && !actor.1.approves {
        return Err(without_approval(tenant, &format!("leaving what {key} has made behind")));
    }
    Ok(())
}

/// What whoever declares less approval than holds should hear.
pub(super) fn less_than_holds(tenant: &Namespace, spec: &Spec, at: &str) -> Option<Warning> {
    let (declared, holds) = (spec.approval(), tenant.spec.policy.approval(spec.approval()));
    (holds != declared).then(|| {
        let detail =
            format!("is {}; in the namespace `{}` {} holds", declared.as_str(), tenant.metadata.name, holds.as_str());
        Warning::new(format!("{at}/spec/runPolicy/approval"), detail)
    })
}

fn for_all(what: &str) -> Error {
    Error::Forbidden(format!("{what} needs the permission `admin` in all namespaces (`*`)"))
}

fn without_approval(tenant: &Namespace, what: &str) -> Error {
    Error::Forbidden(format!("{what} needs the permission `approve`, as the namespace `{}` says", tenant.metadata.name))
}
