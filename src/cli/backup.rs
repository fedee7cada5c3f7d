//! `captd backup`: a copy of the database, taken while the daemon works.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Exit;
use super::connection::Connection;
use super::output::say;
use crate::domain::time::{Clock, SystemClock};
use crate::store::back_up;

/// `captd backup`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The copy holds machines, runs, states and plans, encrypted as they are, and not the key: keep state.key apart, or what
[state] key_file names. To restore, put the copy as captd.db and the key as state.key into an empty data folder, and start
captd: it plans, and applies nothing until `captd release`.")]
pub(super) struct Args {
    /// The new file
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Makes the copy; the daemon may be up or down.
pub(super) async fn run(args: &Args, connection: &Connection) -> Result<Exit> {
    let database = connection.data_dir()?.join("captd.db");
    if !database.is_file() {
        bail!("there is no database {}; say with --data-dir where captd keeps its data", database.display());
    }
    back_up(&database, &args.to, SystemClock.now()).await?;
    say(format_args!("kept in {}; keep the key apart, without it no state can be read", args.to.display()))?;
    Ok(Exit::Done)
}
