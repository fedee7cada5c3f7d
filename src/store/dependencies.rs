//! Who needs whom in the database.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::Reading;
use super::{Change, Result, Snapshot};
use crate::domain::needs::{Input, Need, Wants};
use crate::domain::resource::Key;

impl Snapshot {
    /// All that a workspace takes of others.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn wants_of(&mut self, workspace: Uuid) -> Result<Wants> {
        Ok(Wants { needs: self.needs_of(workspace).await?, secrets: self.secret_uses(workspace).await? })
    }

    /// The same of each workspace that takes anything.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_wants(&mut self) -> Result<BTreeMap<Uuid, Wants>> {
        let mut all = BTreeMap::<Uuid, Wants>::new();
        let rows = sqlx::query("SELECT * FROM dependencies ORDER BY workspace_uid, place").fetch_all(self.connection());
        for row in rows.await? {
            let uid = Reading::of(&row, "dependencies", "workspace_uid").uuid("workspace_uid")?;
            all.entry(uid).or_default().needs.push(read(&row)?);
        }
        for (uid, secret) in self.all_secret_uses().await? {
            all.entry(uid).or_default().secrets.push(secret);
        }
        Ok(all)
    }

    /// What a workspace needs of machines and workspaces.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn needs_of(&mut self, workspace: Uuid) -> Result<Vec<Need>> {
        let rows = sqlx::query("SELECT * FROM dependencies WHERE workspace_uid = $1 ORDER BY place")
            .bind(workspace.to_string())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }

    /// Who needs whom: `(who needs, what is needed)`. Whoever uses a secret needs the workspace that writes it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn edges(&mut self) -> Result<Vec<(Key, Key)>> {
        let rows = sqlx::query(
            "SELECT DISTINCT w.kind, w.namespace, w.name, d.target_kind, d.target_namespace, d.target_name
             FROM dependencies d JOIN workspaces w ON w.uid = d.workspace_uid
             UNION SELECT w.kind, w.namespace, w.name, t.kind, t.namespace, t.name
             FROM secret_uses u JOIN workspaces w ON w.uid = u.workspace_uid
             JOIN secret_writers s ON s.namespace = u.namespace AND s.name = u.name
             JOIN workspaces t ON t.uid = s.workspace_uid",
        )
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Ok((key(&Reading::of(row, "workspaces", "name"))?, target(row)?))).collect()
    }

    /// Who needs `target` directly.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn needed_by(&mut self, target: &Key) -> Result<Vec<Key>> {
        let rows = sqlx::query(
            "SELECT w.kind, w.namespace, w.name FROM dependencies d JOIN workspaces w ON w.uid = d.workspace_uid
             WHERE d.target_kind = $1 AND d.target_namespace = $2 AND d.target_name = $3
             UNION SELECT w.kind, w.namespace, w.name FROM secret_uses u JOIN workspaces w ON w.uid = u.workspace_uid
             JOIN secret_writers s ON s.namespace = u.namespace AND s.name = u.name
             JOIN workspaces t ON t.uid = s.workspace_uid
             WHERE t.kind = $1 AND t.namespace = $2 AND t.name = $3
             ORDER BY namespace, kind DESC, name",
        )
        .bind(target.kind.noun())
        .bind(target.namespace.as_str())
        .bind(target.name.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| key(&Reading::of(row, "workspaces", "name"))).collect()
    }
}

impl Change {
    /// Keeps what a workspace needs, instead of what it needed.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_needs(&mut self, workspace: Uuid, needs: &[Need]) -> Result<()> {
        let workspace = workspace.to_string();
        sqlx::query("DELETE FROM dependencies WHERE workspace_uid = $1")
            .bind(&workspace)
            .execute(self.connection())
            .await?;
        for need in needs {
            sqlx::query(
                "INSERT INTO dependencies (workspace_uid, place, target_kind, target_namespace, target_name, variable, output)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&workspace)
            .bind(&need.place)
            .bind(need.target.kind.noun())
            .bind(need.target.namespace.as_str())
            .bind(need.target.name.as_str())
            .bind(need.input.as_ref().map(|input| input.variable.as_str()))
            .bind(need.input.as_ref().map(|input| input.output.as_str()))
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<Need> {
    let r = Reading::of(row, "dependencies", "workspace_uid");
    let input = match (r.text_or_null("variable")?, r.text_or_null("output")?) {
        (Some(variable), Some(output)) => Some(Input { variable, output }),
        _ => None,
    };
    Ok(Need { place: r.text("place")?, target: target(row)?, input })
}

fn key(r: &Reading<'_>) -> Result<Key> {
    r.resource()
}

fn target(row: &SqliteRow) -> Result<Key> {
    let r = Reading::of(row, "dependencies", "target_name");
    Ok(Key { kind: r.word("target_kind")?, namespace: r.name("target_namespace")?, name: r.name("target_name")? })
}
