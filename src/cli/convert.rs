//! `captd convert -f`: CAPT's manifests in captd's own form.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Exit;
use super::declarations::{Declarations, read};
use super::output::{note, say, yaml};
use super::session::Session;

/// `captd convert`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file, a folder of .yaml, .yml and .json files, or - for standard input; repeatable
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Pass over documents of kinds that captd does not know, and list them
    #[arg(long)]
    skip_unknown_kinds: bool,
}

#[derive(Debug, Deserialize)]
struct Converted {
    items: Vec<Value>,
    #[serde(flatten)]
    remarks: Remarks,
}

/// What was done with what has no place in captd.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Remarks {
    #[serde(default)]
    skipped: Vec<Skipped>,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Debug, Deserialize)]
struct Skipped {
    document: usize,
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Note {
    pointer: String,
    detail: String,
}

impl Remarks {
    /// Says them on the standard error, each with its file.
    pub(super) fn tell(&self, declarations: &Declarations) {
        for it in &self.notes {
            note(format_args!("note: {}: {}", declarations.place_of(&it.pointer), it.detail));
        }
        for it in &self.skipped {
            let place = declarations.place_of(&format!("/{}", it.document));
            note(format_args!("passed over: {place}: {}", it.kind));
        }
    }
}

/// Converts.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let declarations = read(&args.files)?;
    let query =
        [("namespace", session.namespace.to_string()), ("skipUnknownKinds", args.skip_unknown_kinds.to_string())];
    let answer = session.client.convert(&query, declarations.media_type, declarations.body.clone()).await;
    let converted: Converted = answer.map_err(|error| declarations.explain(error))?;
    converted.remarks.tell(&declarations);
    for item in &converted.items {
        say(format_args!("---\n{}", yaml(item)?.trim_end()))?;
    }
    Ok(Exit::Done)
}
