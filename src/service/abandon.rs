//! Abandoning: captd lets go of a machine or workspace without destroying what it made. Its state is kept as retained.
//!
//! **Invariant:** never while an apply is at work, and never without saying what may still exist.

use super::delete::{check_protection, others};
use super::error::as_far_as_readable;
use super::separation::check_letting_go;
use super::states::of_key;
use super::write::Condition;
use super::{Actor, Error, Result, Service};
use crate::domain::resource::Key;
use crate::domain::run::{State, Wish};
use crate::domain::state::addresses;
use crate::store::Change;

/// Addresses that an event names; the rest is counted.
const NAMED_MAX: usize = 20;

/// What captd has let go of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Addresses of what may still exist: those that its state has, and those of which it is not known whether they were
    /// made.
    pub may_exist: Vec<String>,
    /// That its state cannot be opened, so that none of them is known.
    pub is_unreadable: bool,
    /// That there may be more, which stands in no state.
    pub and_more: bool,
    /// Whether its state is kept as retained.
    pub is_retained: bool,
}

impl Abandoned {
    /// What may still exist, in a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        let named: Vec<&str> = self.may_exist.iter().take(NAMED_MAX).map(String::as_str).collect();
        let rest = self.may_exist.len().saturating_sub(NAMED_MAX);
        let mut out = match named.as_slice() {
            [] if self.is_unreadable => "its state cannot be opened, so what may still exist is not known".to_owned(),
            [] => "its state holds nothing".to_owned(),
            named => format!("these may still exist: {}", named.join(", ")),
        };
        if rest > 0 {
            out.push_str(&format!(" and {rest} more"));
        }
        if self.and_more {
            out.push_str("; an apply of it did not end well, so there may be something that stands in no state");
        }
        out
    }
}

impl Service {
    /// Lets go of a machine or workspace without destroying what it made.
    ///
    /// # Errors
    /// When it does not exist, is protected or needed, an apply of it is at work, or `condition` is not met.
    pub async fn abandon_resource(&self, key: &Key, condition: Condition, actor: &Actor) -> Result<Abandoned> {
        let mut change = self.write(&actor.0).await?;
        let resource = self.existing(&mut change, key).await?;
        let version = resource.metadata.resource_version;
        if let Condition::Version(wanted) = condition
            && wanted != version
        {
            let detail = format!("{key} has changed: its resourceVersion is {version}, not {wanted}; read it again");
            return Err(Error::Precondition(detail));
        }
        check_protection(&resource)?;
        let tenant = self.require_namespace(&mut change, &key.namespace).await?;
        check_letting_go(&tenant, key, actor)?;
        others(&mut change, key, false, actor).await?;
        let uid = resource.workspace;
        let lock = change.state_lock(uid).await?;
        if let Some(why) = lock.and_then(|lock| lock.held_by_hand("that process may be changing what is let go.")) {
            return Err(Error::conflict("locked", why));
        }
        self.end_open_run(&mut change, key, uid).await?;
        let workspace = change.workspace(uid).await?.ok_or_else(|| Error::no_resource(key))?;
        let newest = change.newest_state(uid).await?;
        let state = match &newest {
            Some(newest) => {
                let content = change.state_content(uid, newest.version, &self.keys.now()).await;
                as_far_as_readable(content, "the state of what is abandoned")?.flatten()
            }
            None => None,
        };
        let mut may_exist = state.as_deref().map(addresses).unwrap_or_default();
        may_exist.extend(change.unsure(uid).await?);
        let abandoned = Abandoned {
            may_exist: may_exist.into_iter().collect(),
            is_unreadable: newest.is_some() && state.is_none(),
            and_more: workspace.in_doubt.is_some() || workspace.diverged.is_some(),
            is_retained: newest.is_some(),
        };
        if abandoned.is_retained {
            change.retain(uid, self.clock.now()).await?;
        }
        let kept = if abandoned.is_retained { "; its state is kept (`captd get retained`)" } else { "" };
        let message = format!("captd lets go of it and destroys nothing: {}{kept}", abandoned.in_words());
        change.tell(of_key("Abandoned", key, &message)).await?;
        change.remove_resource(uid).await?;
        change.commit().await?;
        tracing::warn!(owner = %key, by = actor.0, what = abandoned.in_words(), "abandoned: nothing was destroyed");
        self.wakes.all();
        self.retire_workspace_folder(uid).await;
        Ok(abandoned)
    }

    /// Ends the open run, if no process of it can be at work.
    async fn end_open_run(&self, change: &mut Change, key: &Key, workspace: uuid::Uuid) -> Result<()> {
        let Some(open) = change.open_run(workspace).await? else { return Ok(()) };
        let id = open.id;
        let at_work = match open.state {
            State::Applying(_) => Some("is being applied"),
            State::Preparing(_) | State::Planning(_) => Some("is being planned"),
            _ => None,
        };
        if let Some(what) = at_work {
            let detail =
                format!("run {id} of {key} {what}; wait for its end, or `captd cancel {id}`, and ask once more");
            return Err(Error::conflict("run_open", detail));
        }
        let moved = open.give_way(Wish::Cancel, self.clock.now())?;
        change.save_run(&moved).await?;
        self.let_go(change, &moved).await
    }
}
