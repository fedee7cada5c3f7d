//! What of a declaration breaks rules that what is stored may break, and what it would replace of what is in force.

use super::{Error, Result, Service};
use crate::domain::machine::MachineSpec;
use crate::domain::metadata::{Declared, Metadata};
use crate::domain::namespace::Namespace;
use crate::domain::ratchet::{Judged, Texts, find, judge};
use crate::domain::resource::{Resource, Spec};
use crate::domain::warning::{Warning, of_replacement};
use crate::domain::workspace::Workspace;
use crate::store::Change;

impl Service {
    /// What of Kubernetes' and EKS's rules is broken; `was_seen` says whether anything of it was ever in force. What an
    /// import takes over exists as it is.
    pub(super) fn judge(
        &self,
        before: Option<&Resource>,
        (declared, spec): (&Declared, &Spec),
        was_seen: bool,
        at: &str,
    ) -> Judged {
        let ami_types = &self.config.node_groups.ami_types;
        let had = before.map(|it| find(stored(&it.metadata), Some(&it.spec), ami_types, at)).unwrap_or_default();
        judge(find(given(declared), Some(spec), ami_types, at), &had, spec.import().is_some() && !was_seen)
    }
}

/// The same of a namespace: what is to be heard.
///
/// # Errors
/// What is broken anew.
pub(super) fn judge_namespace(before: Option<&Namespace>, declared: &Declared, at: &str) -> Result<Vec<Warning>> {
    let had = before.map(|it| find(stored(&it.metadata), None, &[], at)).unwrap_or_default();
    let Judged { problems, warnings } = judge(find(given(declared), None, &[], at), &had, false);
    problems.into_result(warnings).map_err(Error::Invalid)
}

/// What the declaration would replace of what is in force, as far as that generation is kept.
pub(super) async fn replacements(
    change: &mut Change,
    workspace: &Workspace,
    now: &MachineSpec,
    at: &str,
) -> Result<Vec<Warning>> {
    let generation = workspace.observation.as_ref().map_or(0, |seen| seen.generation);
    let in_force = if generation == 0 { None } else { change.spec_of(workspace.uid, generation).await? };
    let in_force = in_force.as_ref().and_then(|(_, spec)| spec.machine());
    Ok(in_force.map(|it| of_replacement(it, now, &format!("{at}/spec"))).unwrap_or_default())
}

fn given(declared: &Declared) -> Texts<'_> {
    Texts { labels: &declared.labels, annotations: &declared.annotations }
}

fn stored(metadata: &Metadata) -> Texts<'_> {
    Texts { labels: &metadata.labels, annotations: &metadata.annotations }
}
