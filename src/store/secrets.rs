//! Secrets in the database, sealed.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::seal::{Keyring, Sealed};
use super::{Change, Error, Result, Snapshot};
use crate::domain::event::Told;
use crate::domain::name::Name;
use crate::domain::resource::Key;
use crate::domain::secret::{Secret, SecretUse};

/// The place to which a secret is bound.
pub(super) fn place(namespace: &str, name: &str, version: u64) -> String {
    format!("captd/secret/1/{namespace}/{name}/{version}")
}

fn unsealable(secret: &Secret, reason: impl std::fmt::Display) -> Error {
    let row = format!("{}/{}", secret.namespace, secret.name);
    Error::Row { table: "secrets", column: "sealed", row, reason: reason.to_string() }
}

impl Snapshot {
    /// One secret, without what it holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secret(&mut self, namespace: &Name, name: &Name) -> Result<Option<Secret>> {
        let row = sqlx::query("SELECT * FROM secrets WHERE namespace = $1 AND name = $2")
            .bind(namespace.as_str())
            .bind(name.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Secrets, of one namespace or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secrets(&mut self, namespace: Option<&Name>) -> Result<Vec<Secret>> {
        let rows = sqlx::query("SELECT * FROM secrets WHERE $1 IS NULL OR namespace = $1 ORDER BY namespace, name")
            .bind(namespace.map(Name::as_str))
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }

    /// What a secret holds.
    ///
    /// # Errors
    /// When the database cannot be read, or the secret cannot be opened.
    pub async fn secret_data(&mut self, secret: &Secret, keys: &Keyring) -> Result<BTreeMap<String, String>> {
        let row = sqlx::query("SELECT sealed, key_id FROM secrets WHERE namespace = $1 AND name = $2")
            .bind(secret.namespace.as_str())
            .bind(secret.name.as_str())
            .fetch_one(self.connection())
            .await?;
        let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
        let place = place(secret.namespace.as_str(), secret.name.as_str(), secret.version);
        let content = keys.open(&sealed, &place).map_err(|error| unsealable(secret, error))?;
        Ok(serde_json::from_slice(&content)?)
    }

    /// What of secrets a workspace uses.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secret_uses(&mut self, workspace: Uuid) -> Result<Vec<SecretUse>> {
        let rows = sqlx::query("SELECT * FROM secret_uses WHERE workspace_uid = $1 ORDER BY variable")
            .bind(workspace.to_string())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read_use).collect()
    }

    /// The same of all workspaces: whose, and what.
    pub(super) async fn all_secret_uses(&mut self) -> Result<Vec<(Uuid, SecretUse)>> {
        let rows = sqlx::query("SELECT * FROM secret_uses ORDER BY workspace_uid, variable");
        let rows = rows.fetch_all(self.connection()).await?;
        let whose = |row| Reading::of(row, "secret_uses", "variable").uuid("workspace_uid");
        rows.iter().map(|row| Ok((whose(row)?, read_use(row)?))).collect()
    }

    /// Who uses a secret.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_of_secret(&mut self, namespace: &Name, name: &Name) -> Result<Vec<Key>> {
        let rows = sqlx::query(
            "SELECT DISTINCT w.kind, w.namespace, w.name FROM secret_uses u JOIN workspaces w ON w.uid = u.workspace_uid
             WHERE u.namespace = $1 AND u.name = $2 ORDER BY w.namespace, w.kind, w.name",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let r = Reading::of(row, "workspaces", "name");
                r.resource()
            })
            .collect()
    }
}

impl Change {
    /// Writes a secret, new or known.
    ///
    /// # Errors
    /// When it cannot be sealed, or the database refuses.
    pub async fn put_secret(&mut self, secret: &Secret, data: &BTreeMap<String, String>, keys: &Keyring) -> Result<()> {
        let place = place(secret.namespace.as_str(), secret.name.as_str(), secret.version);
        let sealed = keys.seal(&serde_json::to_vec(data)?, &place).map_err(|error| unsealable(secret, error))?;
        sqlx::query(
            "INSERT INTO secrets (namespace, name, version, keys, export_to, sealed, key_id, author, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, keys = excluded.keys,
               export_to = excluded.export_to, sealed = excluded.sealed, key_id = excluded.key_id,
               author = excluded.author, changed_at = excluded.changed_at",
        )
        .bind(secret.namespace.as_str())
        .bind(secret.name.as_str())
        .bind(integer(secret.version))
        .bind(serde_json::to_string(&secret.keys)?)
        .bind(serde_json::to_string(&secret.export_to)?)
        .bind(sealed.bytes)
        .bind(sealed.key_id)
        .bind(&secret.author)
        .bind(micros(secret.created_at))
        .bind(micros(secret.changed_at))
        .execute(self.connection())
        .await?;
        let message = format!("version {} holds {}", secret.version, secret.keys.join(", "));
        self.tell(Told::of("SecretWritten", "Secret", &secret.namespace, secret.name.as_str(), message)).await
    }

    /// Removes a secret that nobody uses.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_secret(&mut self, namespace: &Name, name: &Name) -> Result<()> {
        sqlx::query("DELETE FROM secrets WHERE namespace = $1 AND name = $2")
            .bind(namespace.as_str())
            .bind(name.as_str())
            .execute(self.connection())
            .await?;
        self.tell(Told::of("SecretDeleted", "Secret", namespace, name.as_str(), "is gone".to_owned())).await
    }

    /// Keeps what of secrets a workspace uses, instead of what it used.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_secret_uses(&mut self, workspace: Uuid, uses: &[SecretUse]) -> Result<()> {
        let workspace = workspace.to_string();
        sqlx::query("DELETE FROM secret_uses WHERE workspace_uid = $1")
            .bind(&workspace)
            .execute(self.connection())
            .await?;
        for it in uses {
            sqlx::query(
                "INSERT INTO secret_uses (workspace_uid, variable, namespace, name, key) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&workspace)
            .bind(&it.variable)
            .bind(it.namespace.as_str())
            .bind(it.name.as_str())
            .bind(&it.key)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }
}

fn read_use(row: &SqliteRow) -> Result<SecretUse> {
    let r = Reading::of(row, "secret_uses", "variable");
    let (namespace, name) = (r.name("namespace")?, r.name("name")?);
    Ok(SecretUse { variable: r.text("variable")?, namespace, name, key: r.text("key")? })
}

fn read(row: &SqliteRow) -> Result<Secret> {
    let r = Reading::of(row, "secrets", "name");
    Ok(Secret {
        namespace: r.name("namespace")?,
        name: r.name("name")?,
        version: r.count("version")?,
        keys: r.json("keys")?,
        export_to: r.json("export_to")?,
        author: r.text("author")?,
        created_at: r.time("created_at")?,
        changed_at: r.time("changed_at")?,
    })
}
