//! A command whose providers are warm: the proxy between its terraform and the gateway, for as
//! long as the command takes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use captd_gateway::{Environment, Launch, Proxy, Said, Starter, Wish};
use captd_process::Confinement;

use super::shim;

/// What Go's garbage collector is told in a terraform whose providers are all elsewhere, unless it
/// is told already: a heap of so little is hardly worth collecting, up to a limit. Measured: that
/// spares a seventh of a run's CPU time.
const COLLECTOR: &[(&str, &str)] = &[("GOGC", "1000"), ("GOMEMLIMIT", "512MiB")];

/// The proxy of one command, and what drives it.
pub(super) struct Warm {
    runtime: tokio::runtime::Runtime,
    proxy: Proxy,
}

impl Warm {
    /// Asks the gateway for what the command needs. While it waits for a provider that hangs, `note` says so.
    ///
    /// # Errors
    /// A sentence, when a provider must not be started at all.
    pub(super) fn begin(wish: &Wish, confinement: Option<&Confinement>, note: &Path) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        std::fs::create_dir_all(&wish.sockets).map_err(|error| format!("{}: {error}", wish.sockets.display()))?;
        let environment: Environment = std::env::vars().collect();
        let starter = starter(confinement.cloned());
        let proxy = runtime.block_on(Proxy::start(wish, &environment, &starter, note));
        Ok(Self { proxy: proxy.map_err(|error| error.to_string())?, runtime })
    }

    /// The variables by which terraform is told; none, when no provider is warm.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(reattach) = self.proxy.reattach() else { return Vec::new() };
        let mut variables = vec![(shim::REATTACH, reattach)];
        // A provider that it starts itself would be told, too.
        if self.proxy.has_all() {
            let unset = COLLECTOR.iter().filter(|(name, _)| std::env::var_os(name).is_none());
            variables.extend(unset.map(|(name, value)| (*name, (*value).to_owned())));
        }
        variables
    }

    /// Ends what was begun for the command, and says how its providers were reached.
    pub(super) fn end(self) -> Said {
        self.runtime.shutdown_background();
        self.proxy.end()
    }
}

/// Starts providers with these rights; with all, where there are none.
#[must_use]
pub fn starter(confinement: Option<Confinement>) -> Starter {
    Arc::new(move |launch| start(launch, confinement.clone()))
}

fn start(launch: Launch<'_>, confinement: Option<Confinement>) -> std::io::Result<Child> {
    let mut command: Command = shim::command(launch.program, true);
    command
        .env_clear()
        .envs(&launch.environment)
        .current_dir(launch.folder)
        .stdin(Stdio::null())
        .stdout(launch.stdout)
        .stderr(launch.stderr);
    match confinement {
        None => command.spawn(),
        Some(mut rights) => {
            rights.read.extend(launch.program.parent().map(Path::to_owned));
            rights.write.push(launch.folder.to_owned());
            rights.tmp = PathBuf::from(launch.folder);
            captd_process::start(&mut command, &rights)
        }
    }
}
