//! Looking at a database without being its daemon.
//!
//! **Invariant:** nothing is made, migrated or written.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;

use super::row::Reading;
use super::{Error, MIGRATIONS, Result, Snapshot, Store, for_a_file, resources};
use crate::domain::name::Name;
use crate::domain::resource::{Key, Spec};

/// The first version of the schema that has templates of namespaces.
const WITH_TEMPLATES: i64 = 6;

/// A machine or workspace as it is declared in a database of this captd or of an older one.
#[derive(Debug, Clone)]
pub struct DeclaredBefore {
    /// By what it is known.
    pub key: Key,
    /// What its owner wants.
    pub spec: Spec,
    /// Name, revision and files of the uploaded template that it is made by, if it is.
    pub template: Option<(Name, String, BTreeMap<String, String>)>,
}

impl Snapshot {
    /// All machines and workspaces, as far as an older captd has them in the same form.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn declared_before(&mut self) -> Result<Vec<DeclaredBefore>> {
        let rows = sqlx::query(
            "SELECT w.uid, w.kind, w.namespace, w.name, w.spec, r.name AS template, r.revision, r.files
             FROM workspaces w LEFT JOIN template_revisions r
               ON r.namespace = w.template_namespace AND r.name = w.template_name AND r.revision = w.template_revision
             ORDER BY w.namespace, w.kind, w.name",
        )
        .fetch_all(self.connection())
        .await?;
        let one = |row| {
            let r = Reading::of(row, "workspaces", "uid");
            let template = match (r.name_or_null("template")?, r.text_or_null("revision")?) {
                (Some(name), Some(revision)) => Some((name, revision, r.json("files")?)),
                _ => None,
            };
            Ok(DeclaredBefore { key: r.resource()?, spec: resources::spec(&r)?, template })
        };
        rows.iter().map(one).collect()
    }
}

impl Store {
    /// A snapshot of the database at `path`, which an older captd may have made: for what has not changed since.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is newer or much older.
    pub async fn look_before_upgrade(path: &Path, at_rest: bool) -> Result<Snapshot> {
        Self::look_at(path, at_rest, WITH_TEMPLATES).await
    }

    /// A snapshot of the database at `path`. `at_rest` says that nobody has it open.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is not the one that this captd knows.
    pub async fn look(path: &Path, at_rest: bool) -> Result<Snapshot> {
        Self::look_at(path, at_rest, i64::MAX).await
    }

    /// The same, where the schema may be as old as `oldest`.
    async fn look_at(path: &Path, at_rest: bool, oldest: i64) -> Result<Snapshot> {
        let failed = |cause| Error::Open { path: path.display().to_string(), cause };
        // To share a database SQLite makes a file beside it. Where all is in the one file and stays
        // so, none is needed, and the folder may be read-only.
        let log = path.with_extension("db-wal");
        let is_whole = at_rest && std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_whole)
            .pragma("trusted_schema", "OFF");
        let pool = for_a_file().max_connections(1).connect_with(options).await.map_err(failed)?;
        let mut snapshot = Snapshot(pool.begin().await.map_err(failed)?);
        let found = schema(snapshot.connection()).await.map_err(failed)?;
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        if found == known || (oldest..known).contains(&found) {
            return Ok(snapshot);
        }
        let remedy = if found > known {
            "a newer captd made it: use that one"
        } else {
            "an older captd made it: use that one, or let `captd serve` bring it up to date"
        };
        Err(Error::Schema { path: path.display().to_string(), found, known, remedy })
    }
}

async fn schema(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await
}
