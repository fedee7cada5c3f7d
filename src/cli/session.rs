//! What every client command has at hand: the daemon, a namespace, a clock.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use uuid::Uuid;

use super::client::Client;
use super::connection::Connection;
use super::target::path_of;
use super::wire::{Resource, Run};
use crate::domain::name::Name;
use crate::domain::resource::Key;
use crate::domain::time::{Clock, SystemClock};

/// A client command's surroundings.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) namespace: Name,
    clock: SystemClock,
}

impl Session {
    /// Finds the daemon and the token.
    ///
    /// # Errors
    /// What is missing, and how to pass it.
    pub(super) async fn open(connection: &Connection) -> Result<Self> {
        let namespace = connection.namespace()?;
        match connection.token() {
            Ok(token) => Self::with(connection.address(), &token, namespace),
            Err(error) => {
                // Where no daemon ever ran there is no token: that nobody listens says more. And one
                // that was started a moment ago has made its token by the time that it listens.
                Client::new(connection.address(), "")?.knock().await?;
                let token = connection.token().map_err(|_| error)?;
                Self::with(connection.address(), &token, namespace)
            }
        }
    }

    /// A session with a daemon that is known.
    pub(super) fn with(address: &str, token: &str, namespace: Name) -> Result<Self> {
        Ok(Self { client: Client::new(address, token)?, namespace, clock: SystemClock })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The end of `timeout`, as far away as a timestamp can be.
    pub(super) fn deadline(&self, timeout: Duration) -> Timestamp {
        let seconds = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000);
        crate::domain::time::from_micros(self.now().as_microsecond().saturating_add(seconds))
    }

    /// One machine or workspace.
    pub(super) async fn resource(&self, key: &Key) -> super::client::Result<Resource> {
        self.client.get(&path_of(key, &[]), &[]).await
    }

    /// One run.
    pub(super) async fn run(&self, id: Uuid) -> super::client::Result<Run> {
        self.client.get(&["v1", "runs", &id.to_string()], &[]).await
    }
}
