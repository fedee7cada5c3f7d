//! After a new key has become the current one: sealing again what older ones sealed, and what still
//! needs them.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use uuid::Uuid;

use super::row::Reading;
use super::seal::{Keyring, SealError, Sealed};
use super::{Change, Result, Snapshot, in_force, plans, secrets, states};

const ROTATED: &str = "rotated";

/// Rows that are sealed again in one transaction: others write in between.
const ROWS_AT_ONCE: u32 = 16;

/// How far a round of sealing again has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealing {
    /// States, plans and secrets that are sealed with the current key now.
    pub resealed: u64,
    /// Those that cannot be opened, and stay as they are.
    pub broken: u64,
    state_after: (String, i64),
    plan_after: String,
    secret_after: (String, String),
    in_force_after: String,
}

/// Which runs may have signed in with an older key: those that were made until `run`.
#[derive(Debug, Serialize, Deserialize)]
struct Rotated {
    key: String,
    run: Option<Uuid>,
}

impl Snapshot {
    /// How many runs are at work with credentials of an older key than `current`. Whoever begins
    /// after [`Change::mark_rotation`] has those of the current one; a run that waits has none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn runs_of_older_keys(&mut self, current: &str) -> Result<u64> {
        let last = self.rotated().await?.filter(|rotated| rotated.key == current);
        let last = last.map(|rotated| rotated.run.map(|run| run.to_string()).unwrap_or_default());
        let row = sqlx::query(
            "SELECT count(*) AS n FROM runs
             WHERE state IN ('preparing', 'planning', 'applying') AND ($1 IS NULL OR id <= $1)",
        )
        .bind(last)
        .fetch_one(self.connection())
        .await?;
        Reading::of(&row, "runs", "count").count("n")
    }

    async fn rotated(&mut self) -> Result<Option<Rotated>> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM settings WHERE key = $1")
            .bind(ROTATED)
            .fetch_optional(self.connection())
            .await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }
}

impl Change {
    /// Keeps which runs there were when the key `current` came, if that is not kept yet. From this
    /// moment on no run may be given credentials of another key.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mark_rotation(&mut self, current: &str) -> Result<()> {
        if self.rotated().await?.is_some_and(|rotated| rotated.key == current) {
            return Ok(());
        }
        let rotated = Rotated { key: current.to_owned(), run: self.newest_run_id().await? };
        sqlx::query("INSERT OR REPLACE INTO settings (key, value) VALUES ($1, $2)")
            .bind(ROTATED)
            .bind(serde_json::to_string(&rotated)?)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Seals the next rows again that another key than the current one has sealed; whether there
    /// may be more. What cannot be opened stays as it is, and keeps its key.
    ///
    /// # Errors
    /// When the system gives no random bytes, or the database refuses.
    pub async fn reseal_some(&mut self, keys: &Keyring, so_far: &mut Resealing) -> Result<bool> {
        Ok(self.reseal_states(keys, so_far).await?
            || self.reseal_plans(keys, so_far).await?
            || self.reseal_secrets(keys, so_far).await?
            || self.reseal_secrets_in_force(keys, so_far).await?)
    }

