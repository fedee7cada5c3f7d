//! The composition root: what is started, in which order, and how it ends.
//!
//! Settings are checked before this begins. Then: the data folder is taken, Terraform looked at,
//! the database opened and migrated, runs found again, and only then is the address bound.

mod data_dir;
mod providers_on_disk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Providers};
use crate::domain::time::{SharedClock, SystemClock};
use crate::http::{self, Shared, Token, Version};
use crate::render::Library;
use crate::service::{Parts, Service, cli_config_path};
use crate::store::Store;
use crate::terraform::environment::environment;
use crate::terraform::version;
use crate::{queue, reconciler, supervisor};
use data_dir::DataDir;

/// How long `terraform version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the end waits for requests that are under way.
const DRAIN: Duration = Duration::from_secs(10);

/// A daemon that runs in this process.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    token: String,
    service: Arc<Service>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    // Held until the end: one daemon a folder.
    _data_dir: DataDir,
}

/// Starts a daemon. `inherited` is the environment of which a few variables reach terraform.
///
/// # Errors
/// When the data folder is in use, Terraform is missing or too old, a template is broken, the
/// database cannot be opened, or the address is taken. Each says what to do.
pub async fn start(mut config: Config, inherited: BTreeMap<String, String>) -> Result<Running> {
    let clock: SharedClock = Arc::new(SystemClock);
    // Terraform runs in folders of its own: a relative path would mean something else there.
    config.data_dir = std::path::absolute(&config.data_dir).context("the data folder has no absolute path")?;
    let data_dir = DataDir::take(&config.data_dir)?;
    let token = data_dir.admin_token()?;
    providers_on_disk::write_cli_config(&config, &inherited)?;
    let terraform = look_at_terraform(&config, &inherited).await?;
    let library = Library::load(config.templates.dir.as_deref()).context("the templates cannot be loaded")?;
    let store = Store::open(&data_dir.database()).await?;
    let installation = store.installation(clock.id()).await?.to_string();
    let listen = config.server.listen;
    let service = Arc::new(Service::new(Parts { store, clock, config, library, installation, environment: inherited }));
    service.ensure_default_namespace().await?;

    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; choose another address with --listen or [server] listen")
    })?;
    let address = listener.local_addr().context("the address that was bound cannot be read")?;
    let shutdown = CancellationToken::new();
    let shared = Shared {
        service: Arc::clone(&service),
        token: Token::new(&token),
        shutdown: shutdown.clone(),
        version: Version { version: env!("CARGO_PKG_VERSION"), terraform },
    };
    let tasks = TaskTracker::new();
    tasks.spawn(queue::run(Arc::clone(&service), shutdown.clone()));
    tasks.spawn(reconciler::run(Arc::clone(&service), shutdown.clone()));
    let ending = shutdown.clone();
    tasks.spawn(async move {
        let server = axum::serve(listener, http::router(shared)).with_graceful_shutdown(ending.cancelled_owned());
        if let Err(error) = server.await {
            tracing::error!(%error, "the HTTP server has ended");
        }
    });
    tasks.close();
    Ok(Running { address, token, service, shutdown, tasks, _data_dir: data_dir })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin's token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Takes other provider configurations from now on; all other settings stay.
    pub fn set_providers(&self, providers: Providers) {
        self.service.set_providers(providers);
    }

    /// Ends it in order: no new request, no new run; terraforms that are at work go on by
    /// themselves, and the next daemon finds them.
    pub async fn stop(self) {
        self.shutdown.cancel();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("a client held its connection; it is cut");
        }
        self.service.close().await;
    }
}

async fn look_at_terraform(config: &Config, inherited: &BTreeMap<String, String>) -> Result<String> {
    let binary = &config.engine.binary;
    let variables = environment(inherited, &[], &cli_config_path(config), None);
    let answer = supervisor::capture(binary, &["version", "-json"], &variables, VERSION_TIMEOUT).await;
    answer.and_then(|answer| version::check(&answer)).map_err(anyhow::Error::msg).with_context(|| {
        format!(
            "captd cannot use `{binary}` as Terraform; install Terraform {}.{} or newer, or name it with [engine] binary",
            version::OLDEST.0,
            version::OLDEST.1
        )
    })
}
