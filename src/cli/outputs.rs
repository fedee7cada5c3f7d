//! `captd output`: what a machine or workspace gives, also what is sensitive.

use anyhow::Result;
use serde_json::{Map, Value};

use super::output::{json, say};
use super::session::Session;
use super::target::{path_of, resource};
use super::{Exit, Usage};

/// `captd output`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME
    #[arg(value_name = "NAME")]
    name: String,
    /// One output; all that are not sensitive when not said
    #[arg(value_name = "OUTPUT")]
    output: Option<String>,
    /// Print it though it is sensitive
    #[arg(long, requires = "output")]
    reveal: bool,
}

/// Prints them: a text as it is, all else as JSON.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let key = resource(std::slice::from_ref(&args.name), &session.namespace)?;
    let Some(output) = &args.output else {
        let outputs: Map<String, Value> = session.resource(&key).await?.status.outputs;
        say(json(&Value::Object(outputs)))?;
        return Ok(Exit::Done);
    };
    if output.contains('/') {
        return Err(Usage::error(format!("`{output}` is no name of an output")));
    }
    let query = [("reveal", args.reveal.to_string())];
    let found: Value = session.client.get(&path_of(&key, &["outputs", output]), &query).await?;
    match &found["value"] {
        Value::String(text) => say(text)?,
        other => say(json(other))?,
    }
    Ok(Exit::Done)
}
