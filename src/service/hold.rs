//! Holding everything back: runs plan and are not applied, until a person releases them.

use super::{Actor, Result, Service};
use crate::domain::event::Told;

impl Service {
    /// Why nothing is applied at the moment; `None` when it is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held(&self) -> Result<Option<String>> {
        Ok(self.store.read().await?.held().await?)
    }

    /// Applies nothing from now on. What is being applied is let finish.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hold(&self, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        let why = format!("held by {} since {}", actor.0, self.clock.now());
        change.set_held(Some(&why)).await?;
        change.tell(Told::of_installation("Held", "nothing is applied")).await?;
        Ok(change.commit().await?)
    }

    /// Applies again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release(&self, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        change.set_held(None).await?;
        change.tell(Told::of_installation("Released", "runs are applied again")).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }
}
