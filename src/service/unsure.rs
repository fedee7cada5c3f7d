//! What a failed apply may have made that stands in no state and cannot be looked for. Another try might make it twice.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::error::as_far_as_readable;
use super::{Result, Service};
use crate::domain::failure::Failure;
use crate::domain::plan::{Action, Plan};
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
        let Some(said) = as_far_as_readable(self.said_by_apply(id).await, "the log of an apply")? else {
            return self.all_that_it_creates(id).await;
        };
        let is_cut = supervisor::log_is_cut(&self.run_dir(id).join(supervisor::APPLY));
        let mut begun = said.creations().clone();
        if is_cut {
            let Some(planned) = as_far_as_readable(self.plan_of(id).await, "the plan of an apply")? else {
                return self.all_that_it_creates(id).await;
            };
            begun.extend(creations_in(&planned));
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
        let state = as_far_as_readable(self.state(run.workspace).await, "the state that an apply has left")?;
        let recorded = state.flatten().map(|state| addresses(&state)).unwrap_or_default();
        // Where it cannot be told what is looked for, nothing is.
        let prepared =
            as_far_as_readable(self.prepare(&run).await, "what a run was made from")?.and_then(std::result::Result::ok);
        let looked_for = prepared.map(|prepared| prepared.looked_for).unwrap_or_default();
        Ok(begun.into_keys().filter(|it| !recorded.contains(it) && !looked_for.contains(it)).collect())
    }

    /// Addresses of all that a run was to create, where nothing tells what it has come to.
    async fn all_that_it_creates(&self, id: Uuid) -> Result<Vec<String>> {
        let plan = self.store.read().await?.plan(id).await;
        let plan = as_far_as_readable(plan, "the plan of an apply")?.flatten();
        Ok(plan.map_or_else(|| vec!["what it was to create".to_owned()], |plan| may_have_made(&plan)))
    }
}

/// What a plan would create: the kind of its provider by address.
fn creations_in(plan: &Plan) -> BTreeMap<String, String> {
    let created = plan.resources.iter().filter(|it| matches!(it.action, Action::Create | Action::Replace));
    let of = |kind: &str| kind.split('_').next().unwrap_or_default().to_owned();
    created.map(|it| (it.address.clone(), of(&it.resource_type))).collect()
}

/// Addresses of all that a plan would create, but for what is nowhere but in the state.
fn may_have_made(plan: &Plan) -> Vec<String> {
    let created = creations_in(plan).into_iter();
    created.filter(|(_, provider)| !OF_THE_STATE.contains(&provider.as_str())).map(|(address, _)| address).collect()
}
