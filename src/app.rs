//! The composition root: what is started, in which order, and how it ends.
//!
//! Settings are checked before this begins. Then: the data folder is taken, Terraform looked at,
//! the database opened and migrated, runs found again, and only then is the address bound.

mod data_dir;
mod descriptors;
mod gateway;
mod notify;
mod providers_on_disk;
mod serving;
mod state_port;
mod validator;
mod witness;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Confine, Providers};
use crate::domain::time;
use crate::http::{self, Components, Followers, Shared, Tokens, Version};
use crate::render::Library;
use crate::service::{Keys, Parts, Service, cli_config_path, trials_dir};
use crate::store::{Store, glance};
use crate::supervisor::Effect;
use crate::terraform::environment::environment;
use crate::terraform::version;
use crate::{queue, reconciler, runner, supervisor};
use data_dir::DataDir;
use notify::Notifier;
pub use providers_on_disk::provider_mirrors;
use serving::Bounds;
use validator::Trials;

/// How long `terraform version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the end waits for requests that are under way.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a run may take for the head of a request to the state port: it is on this machine.
const STATE_HEAD: Duration = Duration::from_secs(3);
/// Requests to the state port that one run has open; Terraform sends one after the other.
const STATE_REQUESTS_OF_A_RUN_MAX: usize = 8;

/// A daemon that runs in this process.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    token: String,
    service: Arc<Service>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    notifier: Notifier,
    // Held until the end: one daemon a folder.
    _data_dir: DataDir,
}

/// Starts a daemon. `inherited` is the environment of which a few variables reach terraform.
///
/// # Errors
/// When the data folder is in use, Terraform is missing or too old, a template is broken, the
/// database cannot be opened, or the address is taken. Each says what to do.
pub async fn start(mut config: Config, inherited: BTreeMap<String, String>) -> Result<Running> {
    let clock = time::clock(&inherited);
    let notifier = Notifier::new(&inherited);
    // Terraform runs in folders of its own: a relative path would mean something else there.
    config.data_dir = std::path::absolute(&config.data_dir).context("the data folder has no absolute path")?;
    let data_dir = DataDir::take(&config.data_dir)?;
    look_at_confinement(&mut config)?;
    let terraform = look_at_terraform(&config, &inherited).await?;
    let library = Library::load(config.templates.dir.as_deref()).context("the templates cannot be loaded")?;
    let mirror = library.mirror(&config.modules).context("[modules.mirror] cannot be read")?;
    let (store, installation, keys) = open(&config, &data_dir, &clock).await?;
    // Only now is anything written besides: a start that is refused leaves the folder as it was.
    let token = data_dir.admin_token()?;
    providers_on_disk::write_cli_config(&config, &inherited)?;
    let listen = config.server.listen;
    let open_runs = store.read().await?.open_run_count().await?;
    let states = state_port::listen(&config.data_dir, open_runs > 0).await?;
    let state_address = format!("http://{}", states.local_addr().context("the port that was bound cannot be read")?);
    runner::sweep_trials(&trials_dir(&config)).await;
    let validator = Arc::new(Trials::new(&clock));
    let service = Arc::new(Service::new(Parts {
        store,
        clock,
        config,
        library,
        mirror,
        installation,
        keys,
        state_address,
        environment: inherited,
        secrets: vec![token.clone()],
        validator,
    }));
    service.can_follow().await?.map_err(anyhow::Error::msg)?;
    service.ensure_default_namespace().await?;
    service.learn_secrets().await?;
    service.learn_of_open_runs().await?;
    service.end_drain_of_earlier_boot().await?;
    if let Some(why) = service.held().await? {
        tracing::warn!(why, "held: runs plan, and nothing is applied until `captd release`");
    }

    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; choose another address with --listen or [server] listen")
    })?;
    if !listen.ip().is_loopback() {
        tracing::warn!(%listen, "captd speaks no TLS: whoever is on the way can read the token; put a proxy before it");
    }
    let address = listener.local_addr().context("the address that was bound cannot be read")?;
    let shutdown = CancellationToken::new();
    let shared = Shared::new(Components {
        service: Arc::clone(&service),
        tokens: Tokens::new(&token, &service.config().server.clients),
        followers: Followers::new(&service, &shutdown),
        shutdown: shutdown.clone(),
        version: Version { version: env!("CARGO_PKG_VERSION"), terraform },
    });
    gateway::begin(&service).await;
    let tasks = begin(&service, shared, shutdown.clone(), states, listener);
    tasks.spawn(gateway::run(Arc::clone(&service), shutdown.clone()));
    tasks.spawn(notifier.clone().run(Arc::clone(&service), shutdown.clone()));
    notifier.ready(address);
    Ok(Running { address, token, service, shutdown, tasks, notifier, _data_dir: data_dir })
}

