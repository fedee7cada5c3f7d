//! Machines and the generations of their specs in the database.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::{Change, NewMachine, Result, Snapshot};
use crate::domain::machine::{Machine, MachineSpec};
use crate::domain::metadata::Metadata;
use crate::domain::name::Name;

impl Snapshot {
    /// One machine.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn machine(&mut self, namespace: &Name, name: &Name) -> Result<Option<Machine>> {
        let row = sqlx::query(
            "SELECT m.*, w.uid AS workspace_uid FROM machines m JOIN workspaces w ON w.machine_uid = m.uid
             WHERE m.namespace = $1 AND m.name = $2",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Who has the node group `node_group`: namespace and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn node_group_owner(&mut self, node_group: &str) -> Result<Option<(Name, Name)>> {
        let row = sqlx::query("SELECT namespace, name FROM machines WHERE node_group = $1")
            .bind(node_group)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let r = Reading::of(&row, "machines", "name");
            Ok((r.name("namespace")?, r.name("name")?))
        })
        .transpose()
    }

    /// The spec of a generation of the machine that owns a workspace, and the machine's id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn spec_of(&mut self, workspace: Uuid, generation: u64) -> Result<Option<(Uuid, MachineSpec)>> {
        let row = sqlx::query(
            "SELECT g.machine_uid, g.spec FROM generations g JOIN workspaces w ON w.machine_uid = g.machine_uid
             WHERE w.uid = $1 AND g.generation = $2",
        )
        .bind(workspace.to_string())
        .bind(integer(generation))
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let r = Reading::of(&row, "generations", "machine_uid");
            Ok((r.uuid("machine_uid")?, r.json("spec")?))
        })
        .transpose()
    }
}

impl Change {
    /// Writes a machine, new or known, with its workspace.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_machine(&mut self, new: &NewMachine<'_>) -> Result<()> {
        let meta = &new.machine.metadata;
        let spec = &new.machine.spec;
        sqlx::query(
            "INSERT INTO machines (uid, namespace, name, labels, annotations, spec, generation, resource_version,
               created_at, deleting_since, node_group, nodes_max)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (uid) DO UPDATE SET labels = excluded.labels, annotations = excluded.annotations,
               spec = excluded.spec, generation = excluded.generation, resource_version = excluded.resource_version,
               deleting_since = excluded.deleting_since, node_group = excluded.node_group,
               nodes_max = excluded.nodes_max",
        )
        .bind(meta.uid.to_string())
        .bind(meta.namespace.as_str())
        .bind(meta.name.as_str())
        .bind(serde_json::to_string(&meta.labels)?)
        .bind(serde_json::to_string(&meta.annotations)?)
        .bind(serde_json::to_string(spec)?)
        .bind(integer(meta.generation))
        .bind(integer(meta.resource_version))
        .bind(micros(meta.creation_timestamp))
        .bind(meta.deletion_timestamp.map(micros))
        .bind(new.node_group)
        .bind(i64::from(spec.node_group_config.scaling.max_size))
        .execute(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO workspaces (uid, machine_uid, cluster, paused) VALUES ($1, $2, $3, 0)
             ON CONFLICT (uid) DO UPDATE SET cluster = excluded.cluster",
        )
        .bind(new.workspace.to_string())
        .bind(meta.uid.to_string())
        .bind(new.cluster)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Keeps that the deletion of a machine was asked for.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mark_deleting(&mut self, machine: &Machine) -> Result<()> {
        sqlx::query("UPDATE machines SET deleting_since = $2, resource_version = $3 WHERE uid = $1")
            .bind(machine.metadata.uid.to_string())
            .bind(machine.metadata.deletion_timestamp.map(micros))
            .bind(integer(machine.metadata.resource_version))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Keeps a generation of a machine's spec.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_generation(&mut self, machine: &Machine, author: &str, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO generations (machine_uid, generation, spec, author, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(machine.metadata.uid.to_string())
        .bind(integer(machine.metadata.generation))
        .bind(serde_json::to_string(&machine.spec)?)
        .bind(author)
        .bind(micros(now))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a machine whose workspace holds nothing in the cloud any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_machine(&mut self, workspace: Uuid) -> Result<()> {
        let workspace = workspace.to_string();
        sqlx::query("DELETE FROM generations WHERE machine_uid = (SELECT machine_uid FROM workspaces WHERE uid = $1)")
            .bind(&workspace)
            .execute(self.connection())
            .await?;
        let row = sqlx::query("DELETE FROM workspaces WHERE uid = $1 RETURNING machine_uid")
            .bind(&workspace)
            .fetch_optional(self.connection())
            .await?;
        if let Some(row) = row {
            let machine = Reading::of(&row, "workspaces", "machine_uid").text("machine_uid")?;
            sqlx::query("DELETE FROM machines WHERE uid = $1").bind(machine).execute(self.connection()).await?;
        }
        Ok(())
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Machine> {
    let r = Reading::of(row, "machines", "uid");
    Ok(Machine {
        metadata: Metadata {
            name: r.name("name")?,
            namespace: r.name("namespace")?,
            labels: r.json("labels")?,
            annotations: r.json("annotations")?,
            uid: r.uuid("uid")?,
            generation: r.count("generation")?,
            resource_version: r.count("resource_version")?,
            creation_timestamp: r.time("created_at")?,
            deletion_timestamp: r.time_or_null("deleting_since")?,
        },
        spec: r.json("spec")?,
        workspace: r.uuid("workspace_uid")?,
    })
}
