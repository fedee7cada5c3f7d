//! The drain that is going on, if one is.

use super::{Change, Result, Snapshot};
use crate::domain::drain::Drain;

const DRAIN: &str = "drain";

impl Snapshot {
    /// The drain that is going on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn drain(&mut self) -> Result<Option<Drain>> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM settings WHERE key = $1")
            .bind(DRAIN)
            .fetch_optional(self.connection())
            .await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }
}

impl Change {
    /// Begins a drain, or ends it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_drain(&mut self, drain: Option<&Drain>) -> Result<()> {
        sqlx::query("DELETE FROM settings WHERE key = $1").bind(DRAIN).execute(self.connection()).await?;
        if let Some(drain) = drain {
            sqlx::query("INSERT INTO settings (key, value) VALUES ($1, $2)")
                .bind(DRAIN)
                .bind(serde_json::to_string(drain)?)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
