//! `captd version`: of this program, and of the daemon.

use anyhow::Result;
use serde::Deserialize;

use super::Exit;
use super::output::say;
use super::session::Session;

/// `captd version`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask the daemon too
    #[arg(long)]
    pub(super) server: bool,
}

#[derive(Debug, Deserialize)]
struct Server {
    version: String,
    terraform: String,
}

/// The version of this program.
pub(super) fn client() -> Result<Exit> {
    say(concat!("captd ", env!("CARGO_PKG_VERSION")))?;
    Ok(Exit::Done)
}

/// That, and the daemon's.
pub(super) async fn server(session: &Session) -> Result<Exit> {
    client()?;
    let server: Server = session.client.get(&["v1", "version"], &[]).await?;
    let (version, terraform) = (&server.version, &server.terraform);
    say(format_args!("server {version} with Terraform {terraform} at {}", session.client.address()))?;
    Ok(Exit::Done)
}
