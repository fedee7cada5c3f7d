//! How provider configurations fare: kept with each run's end, read for places and for statuses.
//!
//! **Invariant:** a run with an environment or a region of its own tells nothing of its provider configuration as a
//! whole, and does not wait for it.

use std::collections::{BTreeMap, BTreeSet};

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
        if !may_be_of_the_whole(failure.class) {
            return Ok(false);
        }
        let Some((workspace, provider)) = self.witness(change, run).await? else { return Ok(false) };
        let provider = provider.as_str();
        let template = workspace.template.as_ref().map(|it| format!("{}/{}", it.namespace, it.name));
        let before = change.trouble(provider).await?;
        let stopped = before.as_ref().is_some_and(Trouble::stops);
        let failed = Failed {
            failure,
            workspace: run.workspace,
            namespace: workspace.namespace.as_str(),
            template: template.as_deref(),
            users: change.users_of_provider(provider).await?,
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
        let Some((_, provider)) = self.witness(change, run).await? else { return Ok(()) };
        let provider = provider.as_str();
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
        let Some(trouble) = snapshot.trouble(provider).await? else { return Ok(None) };
        let speaks = self.speaks_for(snapshot, workspace.uid, workspace.generation, provider).await?;
        Ok(speaks.then_some(trouble))
    }

    /// The workspace of a run and its provider configuration, where the run tells how that fares as a whole.
    async fn witness(&self, snapshot: &mut Snapshot, run: &Run) -> Result<Option<(Workspace, String)>> {
        let Some(workspace) = snapshot.workspace(run.workspace).await? else { return Ok(None) };
        let Some(provider) = provider_of(&workspace.cluster).map(str::to_owned) else { return Ok(None) };
        let speaks = self.speaks_for(snapshot, run.workspace, run.generation, &provider).await?;
        Ok(speaks.then_some((workspace, provider)))
    }

    /// Whether what was declared leaves to the provider configuration all that its runs reach the cloud by.
    async fn speaks_for(
        &self,
        snapshot: &mut Snapshot,
        workspace: uuid::Uuid,
        generation: u64,
        provider: &str,
    ) -> Result<bool> {
        let Some((_, spec)) = snapshot.spec_of(workspace, generation).await? else { return Ok(false) };
        let providers = self.providers();
        let region = providers.aws.get(provider).and_then(|provider| provider.region.as_deref());
        Ok(spec.env().is_empty() && (region.is_none() || spec.region() == region))
    }

    /// Those of the open runs that wait for no provider configuration, though they use one of those in `rooms`.
    pub(super) async fn outsiders(
        &self,
        change: &mut Change,
        open: &[OpenRun],
        rooms: &BTreeMap<String, usize>,
    ) -> Result<BTreeSet<uuid::Uuid>> {
        let mut outsiders = BTreeSet::new();
        for OpenRun { run, cluster } in open {
            let Some(provider) = provider_of(cluster).filter(|provider| rooms.contains_key(*provider)) else {
                continue;
            };
            if !self.speaks_for(change, run.workspace, run.generation, provider).await? {
                outsiders.insert(run.id);
            }
        }
        Ok(outsiders)
    }

    /// Lets a run through to look at once, if they wait: a person asks for it.
    pub(super) async fn look_at_provider(&self, change: &mut Change, workspace: &Workspace) -> Result<bool> {
        let Some(provider) = provider_of(&workspace.cluster) else { return Ok(false) };
        let Some(trouble) = change.trouble(provider).await?.filter(Trouble::stops) else { return Ok(false) };
        change.keep_trouble(provider, Some(&trouble.look_now(self.clock.now()))).await?;
        Ok(true)
    }

    /// The same for every provider configuration whose runs wait: all of them were read again.
    pub(super) async fn look_at_all_providers(&self, change: &mut Change) -> Result<()> {
        for (provider, trouble) in change.troubles().await? {
            if trouble.stops() {
                change.keep_trouble(&provider, Some(&trouble.look_now(self.clock.now()))).await?;
            }
        }
        Ok(())
    }

    /// Room for runs of provider configurations that are not well.
    pub(super) async fn provider_rooms(&self, change: &mut Change) -> Result<BTreeMap<String, usize>> {
        let now = self.clock.now();
        let troubles = change.troubles().await?.into_iter();
        Ok(troubles.filter_map(|(provider, trouble)| Some((provider, trouble.room(now)? as usize))).collect())
    }
}

/// A run that waits for a place.
pub(super) fn waiting(open: &OpenRun, outsiders: &BTreeSet<uuid::Uuid>) -> Waiting {
    Waiting {
        id: open.run.id,
        namespace: open.run.namespace.clone(),
        cluster: open.cluster.clone(),
        provider: provider_of(&open.cluster).filter(|_| !outsiders.contains(&open.run.id)).map(str::to_owned),
    }
}
