//! The use cases: the only door to what is stored, for the HTTP API, the queue and the reconciler.

mod abandon;
mod allowed;
mod apply;
mod applying;
mod basis;
mod bundles;
mod capt;
mod connection_secrets;
mod decisions;
mod defaults;
mod delete;
mod discover;
mod disk;
mod drain;
mod edits;
mod eject;
mod enqueue;
mod error;
mod errored;
mod events;
mod gateway;
mod graph;
mod hold;
mod keys;
mod left;
mod logs;
mod namespaces;
mod needs;
mod observing;
mod places;
mod prepare;
mod progress;
mod protection;
mod providers;
mod ratchet;
mod redaction;
mod references;
mod rehearse;
mod resources;
mod retry;
mod rollout;
mod run_logs;
mod runs;
mod separation;
mod sources;
mod states;
mod sweep;
mod templates;
mod unsure;
mod uploads;
mod waits;
mod wakes;
mod write;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

pub use captd_capt::Conversion;
use captd_capt::Mirror;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use abandon::Abandoned;
pub use allowed::Rules;
pub use apply::{Applied, How, Outcome};
pub use discover::Discovery;
pub use disk::room_at;
pub use eject::Ejected;
pub use error::{Error, Result};
pub use events::Events;
pub use gateway::GatewayView;
pub use graph::GraphView;
pub use keys::{KeyFileError, Keys, Rotation, read_keys};
pub use logs::LogPart;
pub use namespaces::NamespaceView;
pub use places::{Round, Stage};
pub use prepare::Prepared;
pub use rehearse::{REHEARSED, RENDERED_NOW};
pub use resources::{ListResources, Page, ResourceView, Scale};
pub use retry::Retried;
pub use rollout::RolloutView;
pub use runs::ListRuns;
pub use states::Locked;
pub use templates::{Rendering, RevisionView, TemplateView};
pub use uploads::{Looked, Trial, Validator, Verdict};

pub use crate::store::{Retained, Revision};
pub use wakes::Wakes;
pub use write::{Condition, Written};

use crate::config::{Config, Providers};
use crate::domain::name::Name;
use crate::domain::permission::Authority;
use crate::domain::redaction::Secrets;
use crate::domain::resource::{Key, told};
use crate::domain::time::SharedClock;
use crate::render::Library;
use crate::store::{Change, Store};

/// Who does something, whose name is kept with what was done; and what he may decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub String, pub Authority);

impl Actor {
    /// The daemon, when it acts by itself.
    fn daemon() -> Self {
        let reads = vec!["*".to_owned()];
        Self(DAEMON.to_owned(), Authority { approves: false, administers_all: true, reads })
    }

    /// Others, as he hears of them when he works in `home`.
    fn told<'a>(&self, others: impl IntoIterator<Item = &'a Key>, home: &Name) -> String {
        told(others, home, |namespace| self.1.reads_in(namespace))
    }
}

/// Who the daemon is when it acts by itself.
pub(crate) const DAEMON: &str = "captd";

/// The use cases.
#[derive(Debug)]
pub struct Service {
    store: Store,
    clock: SharedClock,
    config: Config,
    providers: RwLock<Arc<Providers>>,
    library: Library,
    mirror: Mirror,
    installation: String,
    terraform_environment: crate::terraform::environment::Environment,
    keys: Keys,
    state_address: String,
    secrets: RwLock<Secrets>,
    /// Runs that are over, and whose logs are not redacted on the disk yet.
    unredacted: Mutex<BTreeSet<Uuid>>,
    /// How far the logs of applies were read.
    followed: applying::Followed,
    at_work: gateway::AtWork,
    at_hand: Mutex<templates::AtHand>,
    judged: Mutex<allowed::Judged>,
    validator: Arc<dyn Validator>,
    rehearsals: Semaphore,
    clearing: Semaphore,
    /// Runs that are over, and whose folders are about to go.
    cleared: Mutex<BTreeSet<Uuid>>,
    disk: Mutex<disk::Disk>,
    /// Hints that something may be due.
    pub wakes: Wakes,
}

