//! What a plan may not take away without a person: what the revision protects that is planned, and what the one did that
//! is in force. Whoever drops a resource together with its protection would otherwise be asked nothing.

use super::{Prepared, Result, Service};
use crate::domain::run::Run;
use crate::domain::template::Manifest;
use crate::store::Change;

impl Service {
    /// The manifest of what was planned, with all that is protected.
    pub(super) async fn protecting(&self, change: &mut Change, run: &Run, prepared: &Prepared) -> Result<Manifest> {
        let mut manifest = prepared.manifest.clone();
        let assigned = change.workspace(run.workspace).await?.and_then(|workspace| workspace.template);
        let in_force = change.revision_in_force(run.workspace).await?.filter(|it| *it != prepared.revision);
        if let Some((assigned, in_force)) = assigned.zip(in_force)
            && let Some(before) = self.revision(change, &assigned.namespace, &assigned.name, &in_force).await?
        {
            manifest.protects.extend(before.manifest.protects.iter().cloned());
        }
        Ok(manifest)
    }
}
