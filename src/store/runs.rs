//! Runs in the database: a state and its data become columns, and back.

use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use uuid::Uuid;

use super::row::{Reading, integer, micros};
use super::{Change, Result, Snapshot};
use crate::domain::event::Told;
use crate::domain::plan::Plan;
use crate::domain::run::{Begun, Consent, Ended, Kind, Outcome, Planned, Run, State, Step, Stop, Wish};

impl Snapshot {
    /// One run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn run(&mut self, id: Uuid) -> Result<Option<Run>> {
        let row = sqlx::query("SELECT * FROM runs WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The open run of a workspace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_run(&mut self, workspace: Uuid) -> Result<Option<Run>> {
        let row = sqlx::query(
            "SELECT * FROM runs WHERE workspace_uid = $1 AND state IN
               ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying')",
        )
        .bind(workspace.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest run of a workspace that was meant to change something and is over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_change(&mut self, workspace: Uuid) -> Result<Option<Run>> {
        let row = sqlx::query(
            "SELECT * FROM runs WHERE workspace_uid = $1 AND kind IN ('apply', 'destroy') AND ended_at IS NOT NULL
             ORDER BY id DESC LIMIT 1",
        )
        .bind(workspace.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Revision of the template that the newest run brought into force that went well.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn revision_in_force(&mut self, workspace: Uuid) -> Result<Option<String>> {
        Ok(sqlx::query_scalar(
            "SELECT template_revision FROM runs WHERE workspace_uid = $1 AND kind = 'apply'
               AND state IN ('succeeded', 'unchanged') AND template_revision IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        .bind(workspace.to_string())
        .fetch_optional(self.connection())
        .await?)
    }

    /// The newest run of a workspace whose apply went well: what it was rendered from is in force.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_success(&mut self, workspace: Uuid) -> Result<Option<Run>> {
        let row = sqlx::query(
            "SELECT * FROM runs WHERE workspace_uid = $1 AND kind = 'apply' AND state IN ('succeeded', 'unchanged')
             ORDER BY id DESC LIMIT 1",
        )
        .bind(workspace.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest run of a generation whose apply was begun, however it ended.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_applied(&mut self, workspace: Uuid, generation: u64) -> Result<Option<Run>> {
        let row = sqlx::query(
            "SELECT * FROM runs WHERE workspace_uid = $1 AND generation = $2 AND kind = 'apply' AND ended_at IS NOT NULL
               AND EXISTS (SELECT 1 FROM json_each(steps) it WHERE json_extract(it.value, '$.name') = 'apply')
             ORDER BY id DESC LIMIT 1",
        )
        .bind(workspace.to_string())
        .bind(integer(generation))
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Every kept run of a workspace whose apply was begun.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_applied(&mut self, workspace: Uuid) -> Result<Vec<Run>> {
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE workspace_uid = $1 AND kind IN ('apply', 'destroy')
               AND EXISTS (SELECT 1 FROM json_each(steps) it WHERE json_extract(it.value, '$.name') = 'apply')",
        )
        .bind(workspace.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }

    /// The newest generation that any run of a workspace has served; 0 without one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_generation_of_runs(&mut self, workspace: Uuid) -> Result<u64> {
        let row = sqlx::query("SELECT coalesce(max(generation), 0) AS generation FROM runs WHERE workspace_uid = $1")
            .bind(workspace.to_string())
            .fetch_one(self.connection())
            .await?;
        Reading::of(&row, "runs", "generation").count("generation")
    }

    /// Addresses of what the newest apply of a workspace may have made, which stand in no state and cannot be looked for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unsure(&mut self, workspace: Uuid) -> Result<Vec<String>> {
        let applied = self.all_applied(workspace).await?.into_iter().filter(|run| run.kind == Kind::Apply);
        let newest = applied.max_by_key(|run| run.id);
        Ok(newest.and_then(|run| run.failure().map(|failure| failure.unsure.clone())).unwrap_or_default())
    }

    /// The id of the run that was made last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_run_id(&mut self) -> Result<Option<Uuid>> {
        let row = sqlx::query("SELECT id FROM runs ORDER BY id DESC LIMIT 1").fetch_optional(self.connection()).await?;
        row.map(|row| Reading::of(&row, "runs", "id").uuid("id")).transpose()
    }

    /// The plan of a run, once there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn plan(&mut self, run: Uuid) -> Result<Option<Plan>> {
        let row = sqlx::query("SELECT id, plan FROM runs WHERE id = $1")
            .bind(run.to_string())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.map(|row| Reading::of(&row, "runs", "id").json_or_null("plan")).transpose()?.flatten())
    }
}

impl Change {
    /// Queues a run. `cluster` is its workspace's.
    ///
    /// # Errors
    /// When its workspace has an open run already, or the database refuses.
    pub async fn insert_run(&mut self, run: &Run, cluster: &str) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO runs (state, begun_at, summary, approved_by, approved_at, because, ended_at, failure,
               retry_at, wish, steps, stop_by, stop_at, stop_force, id, workspace_uid, namespace, owner, name, cluster, kind,
               generation, \"trigger\", attempt, author, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
               $23, $24, $25, $26)",
        );
        bind_state(query, run)?
            .bind(run.id.to_string())
            .bind(run.workspace.to_string())
            .bind(run.namespace.as_str().to_owned())
            .bind(run.owner.noun())
            .bind(run.name.as_str().to_owned())
            .bind(cluster.to_owned())
            .bind(run.kind.as_str())
            .bind(integer(run.generation))
            .bind(run.trigger.as_str())
            .bind(i64::from(run.attempt))
            .bind(run.author.clone())
            .bind(micros(run.created_at))
            .execute(self.connection())
            .await?;
        match Told::queued(run) {
            Some(told) => self.tell(told).await,
            None => Ok(()),
        }
    }