/// What a service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Time, ids and chance.
    pub clock: SharedClock,
    /// All settings.
    pub config: Config,
    /// The templates.
    pub library: Library,
    /// What stands in for modules that cannot be reached.
    pub mirror: Mirror,
    /// Id of this installation.
    pub installation: String,
    /// The keys of what is kept secret.
    pub keys: Keys,
    /// Where runs reach the state backend: `http://127.0.0.1:<port>`.
    pub state_address: String,
    /// The daemon's own environment, of which a few variables reach terraform.
    pub environment: crate::terraform::environment::Environment,
    /// What must never be shown besides what is known by its place: the admin's token.
    pub secrets: Vec<String>,
    /// Puts uploaded templates on trial.
    pub validator: Arc<dyn Validator>,
}

impl Service {
    /// Puts a service together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let secrets = redaction::at_start(&parts.secrets, &parts.environment, &parts.config.providers);
        Self {
            secrets: RwLock::new(secrets),
            store: parts.store,
            clock: parts.clock,
            providers: RwLock::new(Arc::new(parts.config.providers.clone())),
            config: parts.config,
            library: parts.library,
            mirror: parts.mirror,
            installation: parts.installation,
            terraform_environment: parts.environment,
            keys: parts.keys,
            state_address: parts.state_address,
            unredacted: Mutex::default(),
            followed: applying::Followed::default(),
            at_work: gateway::AtWork::default(),
            at_hand: Mutex::default(),
            judged: Mutex::default(),
            validator: parts.validator,
            rehearsals: Semaphore::new(rehearse::REHEARSALS_AT_ONCE),
            clearing: Semaphore::new(left::CLEARED_AT_ONCE),
            cleared: Mutex::default(),
            disk: Mutex::default(),
            wakes: Wakes::default(),
        }
    }

    /// All settings, as they were at the start.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Takes other provider configurations from now on; runs that have begun keep theirs. What failed with one of
    /// before is tried at once.
    ///
    /// # Errors
    /// When the database cannot keep that; the configurations are taken all the same.
    pub async fn set_providers(&self, providers: Providers) -> Result<()> {
        let names: Vec<String> = providers.aws.keys().cloned().collect();
        {
            let mut known = self.secrets.write().expect("invariant: no holder of this lock panics");
            redaction::add_providers(&mut known, &providers);
        }
        *self.providers.write().expect("invariant: no holder of this lock panics") = Arc::new(providers);
        self.wakes.providers.notify_one();
        let mut change = self.write(DAEMON).await?;
        change.mend(&names, &[]).await?;
        self.look_at_all_providers(&mut change).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }

    fn providers(&self) -> Arc<Providers> {
        Arc::clone(&self.providers.read().expect("invariant: no holder of this lock panics"))
    }

    /// Begins a change that `actor` makes.
    async fn write(&self, actor: &str) -> Result<Change> {
        Ok(self.store.write(self.clock.now(), actor).await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn is_ready(&self) -> Result<()> {
        self.store.read().await?.open_run_count().await?;
        Ok(())
    }

    /// Writes everything to the disk and closes it.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Terraform's CLI configuration.
    fn cli_config_path(&self) -> PathBuf {
        cli_config_path(&self.config)
    }
}

/// Where the gateway has its socket, its cache and its processes.
#[must_use]
pub fn gateway_dir(config: &Config) -> PathBuf {
    config.data_dir.join("gateway")
}

/// Where templates are on trial. Its name is no longer than that of the runs' folder: sockets are made below it.
#[must_use]
pub fn trials_dir(config: &Config) -> PathBuf {
    config.data_dir.join("try")
}

/// Where Terraform's CLI configuration is written.
#[must_use]
pub fn cli_config_path(config: &Config) -> PathBuf {
    config.data_dir.join("terraform.rc")
}
