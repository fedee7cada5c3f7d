//! Draining: no run gets a place, so that those at work come to their end before a reboot.

use super::{Actor, Result, Service};
use crate::domain::drain::Drain;
use crate::domain::event::Told;
use crate::domain::run::Run;
use crate::supervisor::boot_id;

impl Service {
    /// The drain that is going on, and the runs that are still at work.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn draining(&self) -> Result<(Option<Drain>, Vec<Run>)> {
        let drain = self.store.read().await?.drain().await?;
        Ok((drain, self.runs_at_work().await?.into_iter().map(|(run, _)| run).collect()))
    }

    /// How many runs are at work and how many wait, in words.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn load(&self) -> Result<String> {
        let mut snapshot = self.store.read().await?;
        let open = snapshot.open_run_count().await?;
        let drain = snapshot.drain().await?.map(|drain| format!("; {drain}")).unwrap_or_default();
        drop(snapshot);
        let at_work = self.runs_at_work().await?.len() as u64;
        Ok(format!("{at_work} runs at work, {} wait{drain}", open.saturating_sub(at_work)))
    }

    /// Gives no run a place from now on. One that goes on already stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn drain(&self, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        if change.drain().await?.is_none() {
            let drain = Drain { since: self.clock.now(), by: actor.0.clone(), boot_id: boot_id() };
            change.set_drain(Some(&drain)).await?;
            change.tell(Told::of_installation("DrainBegun", "no run begins")).await?;
        }
        Ok(change.commit().await?)
    }

    /// Gives places again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn end_drain(&self, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        change.set_drain(None).await?;
        change.tell(Told::of_installation("DrainEnded", "runs begin again")).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }

    /// Ends a drain of an earlier boot: the machine has been started again since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_drain_of_earlier_boot(&self) -> Result<()> {
        match self.store.read().await?.drain().await? {
            Some(drain) if drain.boot_id == boot_id() => tracing::warn!("{drain}; `captd drain --release` ends it"),
            Some(drain) => {
                tracing::info!("no longer {drain}: the machine was started again");
                self.end_drain(&Actor::daemon()).await?;
            }
            None => {}
        }
        Ok(())
    }
}
