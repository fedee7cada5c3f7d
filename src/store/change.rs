//! A transaction that writes.

use std::ops::{Deref, DerefMut};

use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{Result, Snapshot};
use crate::domain::resource::Resource;

/// A transaction that writes. It reads like a [`Snapshot`], sees what it has written, and keeps
/// nothing unless it commits.
#[derive(Debug)]
pub struct Change {
    snapshot: Snapshot,
    /// When it happens, for its events.
    pub(super) now: Timestamp,
    /// Who does it, for its events.
    pub(super) actor: String,
}

/// A machine or workspace to be written, with what the database needs to know of it beside its fields.
#[derive(Debug, Clone)]
pub struct NewResource<'a> {
    /// As it is declared.
    pub resource: &'a Resource,
    /// Provider configuration, region, cluster and name of a machine's node group in one: unique.
    pub node_group: &'a str,
    /// Provider configuration, region and cluster in one.
    pub cluster: &'a str,
}

impl Change {
    pub(super) fn new(transaction: Transaction<'static, Sqlite>, now: Timestamp, actor: &str) -> Self {
        Self { snapshot: Snapshot(transaction), now, actor: actor.to_owned() }
    }

    /// Keeps all that was written.
    ///
    /// # Errors
    /// When the database cannot write it; then nothing is kept.
    pub async fn commit(self) -> Result<()> {
        Ok(self.snapshot.0.commit().await?)
    }
}

impl Deref for Change {
    type Target = Snapshot;
    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }
}

impl Snapshot {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}
