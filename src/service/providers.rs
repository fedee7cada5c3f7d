//! How provider configurations fare: kept with each run's end, read for places and for statuses.

use std::collections::BTreeMap;

use super::{Result, Service};
use crate::domain::failure::{Class, Failure};
use crate::domain::fair::Waiting;
use crate::domain::run::Run;
use crate::domain::trouble::{Failed, Trouble, after_failure, after_success, may_be_of_the_whole, provider_of};
use crate::domain::workspace::Workspace;
use crate::store::{Change, OpenRun, Snapshot};

impl Service {
    /// Takes in why a run failed. Says whether that is the provider configuration's failure and not
    /// the machine's.
    pub(super) async fn provider_failed(&self, change: &mut Change, run: &Run, failure: &Failure) -> Result<bool> {
        if matches!(failure.class, Class::Quota | Class::Capacity) {
            // The cloud has answered.
            self.provider_works(change, run).await?;
        }
        let Some(workspace) = change.workspace(run.workspace).await? else { return Ok(false) };
        let Some(provider) = provider_of(&workspace.cluster).filter(|_| may_be_of_the_whole(failure.class)) else {
            return Ok(false);
        };
        let before = change.trouble(provider).await?;
        let stopped = before.as_ref().is_some_and(Trouble::stops);
        let failed = Failed {
            failure,
            workspace: run.workspace,
            is_only_one: change.workspaces_of_provider(provider).await? <= 1,
            backoff: self.config.reconcile.backoff,
            fraction: self.clock.fraction(),
            now: self.clock.now(),
        };
        let trouble = after_failure(before, failed);
        if trouble.stops() && !stopped {
            tracing::warn!(
                provider,
                class = failure.class.as_str(),
                message = failure.message,
                "the provider configuration fails as a whole: its runs wait"
            );
        }
        change.keep_trouble(provider, Some(&trouble)).await?;
        Ok(trouble.pause.is_some())
    }

    /// Takes in that a run has shown that its provider configuration works.
    pub(super) async fn provider_works(&self, change: &mut Change, run: &Run) -> Result<()> {
        let Some(workspace) = change.workspace(run.workspace).await? else { return Ok(()) };
        let Some(provider) = provider_of(&workspace.cluster) else { return Ok(()) };
        let Some(before) = change.trouble(provider).await? else { return Ok(()) };
        let after = after_success(before, self.plans_at_once().saturating_add(self.applies_at_once()));
        if after.is_none() {
            tracing::info!(provider, "the provider configuration works");
        }
        change.keep_trouble(provider, after.as_ref()).await?;
        Ok(())
    }

    /// Takes in that a run has a plan: a sign that it works where all of them wait, and no more than
    /// that, since applying may still be refused.
    pub(super) async fn provider_planned(&self, change: &mut Change, run: &Run) -> Result<()> {
        let Some(workspace) = change.workspace(run.workspace).await? else { return Ok(()) };
        match self.trouble_of(change, &workspace).await? {
            Some(trouble) if trouble.pause.is_some() => self.provider_works(change, run).await,
            _ => Ok(()),
        }
    }

    /// What is wrong with the provider configuration of a workspace.
    pub(super) async fn trouble_of(&self, snapshot: &mut Snapshot, workspace: &Workspace) -> Result<Option<Trouble>> {
        let Some(provider) = provider_of(&workspace.cluster) else { return Ok(None) };
        Ok(snapshot.trouble(provider).await?)
    }

    /// Lets a run through to look at once, if they wait: a person asks for it.
    pub(super) async fn look_at_provider(&self, change: &mut Change, workspace: &Workspace) -> Result<bool> {
        let Some(provider) = provider_of(&workspace.cluster) else { return Ok(false) };
        let Some(trouble) = change.trouble(provider).await?.filter(Trouble::stops) else { return Ok(false) };
        change.keep_trouble(provider, Some(&trouble.look_now(self.clock.now()))).await?;
        Ok(true)
    }

    /// Room for runs of provider configurations that are not well.
    pub(super) async fn provider_rooms(&self, change: &mut Change) -> Result<BTreeMap<String, usize>> {
        let now = self.clock.now();
        let troubles = change.troubles().await?.into_iter();
        Ok(troubles.filter_map(|(provider, trouble)| Some((provider, trouble.room(now)? as usize))).collect())
    }
}

/// A run that waits for a place.
pub(super) fn waiting(open: &OpenRun) -> Waiting {
    Waiting {
        id: open.run.id,
        namespace: open.run.namespace.clone(),
        cluster: open.cluster.clone(),
        provider: provider_of(&open.cluster).map(str::to_owned),
    }
}
