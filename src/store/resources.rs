//! Machines and workspaces as they are declared, and the generations of their specs, in the database.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::{Change, NewResource, Result, Snapshot, workspaces};
use crate::domain::event::Told;
use crate::domain::metadata::Metadata;
use crate::domain::name::Name;
use crate::domain::resource::{Key, Resource, ResourceKind, Spec};
use crate::domain::workspace::Workspace;

impl Snapshot {
    /// One machine or workspace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn resource(&mut self, key: &Key) -> Result<Option<Resource>> {
        self.declared(key).await?.as_ref().map(read).transpose()
    }

    /// Its workspace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace_of(&mut self, key: &Key) -> Result<Option<Workspace>> {
        self.declared(key).await?.as_ref().map(workspaces::read).transpose()
    }

    async fn declared(&mut self, key: &Key) -> Result<Option<SqliteRow>> {
        let row = sqlx::query("SELECT * FROM workspaces WHERE kind = $1 AND namespace = $2 AND name = $3")
            .bind(key.kind.noun())
            .bind(key.namespace.as_str())
            .bind(key.name.as_str())
            .fetch_optional(self.connection());
        Ok(row.await?)
    }

    /// Who has the node group `node_group`: namespace and name of a machine.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn node_group_owner(&mut self, node_group: &str) -> Result<Option<(Name, Name)>> {
        let row = sqlx::query(
            "SELECT w.namespace, w.name FROM machines m JOIN workspaces w ON w.uid = m.workspace_uid
             WHERE m.node_group = $1",
        )
        .bind(node_group)
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let r = Reading::of(&row, "workspaces", "name");
            Ok((r.name("namespace")?, r.name("name")?))
        })
        .transpose()
    }

    /// How many machines a cluster has: of one provider configuration, region and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn machines_of_cluster(&mut self, cluster: &str) -> Result<u64> {
        let row = sqlx::query("SELECT count(*) AS machines FROM workspaces WHERE kind = 'machine' AND cluster = $1")
            .bind(cluster)
            .fetch_one(self.connection())
            .await?;
        Reading::of(&row, "workspaces", "cluster").count("machines")
    }

    /// What was retained of one that was deleted: its workspace, and its last spec.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn retained(&mut self, key: &Key) -> Result<Option<(Uuid, Spec)>> {
        let row = sqlx::query("SELECT * FROM retained WHERE kind = $1 AND namespace = $2 AND name = $3")
            .bind(key.kind.noun())
            .bind(key.namespace.as_str())
            .bind(key.name.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let r = Reading::of(&row, "retained", "workspace_uid");
            Ok((r.uuid("workspace_uid")?, spec(&r)?))
        })
        .transpose()
    }

    /// All that was retained in a namespace, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_retained(&mut self, namespace: &Name) -> Result<Vec<Retained>> {
        let rows = sqlx::query("SELECT * FROM retained WHERE namespace = $1 ORDER BY kind, name")
            .bind(namespace.as_str())
            .fetch_all(self.connection())
            .await?;
        let read = |row: &SqliteRow| {
            let r = Reading::of(row, "retained", "workspace_uid");
            let key = r.resource()?;
            Ok(Retained { key, spec: spec(&r)?, retained_at: r.time("retained_at")? })
        };
        rows.iter().map(read).collect()
    }

    /// Whether a generation was written after `since`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn generation_is_newer_than(
        &mut self,
        workspace: Uuid,
        generation: u64,
        since: Timestamp,
    ) -> Result<bool> {
        let row = sqlx::query(
            "SELECT count(*) AS n FROM generations WHERE workspace_uid = $1 AND generation = $2 AND created_at > $3",
        )
        .bind(workspace.to_string())
        .bind(integer(generation))
        .bind(micros(since))
        .fetch_one(self.connection())
        .await?;
        Ok(Reading::of(&row, "generations", "generation").count("n")? > 0)
    }

    /// The spec of a generation of a workspace's owner, and the id of its declaration.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn spec_of(&mut self, workspace: Uuid, generation: u64) -> Result<Option<(Uuid, Spec)>> {
        let row = sqlx::query(
            "SELECT w.declared_uid, w.kind, g.spec FROM generations g JOIN workspaces w ON w.uid = g.workspace_uid
             WHERE w.uid = $1 AND g.generation = $2",
        )
        .bind(workspace.to_string())
        .bind(integer(generation))
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let r = Reading::of(&row, "generations", "declared_uid");
            Ok((r.uuid("declared_uid")?, spec(&r)?))
        })
        .transpose()
    }
}

/// What is left of a machine or workspace that was deleted and whose resources were to stay.
#[derive(Debug, Clone)]
pub struct Retained {
    /// What it was.
    pub key: Key,
    /// Its last spec.
    pub spec: Spec,
    /// When it was deleted.
    pub retained_at: Timestamp,
}