    /// Keeps where a run stands.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn save_run(&mut self, run: &Run) -> Result<()> {
        let before = sqlx::query("SELECT state, wish IS NOT NULL AS asked FROM runs WHERE id = $1")
            .bind(run.id.to_string())
            .fetch_optional(self.connection())
            .await?;
        let query = sqlx::query(
            "UPDATE runs SET state = $1, begun_at = $2, summary = $3, approved_by = $4, approved_at = $5, because = $6,
               ended_at = $7, failure = $8, retry_at = $9, wish = $10, steps = $11, stop_by = $12, stop_at = $13,
               stop_force = $14 WHERE id = $15",
        );
        bind_state(query, run)?.bind(run.id.to_string()).execute(self.connection()).await?;
        let Some(before) = before else { return Ok(()) };
        let (state, asked): (String, bool) = (before.try_get("state")?, before.try_get("asked")?);
        match Told::moved(run, &state, asked) {
            Some(told) => self.tell(told).await,
            None => Ok(()),
        }
    }

    /// Keeps from what a run is rendered: a revision of its template, and outputs of others.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_sources(&mut self, run: Uuid, revision: &str, inputs: &Map<String, Value>) -> Result<()> {
        let inputs = if inputs.is_empty() { None } else { Some(serde_json::to_string(inputs)?) };
        sqlx::query("UPDATE runs SET inputs = $2, template_revision = $3 WHERE id = $1")
            .bind(run.to_string())
            .bind(inputs)
            .bind(revision)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Keeps the plan of a run, and the template revision that it was rendered from.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_plan(&mut self, run: Uuid, plan: &Plan, revision: &str) -> Result<()> {
        sqlx::query("UPDATE runs SET plan = $2, template_revision = $3 WHERE id = $1")
            .bind(run.to_string())
            .bind(serde_json::to_string(plan)?)
            .bind(revision)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Binds `$1` to `$14`: all that changes while a run lives.
fn bind_state<'q>(query: Statement<'q>, run: &Run) -> Result<Statement<'q>> {
    let because = match &run.state {
        State::AwaitingApproval(_, because) => Some(serde_json::to_string(because)?),
        _ => None,
    };
    let retry_at = run.ended().and_then(|ended| match &ended.outcome {
        Outcome::Failed { retry_at, .. } => *retry_at,
        _ => None,
    });
    let wish = run.wish.map(|wish| match wish {
        Wish::Supersede => "supersede",
        Wish::Cancel => "cancel",
    });
    Ok(query
        .bind(run.state_word())
        .bind(run.begun_at().map(micros))
        .bind(run.summary().map(|summary| serde_json::to_string(&summary)).transpose()?)
        .bind(run.approval().map(|consent| consent.by.clone()))
        .bind(run.approval().map(|consent| micros(consent.at)))
        .bind(because)
        .bind(run.ended().map(|ended| micros(ended.at)))
        .bind(run.failure().map(serde_json::to_string).transpose()?)
        .bind(retry_at.map(micros))
        .bind(wish)
        .bind(serde_json::to_string(&run.steps)?)
        .bind(run.stop.as_ref().map(|stop| stop.by.clone()))
        .bind(run.stop.as_ref().map(|stop| micros(stop.at)))
        .bind(run.stop.as_ref().map(|stop| i64::from(stop.force))))
}

