//! The gateway as the daemon sees it: what its providers may touch, how it is doing, and what it is
//! told of runs.

use std::sync::atomic::Ordering;

use captd_gateway::{Client, Status};
use uuid::Uuid;

use super::{Service, gateway_dir};
use crate::config::Confine;
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

impl Service {
    /// What providers that serve more than one run may touch; everything, when nothing is confined.
    /// The folder of each comes when it is started.
    #[must_use]
    pub fn provider_confinement(&self) -> Option<Confinement> {
        let engine = &self.config.engine;
        let nowhere = gateway_dir(&self.config).join("nowhere");
        let environment = &self.terraform_environment;
        let home = environment.get("HOME").map(std::path::Path::new);
        let needs = Needs {
            data_dir: &self.config.data_dir,
            run_dir: &nowhere,
            workspace_dir: &nowhere,
            cli_config: &self.cli_config_path(),
            key_file: self.keys.path(),
            mirrors: &mirror_folders(engine.provider_mirror.as_deref(), home),
            environment,
            signs_in_by_files: true,
            read: &engine.confine_read,
            write: &engine.confine_write,
        };
        (engine.confine != Confine::Off).then(|| confinement(&needs))
    }

    /// Says whether the gateway is at work.
    pub fn set_warm(&self, is_warm: bool) {
        self.is_warm.store(is_warm, Ordering::Relaxed);
        self.wakes.queue.notify_one();
    }

    /// Runs that may plan at the same time, as things are.
    pub(super) fn plans_at_once(&self) -> u32 {
        let engine = &self.config.engine;
        if self.is_warm.load(Ordering::Relaxed) { engine.warm_plans_at_once } else { engine.plans_at_once }
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
        match status.await {
            Ok(status) => GatewayView::At(Box::new(status)),
            Err(error) => GatewayView::Away(error.to_string()),
        }
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
