//! `captd secret`: named bundles of texts that are written and never read back.

use std::io::Read;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::output::{Columns, note, say};
use super::session::Session;
use super::{Exit, Usage, target};

/// `captd secret`
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a secret: all that it holds
    Set(Set),
    /// List the secrets of the namespace, and what they hold by name
    List,
    /// Delete a secret that nobody uses
    Delete(One),
}

/// `captd secret set`
#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// Name of the secret
    #[arg(value_name = "SECRET")]
    name: String,
    /// KEY=- reads the text from standard input, KEY=@FILE from a file
    #[arg(required = true, value_name = "KEY=SOURCE")]
    texts: Vec<String>,
}

/// Names a secret.
#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// Name of the secret
    #[arg(value_name = "SECRET")]
    name: String,
}

/// Runs the command.
pub(super) async fn run(session: &Session, command: Command) -> Result<Exit> {
    let namespace = session.namespace.as_str();
    match command {
        Command::Set(args) => {
            let name = target::name(&args.name)?;
            let data = read(&args.texts)?;
            let path = ["v1", "namespaces", namespace, "secrets", name.as_str()];
            let kept: Value = session.client.put(&path, Some(&json!({"spec": {"data": data}}))).await?;
            say(format_args!("secret/{namespace}/{name} written, version {}", kept["status"]["version"]))?;
        }
        Command::List => {
            let secrets = session.client.list(&["v1", "namespaces", namespace, "secrets"], &[]).await?;
            let words = |value: &Value| -> Vec<String> {
                value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let rows: Vec<Vec<String>> = secrets
                .iter()
                .map(|secret| {
                    let name = secret["metadata"]["name"].as_str().unwrap_or("-").to_owned();
                    let version = secret["status"]["version"].to_string();
                    vec![name, version, words(&secret["status"]["keys"]).join(", ")]
                })
                .collect();
            if rows.is_empty() {
                note(format_args!("No secrets found in namespace {namespace}."));
            } else {
                say(Columns::new(vec!["NAME", "VERSION", "KEYS"]).with_header(&rows))?;
            }
        }
        Command::Delete(args) => {
            let name = target::name(&args.name)?;
            session.client.delete(&["v1", "namespaces", namespace, "secrets", name.as_str()], &[]).await?;
            say(format_args!("secret/{namespace}/{name} deleted"))?;
        }
    }
    Ok(Exit::Done)
}

/// Texts by key. None stands on the command line, where others would see it.
fn read(texts: &[String]) -> Result<Map<String, Value>> {
    let mut data = Map::new();
    let mut read_stdin = false;
    for word in texts {
        let text = match word.split_once('=') {
            Some((_, "-")) if std::mem::replace(&mut read_stdin, true) => {
                return Err(Usage::error("standard input can be one text"));
            }
            Some((_, "-")) => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
                text
            }
            Some((_, source)) if source.starts_with('@') => {
                let path = &source[1..];
                std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
            }
            _ => {
                return Err(Usage::error(format!(
                    "`{}`: write KEY=- or KEY=@FILE; a text on the command line would be seen by others",
                    word.split('=').next().unwrap_or_default()
                )));
            }
        };
        let key = word.split('=').next().unwrap_or_default().to_owned();
        data.insert(key, Value::from(text.strip_suffix('\n').unwrap_or(&text)));
    }
    Ok(data)
}
