//! What a failed apply may have made that stands in no state and cannot be looked for. Another try might make it twice.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Result, Service};
use crate::domain::failure::Failure;
use crate::domain::plan::Action;
use crate::domain::run::{Kind, State};
use crate::domain::state::addresses;
use crate::supervisor;

/// Providers whose resources exist in the state alone.
const OF_THE_STATE: [&str; 5] = ["terraform", "null", "random", "time", "tls"];

impl Service {
    /// Addresses of what the apply of a run has begun to create and may have made: not those that the state has, those
    /// that the next run looks for, and those that were refused. Where its log is cut, what it has begun is not known:
    /// then it is all that its plan creates.
    pub(super) async fn unsure_after(&self, id: Uuid, failure: &Failure) -> Result<Vec<String>> {
        let run = self.run(id).await?;
        if run.kind != Kind::Apply || !matches!(run.state, State::Applying(_)) {
            return Ok(Vec::new());
        }
        let said = self.said_by_apply(id).await?;
        let is_cut = supervisor::log_is_cut(&self.run_dir(id).join("4-apply"));
        let mut begun = said.creations().clone();
        if is_cut {
            begun.extend(self.planned_creations(id).await?);
        }
        begun.retain(|address, provider| {
            let errors = said.errors_of(address);
            let is_safe = if errors.is_empty() {
                failure.is_safe_to_repeat() && !is_cut
            } else {
                errors.into_iter().all(|text| Failure::classified(text).is_safe_to_repeat())
            };
            let is_safe = is_safe && !said.forgets();
            !is_safe && !OF_THE_STATE.contains(&provider.as_str())
        });
        if begun.is_empty() {
            return Ok(Vec::new());
        }
        let recorded = self.state(run.workspace).await?.map(|state| addresses(&state)).unwrap_or_default();
        // Where it cannot be told what is looked for, nothing is.
        let looked_for = self.prepare(&run).await?.map(|prepared| prepared.looked_for).unwrap_or_default();
        Ok(begun.into_keys().filter(|it| !recorded.contains(it) && !looked_for.contains(it)).collect())
    }

    /// What the plan of a run creates: the kind of its provider by address.
    async fn planned_creations(&self, id: Uuid) -> Result<BTreeMap<String, String>> {
        let creates = |action| matches!(action, Action::Create | Action::Replace);
        let planned = self.plan_of(id).await?.resources.into_iter().filter(|resource| creates(resource.action));
        let of = |kind: &str| kind.split('_').next().unwrap_or_default().to_owned();
        Ok(planned.map(|resource| (resource.address, of(&resource.resource_type))).collect())
    }
}
