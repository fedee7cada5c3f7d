//! Events in the database.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::row::{Reading, micros};
use super::{Change, Result, Snapshot};
use crate::domain::event::{Event, Told};
use crate::domain::name::Name;

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// After this position.
    pub after: i64,
    /// Of one namespace only.
    pub namespace: Option<Name>,
    /// About one kind and name only.
    pub subject: Option<(String, String)>,
    /// At most so many.
    pub limit: u32,
}

impl Snapshot {
    /// Events in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn events(&mut self, query: &EventQuery) -> Result<Vec<Event>> {
        let subject = query.subject.as_ref();
        let rows = sqlx::query(
            "SELECT * FROM events WHERE position > $1 AND ($2 IS NULL OR namespace = $2)
             AND ($3 IS NULL OR (kind = $3 AND name = $4)) ORDER BY position LIMIT $5",
        )
        .bind(query.after)
        .bind(query.namespace.as_ref().map(Name::as_str))
        .bind(subject.map(|(kind, _)| kind))
        .bind(subject.map(|(_, name)| name))
        .bind(i64::from(query.limit))
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }

    /// The newest events, in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_events(&mut self, query: &EventQuery) -> Result<Vec<Event>> {
        let subject = query.subject.as_ref();
        let rows = sqlx::query(
            "SELECT * FROM events WHERE ($1 IS NULL OR namespace = $1)
             AND ($2 IS NULL OR (kind = $2 AND name = $3)) ORDER BY position DESC LIMIT $4",
        )
        .bind(query.namespace.as_ref().map(Name::as_str))
        .bind(subject.map(|(kind, _)| kind))
        .bind(subject.map(|(_, name)| name))
        .bind(i64::from(query.limit))
        .fetch_all(self.connection())
        .await?;
        rows.iter().rev().map(read).collect()
    }

    /// The positions before the first event that is kept, and of the last one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn event_range(&mut self) -> Result<(i64, i64)> {
        let row = sqlx::query(
            "SELECT coalesce(min(position) - 1, 0) AS before, coalesce(max(position), 0) AS last FROM events",
        )
        .fetch_one(self.connection())
        .await?;
        Ok((row.try_get("before")?, row.try_get("last")?))
    }
}

impl Change {
    /// Tells that something happened, in the transaction in which it does.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn tell(&mut self, told: Told<'_>) -> Result<()> {
        let (now, actor) = (self.now, self.actor.clone());
        sqlx::query(
            "INSERT INTO events (happened_at, severity, reason, kind, namespace, name, run_id, actor, message)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(micros(now))
        .bind(told.severity())
        .bind(told.reason)
        .bind(told.kind)
        .bind(told.namespace.map(Name::as_str))
        .bind(told.name)
        .bind(told.run.map(|run| run.to_string()))
        .bind(actor)
        .bind(told.message)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes all but the newest `kept`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_old_events(&mut self, kept: u32) -> Result<()> {
        sqlx::query("DELETE FROM events WHERE position <= (SELECT max(position) FROM events) - $1")
            .bind(i64::from(kept))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<Event> {
    let r = Reading::of(row, "events", "position");
    Ok(Event {
        position: row.try_get("position")?,
        happened_at: r.time("happened_at")?,
        severity: r.text("severity")?,
        reason: r.text("reason")?,
        kind: r.text("kind")?,
        namespace: r.text_or_null("namespace")?.and_then(|text| Name::parse(&text).ok()),
        name: r.text("name")?,
        run: r.text_or_null("run_id")?.and_then(|text| text.parse().ok()),
        actor: r.text("actor")?,
        message: r.text("message")?,
    })
}
