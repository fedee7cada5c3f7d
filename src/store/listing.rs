//! Lists, page by page, in an order that a cursor can name.

use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::{Result, Snapshot, machines, runs};
use crate::domain::machine::Machine;
use crate::domain::name::Name;
use crate::domain::run::Run;

/// Which machines.
#[derive(Debug, Clone, Default)]
pub struct MachineQuery {
    /// Of one namespace only.
    pub namespace: Option<Name>,
    /// After this namespace and name.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: u32,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Of one namespace only.
    pub namespace: Option<Name>,
    /// Of one machine only.
    pub machine: Option<Name>,
    /// In one of these states only; empty is any.
    pub states: Vec<&'static str>,
    /// Older than this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

impl Snapshot {
    /// Machines by namespace and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn machines(&mut self, query: &MachineQuery) -> Result<Vec<Machine>> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "SELECT m.*, w.uid AS workspace_uid FROM machines m JOIN workspaces w ON w.machine_uid = m.uid WHERE TRUE",
        );
        if let Some(namespace) = &query.namespace {
            sql.push(" AND m.namespace = ").push_bind(namespace.as_str());
        }
        if let Some((namespace, name)) = &query.after {
            sql.push(" AND (m.namespace, m.name) > (").push_bind(namespace).push(", ").push_bind(name).push(")");
        }
        sql.push(" ORDER BY m.namespace, m.name LIMIT ").push_bind(i64::from(query.limit));
        let rows = sql.build().fetch_all(self.connection()).await?;
        rows.iter().map(machines::read).collect()
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn runs(&mut self, query: &RunQuery) -> Result<Vec<Run>> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM runs WHERE TRUE");
        if let Some(namespace) = &query.namespace {
            sql.push(" AND namespace = ").push_bind(namespace.as_str());
        }
        if let Some(machine) = &query.machine {
            sql.push(" AND machine = ").push_bind(machine.as_str());
        }
        if !query.states.is_empty() {
            sql.push(" AND state IN (");
            let mut list = sql.separated(", ");
            for state in &query.states {
                list.push_bind(*state);
            }
            sql.push(")");
        }
        if let Some(before) = query.before {
            sql.push(" AND id < ").push_bind(before.to_string());
        }
        sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(query.limit));
        let rows = sql.build().fetch_all(self.connection()).await?;
        rows.iter().map(runs::read).collect()
    }
}
