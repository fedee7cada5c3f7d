//! `captd apply -f`: declarations from files, folders or standard input, all or nothing.

use anyhow::Result;
use serde::Deserialize;

use super::Exit;
use super::convert::Remarks;
use super::declarations::{Declarations, read};
use super::judge::Until;
use super::output::{note, say};
use super::progress::Wait;
use super::session::Session;
use super::wire::kind_of;
use crate::domain::name::Name;
use crate::domain::resource::{Key, ResourceKind};

/// `captd apply`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file, a folder of .yaml, .yml and .json files, or - for standard input; repeatable
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Check everything and say what would happen; change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Pass over documents of kinds that captd does not know, and list them
    #[arg(long)]
    skip_unknown_kinds: bool,
    /// Let no run of what is created begin by itself, until `captd resume`
    #[arg(long, conflicts_with = "wait")]
    paused: bool,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    items: Vec<Item>,
    dry_run: bool,
    #[serde(flatten)]
    remarks: Remarks,
}

#[derive(Debug, Deserialize)]
struct Item {
    kind: String,
    namespace: Option<Name>,
    name: Name,
    result: String,
    #[serde(default)]
    warnings: Vec<Warning>,
}

/// What its author should hear; the pointer begins with the number of its document.
#[derive(Debug, Deserialize)]
struct Warning {
    pointer: String,
    detail: String,
}

impl Item {
    /// `machine/default/workers created`, as kubectl does.
    fn line(&self, dry_run: bool) -> String {
        let kind = self.kind.to_ascii_lowercase();
        let namespace = self.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let (name, result) = (&self.name, &self.result);
        let remark = if dry_run { " (dry run)" } else { "" };
        format!("{kind}/{namespace}{name} {result}{remark}")
    }
}

/// Applies.
pub(super) async fn run(session: &Session, args: Args) -> Result<Exit> {
    let declarations = read(&args.files)?;
    let flags = [("dryRun", args.dry_run), ("skipUnknownKinds", args.skip_unknown_kinds), ("paused", args.paused)];
    let asked: Vec<&str> = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
    let followed = declare(session, &declarations, &asked).await?;
    args.wait.follow(session, &followed, Until::InForce).await
}

/// Hands declarations in, says what became of each, and gives back the machines and workspaces among them. `asked` are
/// the API's flags.
pub(super) async fn declare(session: &Session, declarations: &Declarations, asked: &[&str]) -> Result<Vec<Key>> {
    let applied = hand_in(session, declarations, asked).await?;
    applied.remarks.tell(declarations);
    for item in &applied.items {
        for warning in &item.warnings {
            note(format_args!("Warning: {}: {}", declarations.place_of(&warning.pointer), warning.detail));
        }
        say(item.line(applied.dry_run))?;
    }
    let followed = applied
        .items
        .into_iter()
        .filter(|item| ResourceKind::ALL.iter().any(|kind| kind.title() == item.kind))
        .map(|item| {
            let namespace = item.namespace.unwrap_or_else(|| session.namespace.clone());
            Key { kind: kind_of(&item.kind), namespace, name: item.name }
        })
        .collect();
    Ok(followed)
}

async fn hand_in(session: &Session, declarations: &Declarations, asked: &[&str]) -> Result<Applied> {
    let mut query = vec![("namespace", session.namespace.to_string())];
    query.extend(asked.iter().map(|flag| (*flag, true.to_string())));
    let answer = session.client.declare(&query, declarations.media_type, declarations.body.clone()).await;
    answer.map_err(|error| declarations.explain(error))
}
