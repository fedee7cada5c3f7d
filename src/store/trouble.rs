//! Provider configurations that are not well.

use std::collections::BTreeMap;

use super::row::Reading;
use super::{Change, Result, Snapshot};
use crate::domain::trouble::{Trouble, Users};

impl Snapshot {
    /// What is wrong with a provider configuration, if anything is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn trouble(&mut self, provider: &str) -> Result<Option<Trouble>> {
        let row = sqlx::query("SELECT * FROM provider_trouble WHERE provider = $1")
            .bind(provider)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| Reading::of(&row, "provider_trouble", "provider").json("trouble")).transpose()
    }

    /// What is wrong with which provider configuration.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn troubles(&mut self) -> Result<BTreeMap<String, Trouble>> {
        let rows = sqlx::query("SELECT * FROM provider_trouble").fetch_all(self.connection()).await?;
        rows.iter()
            .map(|row| {
                let r = Reading::of(row, "provider_trouble", "provider");
                Ok((r.text("provider")?, r.json("trouble")?))
            })
            .collect()
    }

    /// How many use a provider configuration.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_of_provider(&mut self, provider: &str) -> Result<Users> {
        let row = sqlx::query(
            "SELECT count(*) AS workspaces, count(DISTINCT namespace) AS namespaces,
               count(DISTINCT coalesce(template_namespace || '/' || template_name, '')) AS templates
             FROM workspaces WHERE substr(cluster, 1, length($1)) = $1",
        )
        .bind(format!("aws/{provider}/"))
        .fetch_one(self.connection())
        .await?;
        let r = Reading::of(&row, "workspaces", "count");
        Ok(Users {
            workspaces: r.count("workspaces")?,
            namespaces: r.count("namespaces")?,
            templates: r.count("templates")?,
        })
    }
}

impl Change {
    /// Keeps what is wrong with a provider configuration, or that nothing is.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_trouble(&mut self, provider: &str, trouble: Option<&Trouble>) -> Result<()> {
        let query = match trouble {
            Some(trouble) => sqlx::query("INSERT OR REPLACE INTO provider_trouble (provider, trouble) VALUES ($1, $2)")
                .bind(provider.to_owned())
                .bind(serde_json::to_string(trouble)?),
            None => sqlx::query("DELETE FROM provider_trouble WHERE provider = $1").bind(provider.to_owned()),
        };
        query.execute(self.connection()).await?;
        Ok(())
    }
}
