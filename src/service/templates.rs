//! Templates: reading.

use super::{Error, Result, Service};
use crate::domain::name::Name;
use crate::domain::template::Template;

impl Service {
    /// One template, as the namespace sees it.
    ///
    /// # Errors
    /// When the namespace or the template does not exist.
    pub async fn template(&self, namespace: &Name, name: &Name) -> Result<&Template> {
        self.require_namespace(&mut self.store.read().await?, namespace).await?;
        self.library.get(name).ok_or_else(|| Error::NotFound { what: "template", name: name.to_string() })
    }

    /// The templates that the namespace sees.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn templates(&self, namespace: &Name) -> Result<Vec<&Template>> {
        self.require_namespace(&mut self.store.read().await?, namespace).await?;
        Ok(self.library.iter().collect())
    }
}
