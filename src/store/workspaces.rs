//! Workspaces and what was observed of them in the database.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::{Change, Result, Snapshot};
use crate::domain::failure::Class;
use crate::domain::observation::Observation;
use crate::domain::template::Assigned;
use crate::domain::workspace::Workspace;

impl Snapshot {
    /// One workspace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace(&mut self, uid: Uuid) -> Result<Option<Workspace>> {
        let row = sqlx::query("SELECT * FROM workspaces WHERE uid = $1")
            .bind(uid.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Workspaces without an open run, for the reconciler.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn idle_workspaces(&mut self) -> Result<Vec<Workspace>> {
        let rows = sqlx::query(
            "SELECT * FROM workspaces w WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.workspace_uid = w.uid AND r.state IN
               ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying'))
             ORDER BY w.uid",
        )
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Keeps what was seen of a workspace, and when it is to be looked at next.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_observation(
        &mut self,
        workspace: Uuid,
        observation: Option<&Observation>,
        observe_at: Option<Timestamp>,
    ) -> Result<()> {
        sqlx::query("UPDATE workspaces SET observation = $2, observe_at = $3 WHERE uid = $1")
            .bind(workspace.to_string())
            .bind(observation.map(serde_json::to_string).transpose()?)
            .bind(observe_at.map(micros))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Keeps that an apply of `generation` may have left something that stands in no state. The
    /// first such generation stays until all is well.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn doubt(&mut self, workspace: Uuid, generation: u64) -> Result<()> {
        sqlx::query("UPDATE workspaces SET in_doubt = COALESCE(in_doubt, $2) WHERE uid = $1")
            .bind(workspace.to_string())
            .bind(integer(generation))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Keeps that the state holds all there is.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn end_doubt(&mut self, workspace: Uuid) -> Result<()> {
        sqlx::query("UPDATE workspaces SET in_doubt = NULL WHERE uid = $1")
            .bind(workspace.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Says which revision of its uploaded template a workspace is to have; none for one of captd's own.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn assign_template(&mut self, workspace: Uuid, template: Option<&Assigned>) -> Result<()> {
        sqlx::query(
            "UPDATE workspaces SET template_namespace = $2, template_name = $3, template_revision = $4,
               template_pinned = $5 WHERE uid = $1",
        )
        .bind(workspace.to_string())
        .bind(template.map(|template| template.namespace.as_str()))
        .bind(template.map(|template| template.name.as_str()))
        .bind(template.map(|template| template.revision.as_str()))
        .bind(template.map(|template| i64::from(template.is_pinned)))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Keeps that something has changed on which the runs of these workspaces depend: those of the provider
    /// configurations `providers`, and those whose last run failed with one of `classes`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mend(&mut self, providers: &[String], classes: &[Class]) -> Result<()> {
        let classes: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
        let clusters: Vec<String> = providers.iter().map(|name| format!("aws/{name}/")).collect();
        sqlx::query(
            "UPDATE workspaces SET mended_at = $1 WHERE
               EXISTS (SELECT 1 FROM json_each($2) it WHERE substr(cluster, 1, length(it.value)) = it.value)
               OR EXISTS (SELECT 1 FROM runs r JOIN json_each($3) it ON it.value = json_extract(r.failure, '$.class')
                 WHERE r.workspace_uid = uid AND r.id = (SELECT max(id) FROM runs l WHERE l.workspace_uid = uid
                   AND l.kind IN ('apply', 'destroy') AND l.ended_at IS NOT NULL))",
        )
        .bind(micros(self.now))
        .bind(serde_json::to_string(&clusters)?)
        .bind(serde_json::to_string(&classes)?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Pauses or resumes a workspace.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_paused(&mut self, workspace: Uuid, paused: bool) -> Result<()> {
        sqlx::query("UPDATE workspaces SET paused = $2 WHERE uid = $1")
            .bind(workspace.to_string())
            .bind(i64::from(paused))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn template(r: &Reading<'_>) -> Result<Option<Assigned>> {
    let Some(namespace) = r.name_or_null("template_namespace")? else { return Ok(None) };
    Ok(Some(Assigned {
        namespace,
        name: r.name("template_name")?,
        revision: r.text("template_revision")?,
        is_pinned: r.flag("template_pinned")?,
    }))
}

pub(super) fn read(row: &SqliteRow) -> Result<Workspace> {
    let r = Reading::of(row, "workspaces", "uid");
    Ok(Workspace {
        uid: r.uuid("uid")?,
        namespace: r.name("namespace")?,
        kind: r.word("kind")?,
        name: r.name("name")?,
        generation: r.count("generation")?,
        cluster: r.text("cluster")?,
        paused: r.flag("paused")?,
        deleting_since: r.time_or_null("deleting_since")?,
        observation: r.json_or_null("observation")?,
        diverged: r.json_or_null("diverged")?,
        in_doubt: r.count_or_null("in_doubt")?,
        observe_at: r.time_or_null("observe_at")?,
        mended_at: r.time_or_null("mended_at")?,
        template: template(&r)?,
    })
}