    async fn reseal_states(&mut self, keys: &Keyring, so_far: &mut Resealing) -> Result<bool> {
        let rows = sqlx::query(
            "SELECT workspace_uid, version, sealed, key_id FROM states
             WHERE key_id <> $1 AND (workspace_uid, version) > ($2, $3) ORDER BY workspace_uid, version LIMIT $4",
        )
        .bind(keys.current())
        .bind(so_far.state_after.0.clone())
        .bind(so_far.state_after.1)
        .bind(i64::from(ROWS_AT_ONCE))
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            let r = Reading::of(row, "states", "workspace_uid");
            let (workspace, version) = (r.uuid("workspace_uid")?, r.count("version")?);
            so_far.state_after = (row.try_get("workspace_uid")?, row.try_get("version")?);
            let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
            let Some(sealed) = so_far.reseal(keys, &sealed, &states::place(workspace, version))? else { continue };
            sqlx::query("UPDATE states SET sealed = $1, key_id = $2 WHERE workspace_uid = $3 AND version = $4")
                .bind(sealed.bytes)
                .bind(sealed.key_id)
                .bind(so_far.state_after.0.clone())
                .bind(so_far.state_after.1)
                .execute(self.connection())
                .await?;
        }
        Ok(!rows.is_empty())
    }

    async fn reseal_plans(&mut self, keys: &Keyring, so_far: &mut Resealing) -> Result<bool> {
        let rows = sqlx::query(
            "SELECT run_id, sealed, key_id FROM plans WHERE key_id <> $1 AND run_id > $2 ORDER BY run_id LIMIT $3",
        )
        .bind(keys.current())
        .bind(so_far.plan_after.clone())
        .bind(i64::from(ROWS_AT_ONCE))
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            let run = Reading::of(row, "plans", "run_id").uuid("run_id")?;
            so_far.plan_after = row.try_get("run_id")?;
            let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
            let Some(sealed) = so_far.reseal(keys, &sealed, &plans::place(run))? else { continue };
            sqlx::query("UPDATE plans SET sealed = $1, key_id = $2 WHERE run_id = $3")
                .bind(sealed.bytes)
                .bind(sealed.key_id)
                .bind(so_far.plan_after.clone())
                .execute(self.connection())
                .await?;
        }
        Ok(!rows.is_empty())
    }
}

impl Change {
    async fn reseal_secrets_in_force(&mut self, keys: &Keyring, so_far: &mut Resealing) -> Result<bool> {
        let rows = sqlx::query(
            "SELECT workspace_uid, sealed, key_id FROM secrets_in_force
             WHERE key_id <> $1 AND workspace_uid > $2 ORDER BY workspace_uid LIMIT $3",
        )
        .bind(keys.current())
        .bind(so_far.in_force_after.clone())
        .bind(i64::from(ROWS_AT_ONCE))
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            so_far.in_force_after = row.try_get("workspace_uid")?;
            let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
            let Some(sealed) = so_far.reseal(keys, &sealed, &in_force::place(&so_far.in_force_after.clone()))? else {
                continue;
            };
            sqlx::query("UPDATE secrets_in_force SET sealed = $1, key_id = $2 WHERE workspace_uid = $3")
                .bind(sealed.bytes)
                .bind(sealed.key_id)
                .bind(so_far.in_force_after.clone())
                .execute(self.connection())
                .await?;
        }
        Ok(!rows.is_empty())
    }

    async fn reseal_secrets(&mut self, keys: &Keyring, so_far: &mut Resealing) -> Result<bool> {
        let rows = sqlx::query(
            "SELECT namespace, name, version, sealed, key_id FROM secrets
             WHERE key_id <> $1 AND (namespace, name) > ($2, $3) ORDER BY namespace, name LIMIT $4",
        )
        .bind(keys.current())
        .bind(so_far.secret_after.0.clone())
        .bind(so_far.secret_after.1.clone())
        .bind(i64::from(ROWS_AT_ONCE))
        .fetch_all(self.connection())
        .await?;
        for row in &rows {
            let r = Reading::of(row, "secrets", "name");
            let (namespace, name, version) = (r.text("namespace")?, r.text("name")?, r.count("version")?);
            so_far.secret_after = (namespace.clone(), name.clone());
            let sealed = Sealed { bytes: row.try_get("sealed")?, key_id: row.try_get("key_id")? };
            let place = secrets::place(&namespace, &name, version);
            let Some(sealed) = so_far.reseal(keys, &sealed, &place)? else { continue };
            sqlx::query("UPDATE secrets SET sealed = $1, key_id = $2 WHERE namespace = $3 AND name = $4")
                .bind(sealed.bytes)
                .bind(sealed.key_id)
                .bind(namespace)
                .bind(name)
                .execute(self.connection())
                .await?;
        }
        Ok(!rows.is_empty())
    }
}

impl Resealing {
    fn reseal(&mut self, keys: &Keyring, sealed: &Sealed, place: &str) -> Result<Option<Sealed>> {
        match keys.reseal(sealed, place) {
            Ok(sealed) => {
                self.resealed += 1;
                Ok(Some(sealed))
            }
            Err(SealError::NoRandomness) => Err(super::Error::Seal(SealError::NoRandomness)),
            Err(error) => {
                tracing::error!(place, %error, "cannot be sealed with the new key; it stays with the old one");
                self.broken += 1;
                Ok(None)
            }
        }
    }
}
