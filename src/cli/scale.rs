//! `captd scale`: other numbers of nodes.

use anyhow::Result;
use serde_json::{Map, Value};

use super::judge::Until;
use super::output::say;
use super::progress::Wait;
use super::session::Session;
use super::wire::Started;
use super::{Exit, target};

/// `captd scale`
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("sizes").args(["desired", "min", "max"]).required(true).multiple(true)))]
pub(super) struct Args {
    /// Name of the machine; `machine NAME` and machine/NAME are read too
    #[arg(required = true, value_name = "MACHINE")]
    words: Vec<String>,
    /// Nodes wanted
    #[arg(long, visible_alias = "replicas", value_name = "NODES")]
    desired: Option<u32>,
    /// Fewest nodes
    #[arg(long, value_name = "NODES")]
    min: Option<u32>,
    /// Most nodes
    #[arg(long, value_name = "NODES")]
    max: Option<u32>,
    #[command(flatten)]
    wait: Wait,
}

/// Scales.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let key = target::machine(&args.words, &session.namespace)?;
    let sizes = [("desiredSize", args.desired), ("minSize", args.min), ("maxSize", args.max)];
    let body: Map<String, Value> =
        sizes.into_iter().filter_map(|(field, size)| Some((field.to_owned(), Value::from(size?)))).collect();
    let path = target::path_of(&key, &["scale"]);
    let started: Started = session.client.post(&path, Some(&Value::Object(body))).await?;
    let shown = key.path();
    match started.run {
        Some(run) if run.generation < session.resource(&key).await?.metadata.generation => {
            say(format_args!("{shown} scaled; its run begins when run/{} is over, which is {}", run.id, run.state))?;
        }
        Some(run) => say(format_args!("{shown} scaled; run/{} is {}", run.id, run.state))?,
        None if started.result.as_deref() == Some("configured") => {
            let when = "its run begins when a pause or doubt ends";
            say(format_args!("{shown} scaled; {when}"))?;
        }
        None => say(format_args!("{shown} unchanged"))?,
    }
    args.wait.follow(session, &[key], Until::InForce).await
}