impl Change {
    /// Writes a machine or a workspace, new or known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_resource(&mut self, new: &NewResource<'_>) -> Result<()> {
        let meta = &new.resource.metadata;
        let uid = new.resource.workspace.to_string();
        sqlx::query(
            "INSERT INTO workspaces (uid, declared_uid, kind, namespace, name, labels, annotations, spec, generation,
               resource_version, created_at, deleting_since, cluster, paused)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)
             ON CONFLICT (uid) DO UPDATE SET labels = excluded.labels, annotations = excluded.annotations,
               spec = excluded.spec, generation = excluded.generation, resource_version = excluded.resource_version,
               deleting_since = excluded.deleting_since, cluster = excluded.cluster",
        )
        .bind(&uid)
        .bind(meta.uid.to_string())
        .bind(new.resource.spec.kind().noun())
        .bind(meta.namespace.as_str())
        .bind(meta.name.as_str())
        .bind(serde_json::to_string(&meta.labels)?)
        .bind(serde_json::to_string(&meta.annotations)?)
        .bind(serde_json::to_string(&new.resource.spec)?)
        .bind(integer(meta.generation))
        .bind(integer(meta.resource_version))
        .bind(micros(meta.creation_timestamp))
        .bind(meta.deletion_timestamp.map(micros))
        .bind(new.cluster)
        .execute(self.connection())
        .await?;
        let Some(machine) = new.resource.spec.machine() else { return Ok(()) };
        sqlx::query(
            "INSERT INTO machines (workspace_uid, node_group, nodes_max) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_uid) DO UPDATE SET node_group = excluded.node_group, nodes_max = excluded.nodes_max",
        )
        .bind(&uid)
        .bind(new.node_group)
        .bind(i64::from(machine.node_group_config.scaling.max_size))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Keeps that the deletion of a machine or workspace was asked for.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mark_deleting(&mut self, resource: &Resource) -> Result<()> {
        // No generation that is there comes after it, whatever became of the clock.
        sqlx::query(
            "UPDATE workspaces SET resource_version = $3, deleting_since =
               max($2, (SELECT coalesce(max(g.created_at), 0) FROM generations g WHERE g.workspace_uid = $1))
             WHERE uid = $1",
        )
        .bind(resource.workspace.to_string())
        .bind(resource.metadata.deletion_timestamp.map(micros))
        .bind(integer(resource.metadata.resource_version))
        .execute(self.connection())
        .await?;
        self.tell_of(resource, "DeletionRequested", "is to be deleted".to_owned()).await
    }

    async fn tell_of(&mut self, resource: &Resource, reason: &'static str, message: String) -> Result<()> {
        let Metadata { namespace, name, .. } = &resource.metadata;
        self.tell(Told::of(reason, resource.spec.kind().title(), namespace, name.as_str(), message)).await
    }

    /// Keeps a generation of a spec.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_generation(&mut self, resource: &Resource, author: &str, now: Timestamp) -> Result<()> {
        // What comes after the deletion says so, whatever became of the clock.
        let after_deletion = resource.metadata.deletion_timestamp.map_or(i64::MIN, |since| micros(since) + 1);
        sqlx::query(
            "INSERT INTO generations (workspace_uid, generation, spec, author, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(resource.workspace.to_string())
        .bind(integer(resource.metadata.generation))
        .bind(serde_json::to_string(&resource.spec)?)
        .bind(author)
        .bind(micros(now).max(after_deletion))
        .execute(self.connection())
        .await?;
        let generation = resource.metadata.generation;
        // What was retained and is declared again begins behind the generations that it had.
        let reason = if resource.metadata.resource_version == 1 { "Declared" } else { "Changed" };
        self.tell_of(resource, reason, format!("generation {generation} is wanted")).await
    }

    /// Keeps that a workspace that is about to be removed leaves its resources and its state.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn retain(&mut self, workspace: Uuid, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO retained (kind, namespace, name, workspace_uid, spec, retained_at)
             SELECT kind, namespace, name, uid, spec, $2 FROM workspaces WHERE uid = $1",
        )
        .bind(workspace.to_string())
        .bind(micros(now))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets that something was retained: it is declared again.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn take_up(&mut self, workspace: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM retained WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Removes a machine or workspace that holds nothing in the cloud any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_resource(&mut self, workspace: Uuid) -> Result<()> {
        if let Some(gone) = self.workspace(workspace).await? {
            let message = "holds nothing in the cloud any more, or leaves it there".to_owned();
            let kind = gone.kind.title();
            self.tell(Told::of("Deleted", kind, &gone.namespace, gone.name.as_str(), message)).await?;
        }
        let workspace = workspace.to_string();
        for statement in [
            "DELETE FROM generations WHERE workspace_uid = $1",
            "DELETE FROM machines WHERE workspace_uid = $1",
            "DELETE FROM dependencies WHERE workspace_uid = $1",
            "DELETE FROM secret_uses WHERE workspace_uid = $1",
            "DELETE FROM secrets_in_force WHERE workspace_uid = $1",
            "DELETE FROM secrets WHERE (namespace, name) IN
               (SELECT namespace, name FROM secret_writers WHERE workspace_uid = $1)",
            "DELETE FROM secret_writers WHERE workspace_uid = $1",
            "DELETE FROM workspaces WHERE uid = $1",
        ] {
            sqlx::query(statement).bind(&workspace).execute(self.connection()).await?;
        }
        Ok(())
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Resource> {
    let r = Reading::of(row, "workspaces", "uid");
    Ok(Resource {
        metadata: Metadata {
            name: r.name("name")?,
            namespace: r.name("namespace")?,
            labels: r.json("labels")?,
            annotations: r.json("annotations")?,
            uid: r.uuid("declared_uid")?,
            generation: r.count("generation")?,
            resource_version: r.count("resource_version")?,
            creation_timestamp: r.time("created_at")?,
            deletion_timestamp: r.time_or_null("deleting_since")?,
        },
        spec: spec(&r)?,
        workspace: r.uuid("uid")?,
    })
}

pub(super) fn spec(r: &Reading<'_>) -> Result<Spec> {
    Ok(match r.word("kind")? {
        ResourceKind::Machine => Spec::Machine(r.json("spec")?),
        ResourceKind::Workspace => Spec::Workspace(r.json("spec")?),
    })
}
