//! `captd iam-policy`: what captd must be allowed to do in AWS for its built-in templates.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::json;

use super::Exit;
use super::output::{json as pretty, say};
use crate::domain::name::Name;
use crate::domain::template::Provider;
use crate::render::Library;

/// `captd iam-policy`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Built-in templates; all that need AWS when none is named
    #[arg(value_name = "TEMPLATE")]
    names: Vec<String>,
}

/// Prints a policy of IAM: what these templates call, and nothing else.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let library = Library::load(None)?;
    let mut actions = BTreeSet::new();
    if args.names.is_empty() {
        actions.extend(library.iter().flat_map(|template| template.manifest.permissions.iter().cloned()));
    }
    for name in &args.names {
        let known = Name::parse(name).ok().and_then(|name| library.get(&name).cloned());
        let Some(template) = known.filter(|template| template.manifest.provider == Provider::Aws) else {
            let with: Vec<&str> = library
                .iter()
                .filter(|template| template.manifest.provider == Provider::Aws)
                .map(|template| template.name.as_str())
                .collect();
            bail!("`{name}` is no built-in template that needs AWS; there are {}", with.join(", "));
        };
        actions.extend(template.manifest.permissions.iter().cloned());
    }
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    say(pretty(&json!({"Version": "2012-10-17", "Statement": [statement]})))?;
    Ok(Exit::Done)
}
