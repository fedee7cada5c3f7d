//! Uploaded templates in the database, revision by revision.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::row::{Reading, integer, micros};
use super::{Change, Result, Snapshot, workspaces};
use crate::domain::event::Told;
use crate::domain::name::Name;
use crate::domain::workspace::Workspace;

/// An uploaded template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The revision that new workspaces take.
    pub current: String,
    /// Whether those that follow it are brought to that.
    pub rolling: bool,
    /// When it was first uploaded.
    pub created_at: Timestamp,
    /// When another revision became the current one.
    pub changed_at: Timestamp,
}

/// A revision of it, without its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Hex digest of its content.
    pub revision: String,
    /// Counts the template's revisions.
    pub number: u64,
    /// Who uploaded it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

impl Snapshot {
    /// One uploaded template.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn uploaded(&mut self, namespace: &Name, name: &Name) -> Result<Option<Uploaded>> {
        let row = sqlx::query("SELECT * FROM templates WHERE namespace = $1 AND name = $2")
            .bind(namespace.as_str())
            .bind(name.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Uploaded templates, of one namespace or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_uploaded(&mut self, namespace: Option<&Name>) -> Result<Vec<Uploaded>> {
        let rows = sqlx::query("SELECT * FROM templates WHERE $1 IS NULL OR namespace = $1 ORDER BY namespace, name")
            .bind(namespace.map(Name::as_str))
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }

    /// Its revisions, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn revisions(&mut self, namespace: &Name, name: &Name) -> Result<Vec<Revision>> {
        let rows = sqlx::query(
            "SELECT revision, number, author, created_at FROM template_revisions WHERE namespace = $1 AND name = $2
             ORDER BY number DESC",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read_revision).collect()
    }

    /// The files of a revision: text by path, the manifest among them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn revision_files(
        &mut self,
        namespace: &Name,
        name: &Name,
        revision: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let row = sqlx::query(
            "SELECT revision, files FROM template_revisions WHERE namespace = $1 AND name = $2 AND revision = $3",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .bind(revision)
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| Reading::of(&row, "template_revisions", "revision").json("files")).transpose()
    }

    /// Workspaces that work with a template, by namespace, kind and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_of(&mut self, namespace: &Name, name: &Name) -> Result<Vec<Workspace>> {
        let rows = sqlx::query(
            "SELECT * FROM workspaces WHERE template_namespace = $1 AND template_name = $2 ORDER BY namespace, kind, name",
        )
        .bind(namespace.as_str())
        .bind(name.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(workspaces::read).collect()
    }
}

impl Change {
    /// Writes a template, new or known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_uploaded(&mut self, template: &Uploaded) -> Result<()> {
        sqlx::query(
            "INSERT INTO templates (namespace, name, current, rolling, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (namespace, name) DO UPDATE SET current = excluded.current, rolling = excluded.rolling,
               changed_at = excluded.changed_at",
        )
        .bind(template.namespace.as_str())
        .bind(template.name.as_str())
        .bind(&template.current)
        .bind(i64::from(template.rolling))
        .bind(micros(template.created_at))
        .bind(micros(template.changed_at))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Keeps a revision, unless it is known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_revision(
        &mut self,
        template: &Uploaded,
        revision: &Revision,
        files: &BTreeMap<String, String>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO template_revisions (namespace, name, revision, number, files, author, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(template.namespace.as_str())
        .bind(template.name.as_str())
        .bind(&revision.revision)
        .bind(integer(revision.number))
        .bind(serde_json::to_string(files)?)
        .bind(&revision.author)
        .bind(micros(revision.created_at))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a template that nobody uses, with its revisions.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_uploaded(&mut self, namespace: &Name, name: &Name) -> Result<()> {
        sqlx::query("DELETE FROM templates WHERE namespace = $1 AND name = $2")
            .bind(namespace.as_str())
            .bind(name.as_str())
            .execute(self.connection())
            .await?;
        self.tell(Told::of("TemplateDeleted", "WorkspaceTemplate", namespace, name.as_str(), "is gone".to_owned()))
            .await
    }
}

fn read(row: &SqliteRow) -> Result<Uploaded> {
    let r = Reading::of(row, "templates", "name");
    Ok(Uploaded {
        namespace: r.name("namespace")?,
        name: r.name("name")?,
        current: r.text("current")?,
        rolling: r.flag("rolling")?,
        created_at: r.time("created_at")?,
        changed_at: r.time("changed_at")?,
    })
}

fn read_revision(row: &SqliteRow) -> Result<Revision> {
    let r = Reading::of(row, "template_revisions", "revision");
    Ok(Revision {
        revision: r.text("revision")?,
        number: r.count("number")?,
        author: r.text("author")?,
        created_at: r.time("created_at")?,
    })
}
