//! Keeps a gateway at work for as long as the daemon is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use captd_gateway::{Client, Limits, gateway_hangs, has_processes, until_gateway_hangs};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::service::{Service, gateway_dir};
use crate::supervisor::{Settings, ensure_gateway, gateway_obstacle, kill_gateway};

/// How long a gateway has to begin.
const BEGINNING: Duration = Duration::from_secs(10);
/// How long to wait before another one is started in the place of one that ended.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_mins(1);

/// What the gateway of this configuration is told.
fn settings(service: &Service, config: &Config) -> Settings {
    let gateway = &config.gateway;
    let mib = |count: u32| u64::from(count) << 20;
    Settings {
        limits: Limits {
            processes_max: gateway.processes_max,
            pool_bytes_max: mib(gateway.pool_mib_max),
            process_bytes_max: mib(gateway.process_mib_max),
            idle_seconds_max: gateway.idle_seconds_max,
            age_seconds_max: gateway.age_seconds_max,
            uses_max: gateway.uses_max,
            handshake_seconds_max: gateway.handshake_seconds_max,
            heartbeat_seconds: gateway.heartbeat_seconds,
        },
        confinement: service.provider_confinement(),
    }
}

/// Starts the gateway, so that the first run finds it.
pub(super) async fn begin(service: &Service) {
    let config = service.config();
    let folder = gateway_dir(config);
    if config.engine.gateway && gateway_obstacle(&folder).is_none() {
        // Tried again, and told, by the one who keeps it.
        ensure_gateway(&folder, &settings(service, config), &service.plain_environment()).await.ok();
    }
}

/// Keeps a gateway at work until `shutdown`; then it is asked to end with its last run.
pub(super) async fn run(service: Arc<Service>, shutdown: CancellationToken) {
    let config = service.config();
    if !config.engine.gateway {
        return;
    }
    let folder = gateway_dir(config);
    if let Some(why) = gateway_obstacle(&folder) {
        tracing::warn!(%why, "no gateway: runs start their providers themselves");
        return;
    }
    let mut settings = self::settings(&service, config);
    let mut again = AGAIN;
    loop {
        tokio::select! {
            kept = keep(&service, &folder, &settings) => match kept {
                Ok(()) => again = AGAIN,
                Err(error) => tracing::warn!(%error, "no gateway: runs start their providers themselves meanwhile"),
            },
            () = shutdown.cancelled() => break,
        }
        tokio::select! {
            () = tokio::time::sleep(again) => again = AGAIN_MAX.min(again * 2),
            () = shutdown.cancelled() => break,
        }
        settings = self::settings(&service, config);
    }
    if let Err(error) = leave(&service, &folder, &settings).await {
        tracing::warn!(%error, "the gateway cannot be asked to end");
    }
}

/// Asks the gateway to end with its last run. Where one has just ended, what it has left needs another.
async fn leave(service: &Service, folder: &Path, settings: &Settings) -> anyhow::Result<()> {
    let mut client = match Client::connect(folder, None).await {
        Ok(client) => client,
        Err(_) if !has_processes(folder) => return Ok(()),
        Err(_) => {
            ensure_gateway(folder, settings, &service.plain_environment()).await?;
            Client::connect_within(BEGINNING, folder, None).await?
        }
    };
    Ok(client.leave().await?)
}

/// Stays with the gateway until it ends.
async fn keep(service: &Service, folder: &Path, settings: &Settings) -> anyhow::Result<()> {
    ensure_gateway(folder, settings, &service.plain_environment()).await?;
    let connected = async {
        let mut client = Client::connect_within(BEGINNING, folder, None).await?;
        client.stay().await?;
        Ok::<_, captd_gateway::Error>(client)
    };
    let mut client = match connected.await {
        Ok(client) => client,
        Err(error) => {
            if error.is_silence() && gateway_hangs(folder).await {
                kill_gateway(folder);
            }
            return Err(error.into());
        }
    };
    tracing::info!("the gateway is at work");
    service.set_warm(true);
    let hangs = until_gateway_hangs(folder);
    tokio::pin!(hangs);
    loop {
        tokio::select! {
            () = client.ended() => {
                tracing::warn!("the gateway has ended; another one is started");
                break;
            }
            () = hangs.as_mut() => {
                tracing::warn!("the gateway hangs: it is killed, and another one is started");
                kill_gateway(folder);
                break;
            }
            () = service.wakes.providers.notified() => {}
        }
        if self::settings(service, service.config()) != *settings {
            // Its providers may read other certificates from now on.
            service.set_warm(false);
            return Ok(());
        }
    }
    service.set_warm(false);
    Ok(())
}
