//! `captd gateway`: how the warm provider processes are doing; and the gateway itself, which the
//! daemon starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use captd_gateway::{Counts, Parts, ProcessStatus, Retirement, Status, serve};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::output::{Columns, json, say};
use super::session::Session;
use super::{Exit, times};
use crate::domain::time::{Clock, SystemClock};
use crate::supervisor::{self, starter};
use crate::telemetry::{self, Format};

/// `captd gateway`
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the warm provider processes, what they serve, and what was spared
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the gateway of a folder; the daemon does that, no person needs to
    #[command(hide = true)]
    Serve {
        /// Its folder
        folder: PathBuf,
    },
}

/// `GET /v1/gateway`
#[derive(Debug, Deserialize)]
struct View {
    state: String,
    why: Option<String>,
    status: Option<Status>,
}

/// Retirements that are shown.
const RETIREMENTS_SHOWN: usize = 5;

/// Shows how the gateway is doing.
pub(super) async fn status(session: &Session, as_json: bool) -> Result<Exit> {
    let value: Value = session.client.get(&["v1", "gateway"], &[]).await?;
    if as_json {
        say(json(&value))?;
        return Ok(Exit::Done);
    }
    let view: View = serde_json::from_value(value)?;
    let Some(status) = view.status else {
        say(match view.why {
            Some(why) => format!("{}: {why}; runs start their providers themselves", view.state),
            None => format!("{}: runs start their providers themselves (engine.gateway)", view.state),
        })?;
        return Ok(Exit::Done);
    };
    let now = session.now();
    let since = status.started_at.map_or_else(|| "-".to_owned(), |at| times::age(at, now));
    say(format_args!("gateway {}, process {}, at work for {since}\n", status.captd, status.pid))?;
    let rows: Vec<Vec<String>> = status.processes.iter().map(|process| row(process, now)).collect();
    let columns = vec!["PROVIDER", "PID", "FOR", "NAMESPACES", "USES", "IDLE", "MIB", "AGE"];
    say(if rows.is_empty() { "no provider process".to_owned() } else { Columns::new(columns).with_header(&rows) })?;
    for line in spared(&status.counts).into_iter().chain(gone(&status.retirements, now)) {
        say(line)?;
    }
    Ok(Exit::Done)
}

fn row(process: &ProcessStatus, now: Timestamp) -> Vec<String> {
    let list = |names: &std::collections::BTreeSet<String>| match names.len() {
        0 => "-".to_owned(),
        _ => names.iter().cloned().collect::<Vec<_>>().join(","),
    };
    let idle = match &process.retiring {
        _ if process.hangs_since.is_some() => {
            let since = process.hangs_since.map(|at| times::age(at, now)).unwrap_or_default();
            format!("hangs for {since}, lent no more")
        }
        _ if process.in_use => "in use".to_owned(),
        Some(why) => format!("retires: {why}"),
        None => times::age(process.last_used_at, now),
    };
    vec![
        process.provider.rsplit('/').next().unwrap_or_default().to_owned(),
        process.pid.to_string(),
        list(&process.configurations),
        list(&process.namespaces),
        process.uses.to_string(),
        idle,
        (process.resident_bytes >> 20).to_string(),
        times::age(process.started_at, now),
    ]
}

/// What did not have to be done.
fn spared(counts: &Counts) -> Vec<String> {
    let of = |hits: u64, misses: u64| format!("{hits} of {}", hits + misses);
    let mut lines = vec![
        format!("\nlent {} times, {} processes started", counts.lent, counts.started),
        format!(
            "answered without a provider: {} schemas, {} checks, {} configurations",
            of(counts.schema_hits, counts.schema_misses),
            of(counts.check_hits, counts.check_misses),
            of(counts.configure_hits, counts.configured)
        ),
        format!(
            "schemas: {} KiB given of {} KiB, {} times whole",
            counts.schema_bytes_after >> 10,
            counts.schema_bytes_before >> 10,
            counts.whole_schemas
        ),
    ];
    lines.extend(counts.refused.iter().map(|(why, count)| format!("refused {count} times: {why}")));
    lines
}

/// The processes that have ended last.
fn gone(retirements: &[Retirement], now: Timestamp) -> impl Iterator<Item = String> {
    let shown = retirements.iter().take(RETIREMENTS_SHOWN);
    shown.map(move |gone| format!("ended {} ago: {} ({})", times::age(gone.at, now), gone.provider, gone.why))
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