/// Opens the database, if it is the one of this folder, with its keys.
async fn open(config: &Config, data_dir: &DataDir, clock: &time::SharedClock) -> Result<(Store, String, Keys)> {
    let glance = glance(&config.data_dir.join("captd.db")).await?;
    witness::check(config, &glance, clock.now())?;
    let store = Store::open(&data_dir.database()?).await?;
    let installation = store.installation(clock.id()).await?.to_string();
    let keys = Keys::load(&config.state.key_file, &store.read().await?.key_ids().await?)?;
    witness::hold_copy(config, &glance, &store, clock.now()).await?;
    witness::count(config, &glance, &store, &installation).await;
    Ok((store, installation, keys))
}

/// Starts all that works side by side.
fn begin(
    service: &Arc<Service>,
    shared: Shared,
    shutdown: CancellationToken,
    states: TcpListener,
    listener: TcpListener,
) -> TaskTracker {
    let tasks = TaskTracker::new();
    // Nobody waits for it, not even the end.
    let clearing = Arc::clone(service);
    tokio::spawn(async move {
        if let Err(error) = clearing.clear_all().await {
            tracing::warn!(%error, "cannot remove what earlier runs have left");
        }
    });
    tasks.spawn(queue::run(Arc::clone(service), shutdown.clone()));
    tasks.spawn(queue::redact(Arc::clone(service), shutdown.clone()));
    tasks.spawn(reconciler::run(Arc::clone(service), shutdown.clone()));
    let (of_states, of_api) = bounds(service.config());
    tasks.spawn(serving::serve(states, http::state_router(shared.clone()), of_states, shutdown.clone()));
    tasks.spawn(serving::serve(listener, http::router(shared), of_api, shutdown));
    tasks.close();
    tasks
}

/// What bounds the connections of the state port and of the API.
fn bounds(config: &Config) -> (Bounds, Bounds) {
    let server = &config.server;
    let shares = descriptors::share(config);
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let seconds = |number: u32| Duration::from_secs(number.into());
    let api = Bounds {
        name: "api",
        setting: "server.connections_max, server.connections_by_peer_max, server.connections_loopback_max",
        connections_max: shares.api,
        by_peer_max: count(server.connections_by_peer_max),
        loopback_max: count(server.connections_loopback_max),
        by_credentials_max: None,
        trusted_proxies: server.trusted_proxies.clone(),
        head: seconds(server.head_seconds_max),
        idle: seconds(server.idle_seconds_max),
        stall: seconds(server.stall_seconds_max),
    };
    let states = Bounds {
        name: "states",
        setting: "the limit of open files",
        connections_max: shares.states,
        by_peer_max: shares.states,
        loopback_max: shares.states,
        by_credentials_max: Some(STATE_REQUESTS_OF_A_RUN_MAX),
        trusted_proxies: Vec::new(),
        head: STATE_HEAD,
        ..api.clone()
    };
    (states, api)
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
    ///
    /// # Errors
    /// When the database cannot keep that what failed is to be tried again.
    pub async fn set_providers(&self, providers: Providers) -> Result<()> {
        Ok(self.service.set_providers(providers).await?)
    }

    /// Ends it in order: no new request, no new run; terraforms that are at work go on by
    /// themselves, and the next daemon finds them.
    pub async fn stop(self) {
        self.notifier.stopping();
        self.shutdown.cancel();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("a client held its connection; it is cut");
        }
        self.service.close().await;
    }
}

/// What `engine.confine` comes to with this data folder on this machine.
#[must_use]
pub fn confinement(config: &Config) -> Effect {
    let real = std::fs::canonicalize(&config.data_dir);
    let obstacle = supervisor::confine::obstacle(&config.data_dir, real.as_deref().unwrap_or(&config.data_dir));
    let landlock = supervisor::landlock().and_then(|version| obstacle.map_or(Ok(version), Err));
    supervisor::effect(config.engine.confine, landlock)
}

/// From here on `engine.confine` is what is done.
fn look_at_confinement(config: &mut Config) -> Result<()> {
    match confinement(config) {
        Effect::Confined(version) => {
            let missing = supervisor::missing_in(version);
            tracing::info!(landlock = version, missing, "terraform is confined");
        }
        Effect::Off => {
            tracing::warn!("terraform is not confined (engine.confine = \"off\"): a template can read what captd can");
        }
        Effect::Unavailable(why) => {
            tracing::warn!(%why, "terraform is not confined: a template can read what captd can");
            config.engine.confine = Confine::Off;
        }
        Effect::Refused(why) => anyhow::bail!(
            "terraform cannot be confined, and engine.confine = \"required\" asks for it: {why}; or set engine.confine to \"preferred\" or \"off\", and use only templates that you trust"
        ),
    }
    Ok(())
}

/// The version of the Terraform that is configured.
///
/// # Errors
/// When it is missing or too old; what to do.
pub async fn look_at_terraform(config: &Config, inherited: &BTreeMap<String, String>) -> Result<String> {
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
