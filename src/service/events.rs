//! Events: read in their order, and followed.

use super::{Error, Result, Service};
use crate::domain::event::Event;
use crate::store::EventQuery;

/// Events, and the position from which to go on.
#[derive(Debug, Clone)]
pub struct Events {
    /// In their order.
    pub items: Vec<Event>,
    /// Of the last one that was looked at.
    pub position: i64,
}

impl Service {
    /// Events after a position; without one, the newest.
    ///
    /// # Errors
    /// When the position is no longer kept, or the namespace does not exist.
    pub async fn events(&self, after: Option<i64>, query: EventQuery) -> Result<Events> {
        let mut snapshot = self.store.read().await?;
        if let Some(namespace) = &query.namespace {
            self.require_namespace(&mut snapshot, namespace).await?;
        }
        let (before, last) = snapshot.event_range().await?;
        if let Some(after) = after.filter(|after| *after < before && before > 0) {
            return Err(Error::Gone(format!(
                "events after position {after} are no longer kept; the first that is comes after {before}: read the lists anew, and go on from their position"
            )));
        }
        let limit = query.limit;
        let items = match after {
            Some(after) => snapshot.events(&EventQuery { after, ..query }).await?,
            None => snapshot.newest_events(&query).await?,
        };
        // A page that is full ends where its last event stands; otherwise all was looked at.
        let is_full = items.len() >= limit as usize && after.is_some();
        let position = items.last().filter(|_| is_full).map_or(last, |event| event.position);
        Ok(Events { items, position })
    }
}
