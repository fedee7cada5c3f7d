//! The gateway as the daemon sees it: what its providers may touch, how it is doing, and what it is
//! told of runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use captd_gateway::{Client, Status};
use uuid::Uuid;

use super::{Service, gateway_dir};
use crate::config::Confine;
use crate::domain::run::Step;
use crate::domain::warmth::Silent;
use crate::supervisor::confine::{Needs, confinement};
use crate::supervisor::{Confinement, gateway_obstacle};
use crate::terraform::environment::{Environment, environment};
use crate::terraform::installation::mirror_folders;

/// How the gateway is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum GatewayView {
    /// It is not to be.
    Off,
    /// It gives no answer; why.
    Away(String),
    /// It says so itself.
    At(Box<Status>),
}

/// What is known of the gateway where runs are given their places.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    /// Whether it is at work.
    gateway: AtomicBool,
    /// When a command last had to start its providers itself though they were to be warm, in seconds
    /// since the Unix epoch.
    plain_at: AtomicI64,
    /// The runs that wait for a provider that hangs.
    silent: Mutex<HashMap<Uuid, Silent>>,
}

/// How long the gateway has to say how it is doing.
const ANSWER: Duration = Duration::from_secs(3);
/// What is said of one that takes longer.
const HANGS: &str = "it hangs: it does not answer within 3 s. Another one takes its place after three such times";

/// Seconds for which one such command lets fewer runs work at the same time: each may need the
/// memory of a provider of its own.
const PLAIN_SECONDS: i64 = 300;

impl Service {
    /// What providers that serve more than one run may touch; everything, when nothing is confined.
    /// The folder of each comes when it is started.
    #[must_use]
    pub fn provider_confinement(&self) -> Option<Confinement> {
        let engine = &self.config.engine;
        let nowhere = gateway_dir(&self.config).join("nowhere");
        let environment = &self.terraform_environment;
        let home = environment.get("HOME").map(std::path::Path::new);
        let ca_files =
            self.providers().aws.values().filter_map(|provider| provider.ca_file.clone()).collect::<Vec<_>>();
        let needs = Needs {
            data_dir: &self.config.data_dir,
            run_dir: &nowhere,
            cli_config: &self.cli_config_path(),
            key_file: self.keys.path(),
            mirrors: &mirror_folders(engine.provider_mirror.as_deref(), home),
            environment,
            signs_in_by_files: true,
            read: &[engine.confine_read.clone(), ca_files].concat(),
            write: &engine.confine_write,
        };
        (engine.confine != Confine::Off).then(|| confinement(&needs))
    }

    /// Says whether the gateway is at work.
    pub fn set_warm(&self, is_warm: bool) {
        self.at_work.gateway.store(is_warm, Ordering::Relaxed);
        self.wakes.queue.notify_one();
    }

    /// Takes in how a command has reached its providers. One that had to start them itself tells that
    /// others may have to.
    pub(super) fn reached(&self, step: &Step) {
        if !step.plain_because.is_empty() {
            self.at_work.plain_at.store(self.clock.now().as_second(), Ordering::Relaxed);
        }
    }

    /// Whether runs find their providers warm, as far as is known.
    fn is_warm(&self) -> bool {
        let plain_for = self.clock.now().as_second().saturating_sub(self.at_work.plain_at.load(Ordering::Relaxed));
        // A clock that was put back since says nothing of it.
        let was_plain = (0..=PLAIN_SECONDS).contains(&plain_for);
        self.at_work.gateway.load(Ordering::Relaxed) && !was_plain
    }

    /// Runs that may plan at the same time, as things are.
    pub(super) fn plans_at_once(&self) -> u32 {
        let engine = &self.config.engine;
        if self.is_warm() { engine.warm_plans_at_once } else { engine.plans_at_once }
    }

    /// Runs that may apply at the same time, as things are.
    pub(super) fn applies_at_once(&self) -> u32 {
        let engine = &self.config.engine;
        if self.is_warm() { engine.warm_applies_at_once } else { engine.applies_at_once }
    }

    /// The environment of a process of captd that signs in nowhere.
    #[must_use]
    pub fn plain_environment(&self) -> Environment {
        environment(&self.terraform_environment, &[], &self.cli_config_path(), None)
    }

    /// How the gateway is doing.
    pub async fn gateway(&self) -> GatewayView {
        if !self.config.engine.gateway {
            return GatewayView::Off;
        }
        let folder = gateway_dir(&self.config);
        if let Some(why) = gateway_obstacle(&folder) {
            return GatewayView::Away(why);
        }
        let status = async { Client::connect(&folder, None).await?.status().await };
        match tokio::time::timeout(ANSWER, status).await {
            Ok(Ok(status)) => GatewayView::At(Box::new(status)),
            Ok(Err(error)) => GatewayView::Away(error.to_string()),
            Err(_) => GatewayView::Away(HANGS.to_owned()),
        }
    }

    /// Takes in for which provider a run waits though it hangs; without one, that it waits no more.
    pub fn waits_for_silent(&self, run: Uuid, silent: Option<Silent>) {
        let mut all = self.at_work.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match silent {
            Some(silent) => {
                tracing::warn!(%run, provider = silent.provider, "an apply waits for a provider that does not answer");
                all.insert(run, silent);
            }
            None => {
                all.remove(&run);
            }
        }
    }

    /// The provider for which a run waits though it hangs.
    pub(super) fn silent_for(&self, run: Uuid) -> Option<Silent> {
        self.at_work.silent.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }

    /// What served `run` serves nobody any more: its credentials were refused, and others may be
    /// had by the next try.
    pub async fn retire_providers_of(&self, run: Uuid, why: &str) {
        if !self.config.engine.gateway {
            return;
        }
        let retired = async {
            let mut client = Client::connect(&gateway_dir(&self.config), None).await?;
            client.retire(run.to_string(), why.to_owned()).await
        };
        // A gateway that is away lends nothing.
        if let Err(error) = retired.await {
            tracing::debug!(%error, "cannot retire provider processes");
        }
    }
}
