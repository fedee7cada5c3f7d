//! Namespaces in the database.

use sqlx::sqlite::SqliteRow;

use super::row::{Reading, integer, micros};
use super::{Change, Result, Snapshot};
use crate::domain::event::Told;
use crate::domain::metadata::Metadata;
use crate::domain::name::Name;
use crate::domain::namespace::{Namespace, Usage};

impl Snapshot {
    /// One namespace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn namespace(&mut self, name: &Name) -> Result<Option<Namespace>> {
        let row = sqlx::query("SELECT * FROM namespaces WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// All namespaces, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn namespaces(&mut self) -> Result<Vec<Namespace>> {
        let rows = sqlx::query("SELECT * FROM namespaces ORDER BY name").fetch_all(self.connection()).await?;
        rows.iter().map(read).collect()
    }

    /// What a namespace holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn usage(&mut self, namespace: &Name) -> Result<Usage> {
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE w.kind = 'machine') AS machines,
               count(*) FILTER (WHERE w.kind = 'workspace') AS workspaces, coalesce(sum(m.nodes_max), 0) AS nodes,
               (SELECT count(*) FROM retained WHERE namespace = $1) AS retained,
               (SELECT count(*) FROM secrets WHERE namespace = $1) AS secrets,
               (SELECT count(*) FROM templates WHERE namespace = $1) AS templates
             FROM workspaces w LEFT JOIN machines m ON m.workspace_uid = w.uid WHERE w.namespace = $1",
        )
        .bind(namespace.as_str())
        .fetch_one(self.connection())
        .await?;
        let reading = Reading::of(&row, "machines", "count");
        Ok(Usage {
            machines: reading.count("machines")?,
            workspaces: reading.count("workspaces")?,
            nodes: reading.count("nodes")?,
            retained: reading.count("retained")?,
            secrets: reading.count("secrets")?,
            templates: reading.count("templates")?,
        })
    }
}

impl Change {
    /// Writes a namespace, new or known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_namespace(&mut self, namespace: &Namespace) -> Result<()> {
        let meta = &namespace.metadata;
        sqlx::query(
            "INSERT INTO namespaces (name, uid, labels, annotations, spec, generation, resource_version, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (name) DO UPDATE SET labels = excluded.labels, annotations = excluded.annotations,
               spec = excluded.spec, generation = excluded.generation, resource_version = excluded.resource_version",
        )
        .bind(meta.name.as_str())
        .bind(meta.uid.to_string())
        .bind(serde_json::to_string(&meta.labels)?)
        .bind(serde_json::to_string(&meta.annotations)?)
        .bind(serde_json::to_string(&namespace.spec)?)
        .bind(integer(meta.generation))
        .bind(integer(meta.resource_version))
        .bind(micros(meta.creation_timestamp))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a namespace that holds nothing.
    ///
    /// # Errors
    /// When it holds a machine, or the database refuses.
    pub async fn remove_namespace(&mut self, name: &Name) -> Result<()> {
        sqlx::query("DELETE FROM namespaces WHERE name = $1").bind(name.as_str()).execute(self.connection()).await?;
        self.tell(Told::of("NamespaceDeleted", "Namespace", name, name.as_str(), "is gone".to_owned())).await
    }
}

fn read(row: &SqliteRow) -> Result<Namespace> {
    let r = Reading::of(row, "namespaces", "name");
    let name = r.name("name")?;
    Ok(Namespace {
        metadata: Metadata {
            namespace: name.clone(),
            name,
            labels: r.json("labels")?,
            annotations: r.json("annotations")?,
            uid: r.uuid("uid")?,
            generation: r.count("generation")?,
            resource_version: r.count("resource_version")?,
            creation_timestamp: r.time("created_at")?,
            deletion_timestamp: None,
        },
        spec: r.json("spec")?,
    })
}
