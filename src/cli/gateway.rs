//! `captd gateway`: how the warm provider processes are doing; and the gateway itself, which the
//! daemon starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use captd_gateway::{Parts, serve};

use super::Exit;
use crate::domain::time::{Clock, SystemClock};
use crate::supervisor::{self, starter};
use crate::telemetry::{self, Format};

/// `captd gateway`
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Run the gateway of a folder; the daemon does that, no person needs to
    #[command(hide = true)]
    Serve {
        /// Its folder
        folder: PathBuf,
    },
}

/// Runs the gateway until nobody needs it.
pub(super) async fn run(folder: &Path) -> Result<Exit> {
    supervisor::own_session();
    telemetry::start("info", Format::Text);
    let settings = supervisor::gateway_settings(folder)?;
    serve(Parts {
        folder: folder.to_owned(),
        captd: env!("CARGO_PKG_VERSION").to_owned(),
        limits: settings.limits,
        now: Arc::new(|| SystemClock.now()),
        starter: starter(settings.confinement),
        random: Arc::new(|bytes| getrandom::fill(bytes).expect("invariant: the system has chance to give")),
    })
    .await?;
    Ok(Exit::Done)
}
