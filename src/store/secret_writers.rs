//! Which workspace writes which secret.

use uuid::Uuid;

use super::row::Reading;
use super::{Change, Result, Snapshot};
use crate::domain::name::Name;
use crate::domain::resource::Key;

impl Snapshot {
    /// Who writes a secret; none for one that clients write.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secret_writer(&mut self, namespace: &Name, name: &Name) -> Result<Option<Key>> {
        let row = sqlx::query(
            "SELECT w.kind, w.namespace, w.name FROM secret_writers s JOIN workspaces w ON w.uid = s.workspace_uid
             WHERE s.namespace = $1 AND s.name = $2",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let r = Reading::of(&row, "workspaces", "name");
            r.resource()
        })
        .transpose()
    }

    /// Every secret of a namespace that a workspace writes, and who that is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secret_writers(&mut self, namespace: &Name) -> Result<Vec<(Name, Key)>> {
        let rows = sqlx::query(
            "SELECT s.name AS secret, w.kind, w.namespace, w.name
             FROM secret_writers s JOIN workspaces w ON w.uid = s.workspace_uid
             WHERE s.namespace = $1 ORDER BY s.name",
        )
        .bind(namespace.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let r = Reading::of(row, "workspaces", "name");
                Ok((r.name("secret")?, r.resource()?))
            })
            .collect()
    }

    /// The secret that a workspace writes: its namespace and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn written_secret(&mut self, workspace: Uuid) -> Result<Option<(Name, Name)>> {
        let row = sqlx::query("SELECT namespace, name FROM secret_writers WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let r = Reading::of(&row, "secret_writers", "name");
            Ok((r.name("namespace")?, r.name("name")?))
        })
        .transpose()
    }
}

impl Change {
    /// Keeps which secret a workspace writes, instead of the one that it wrote.
    ///
    /// # Errors
    /// When another writes it, or the database refuses.
    pub async fn put_secret_writer(&mut self, workspace: Uuid, secret: Option<(&Name, &Name)>) -> Result<()> {
        sqlx::query("DELETE FROM secret_writers WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .execute(self.connection())
            .await?;
        if let Some((namespace, name)) = secret {
            sqlx::query("INSERT INTO secret_writers (namespace, name, workspace_uid) VALUES ($1, $2, $3)")
                .bind(namespace.as_str())
                .bind(name.as_str())
                .bind(workspace.to_string())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