pub(super) fn read(row: &SqliteRow) -> Result<Run> {
    let r = Reading::of(row, "runs", "id");
    let state = r.text("state")?;
    let steps: Vec<Step> = r.json("steps")?;
    Ok(Run {
        id: r.uuid("id")?,
        kind: r.word("kind")?,
        workspace: r.uuid("workspace_uid")?,
        namespace: r.name("namespace")?,
        owner: r.word("owner")?,
        name: r.name("name")?,
        generation: r.count("generation")?,
        trigger: r.word("trigger")?,
        attempt: r.count_u32("attempt")?,
        author: r.text("author")?,
        created_at: r.time("created_at")?,
        wish: r.word_or_null("wish")?,
        stop: read_stop(&r)?,
        state: read_state(&r, &state)?,
        steps,
        inputs: r.json_or_null("inputs")?,
        revision: r.text_or_null("template_revision")?,
    })
}

fn read_state(r: &Reading<'_>, state: &str) -> Result<State> {
    let begun = || Ok::<_, super::Error>(Begun { at: r.required("begun_at", r.time_or_null("begun_at")?)? });
    let planned = || {
        Ok::<_, super::Error>(Planned {
            begun_at: r.required("begun_at", r.time_or_null("begun_at")?)?,
            summary: r.required("summary", r.json_or_null("summary")?)?,
            approval: read_consent(r)?,
        })
    };
    Ok(match state {
        "queued" => State::Queued,
        "preparing" => State::Preparing(begun()?),
        "planning" => State::Planning(begun()?),
        "planned" => State::Planned(planned()?),
        "awaiting_approval" => State::AwaitingApproval(planned()?, r.json_or_null("because")?.unwrap_or_default()),
        "applying" => State::Applying(planned()?),
        _ => State::Ended(Ended {
            begun_at: r.time_or_null("begun_at")?,
            summary: r.json_or_null("summary")?,
            approval: read_consent(r)?,
            at: r.required("ended_at", r.time_or_null("ended_at")?)?,
            outcome: read_outcome(r, state)?,
        }),
    })
}

fn read_stop(r: &Reading<'_>) -> Result<Option<Stop>> {
    let by = r.text_or_null("stop_by")?;
    let stop =
        |by| Ok(Stop { by, at: r.required("stop_at", r.time_or_null("stop_at")?)?, force: r.flag("stop_force")? });
    by.map(stop).transpose()
}

fn read_consent(r: &Reading<'_>) -> Result<Option<Consent>> {
    let by = r.text_or_null("approved_by")?;
    by.map(|by| Ok(Consent { by, at: r.required("approved_at", r.time_or_null("approved_at")?)? })).transpose()
}

fn read_outcome(r: &Reading<'_>, state: &str) -> Result<Outcome> {
    let known = match state {
        "unchanged" => Some(Outcome::Unchanged),
        "succeeded" => Some(Outcome::Succeeded),
        "failed" => Some(Outcome::Failed {
            failure: r.required("failure", r.json_or_null("failure")?)?,
            retry_at: r.time_or_null("retry_at")?,
        }),
        "canceled" => Some(Outcome::Canceled),
        "discarded" => Some(Outcome::Discarded),
        "superseded" => Some(Outcome::Superseded),
        "lost" => Some(Outcome::Lost),
        _ => None,
    };
    r.required("state", known)
}
