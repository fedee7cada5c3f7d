//! Lists, page by page, in an order that a cursor can name.

use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::{Result, Snapshot, resources, runs};
use crate::domain::name::Name;
use crate::domain::resource::{Resource, ResourceKind};
use crate::domain::run::Run;

/// Which machines or workspaces.
#[derive(Debug, Clone)]
pub struct ResourceQuery {
    /// Of this kind.
    pub kind: ResourceKind,
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
    /// Of one machine or workspace only.
    pub owner: Option<(ResourceKind, Name)>,
    /// In one of these states only; empty is any.
    pub states: Vec<&'static str>,
    /// Older than this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

impl Snapshot {
    /// Machines or workspaces by namespace and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn resources(&mut self, query: &ResourceQuery) -> Result<Vec<Resource>> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM workspaces WHERE kind = ");
        sql.push_bind(query.kind.noun());
        if let Some(namespace) = &query.namespace {
            sql.push(" AND namespace = ").push_bind(namespace.as_str());
        }
        if let Some((namespace, name)) = &query.after {
            sql.push(" AND (namespace, name) > (").push_bind(namespace).push(", ").push_bind(name).push(")");
        }
        sql.push(" ORDER BY namespace, name LIMIT ").push_bind(i64::from(query.limit));
        let rows = sql.build().fetch_all(self.connection()).await?;
        rows.iter().map(resources::read).collect()
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
        if let Some((owner, name)) = &query.owner {
            sql.push(" AND owner = ").push_bind(owner.noun());
            sql.push(" AND name = ").push_bind(name.as_str());
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
