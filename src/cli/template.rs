//! `captd template`: uploads, their revisions, and how far a revision is rolled out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::output::{Columns, note, note_to_person, say};
use super::progress::LOOK;
use super::session::Session;
use super::{Exit, target, times};
use crate::domain::name::Name;

/// Folders inside one another, below a template.
const DEPTH_MAX: usize = 8;
/// Characters of a revision that are shown.
const SHORT: usize = 12;

/// `captd template`
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Upload a folder as the current revision of a template
    Push(Push),
    /// Show what a template takes and gives
    Show(Show),
    /// List the revisions of a template, newest first
    Revisions(One),
    /// Show what differs between two revisions
    Diff(Diff),
    /// Make a revision of before the current one again
    Rollback(Rollback),
    /// Show how far the current revision is rolled out
    Rollout(Rollout),
    /// Delete a template that nobody uses
    Delete(One),
}

/// Names a template.
#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// Name of the template
    #[arg(value_name = "TEMPLATE")]
    name: String,
}

/// `captd template push`
#[derive(Debug, clap::Args)]
pub(super) struct Push {
    /// Name of the template
    #[arg(value_name = "TEMPLATE")]
    name: String,
    /// A folder with template.yaml and .tf or .tf.tera files, or a tar of it, plain or gzipped
    #[arg(value_name = "FOLDER|FILE.tar[.gz]")]
    from: PathBuf,
}

/// `captd template show`
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    #[command(flatten)]
    one: One,
    /// The files that terraform will get
    #[arg(long)]
    rendered: bool,
    /// With --rendered: for this provider configuration
    #[arg(long, value_name = "NAME", requires = "rendered")]
    provider_config: Option<String>,
    /// Which revision; the current one when not said
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
}

/// `captd template diff`
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    #[command(flatten)]
    one: One,
    /// The older one; the one before the current one when not said
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// The newer one; the current one when not said
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
}

/// `captd template rollback`
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    one: One,
    /// The revision to go back to; the one before the current one when not said
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
}

/// `captd template rollout`
#[derive(Debug, clap::Args)]
pub(super) struct Rollout {
    #[command(flatten)]
    one: One,
    /// Let it begin, or go on
    #[arg(long)]
    start: bool,
    /// Go on until it is done or stops, and print what changes
    #[arg(short, long)]
    watch: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revision {
    #[serde(rename = "revision")]
    id: String,
    number: u64,
    author: String,
    created_at: Timestamp,
    current: bool,
}

#[derive(Debug, Deserialize)]
struct Revisions {
    items: Vec<Revision>,
}

#[derive(Debug, Deserialize)]
struct Files {
    files: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Progress {
    revision: String,
    state: String,
    followers: Vec<Follower>,
    pinned: usize,
}

#[derive(Debug, Deserialize)]
struct Follower {
    kind: String,
    namespace: Name,
    name: Name,
    stage: String,
}

/// Runs the command.
pub(super) async fn run(session: &Session, command: Command) -> Result<Exit> {
    match command {
        Command::Push(args) => push(session, &args).await,
        Command::Show(args) => show(session, &args).await,
        Command::Revisions(args) => revisions(session, &args).await,
        Command::Diff(args) => diff(session, &args).await,
        Command::Rollback(args) => roll_back(session, &args).await,
        Command::Rollout(args) => rollout(session, &args).await,
        Command::Delete(args) => {
            let name = target::name(&args.name)?;
            session.client.delete(&path(session, &name, &[]), &[]).await?;
            say(format_args!("template/{name} deleted"))?;
            Ok(Exit::Done)
        }
    }
}

fn path<'a>(session: &'a Session, name: &'a Name, rest: &[&'a str]) -> Vec<&'a str> {
    let mut path = vec!["v1", "namespaces", session.namespace.as_str(), "templates", name.as_str()];
    path.extend(rest);
    path
}

async fn push(session: &Session, args: &Push) -> Result<Exit> {
    let name = target::name(&args.name)?;
    let (media_type, body) = if args.from.is_file() {
        archive(&args.from)?
    } else {
        let mut files = BTreeMap::new();
        read(&args.from, &args.from, 0, &mut files)?;
        ("application/json", json!({"spec": {"files": files}}).to_string().into_bytes())
    };
    note_to_person(format_args!("template/{name}: checking with terraform validate …"));
    let kept: Value = session.client.upload(&path(session, &name, &[]), media_type, body).await?;
    let revision: String = kept["revision"].as_str().unwrap_or_default().chars().take(SHORT).collect();
    for warning in kept["warnings"].as_array().into_iter().flatten() {
        note(format_args!("Warning: {}", warning["detail"].as_str().unwrap_or_default()));
    }
    say(format_args!("template/{name}: revision {revision} is the current one"))?;
    Ok(Exit::Done)
}

/// An archive as it is, and as what it is sent.
fn archive(path: &Path) -> Result<(&'static str, Vec<u8>)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_gzip = bytes.starts_with(&[0x1f, 0x8b]);
    Ok((if is_gzip { "application/gzip" } else { "application/x-tar" }, bytes))
}

/// Text below a folder; hidden files and what Terraform leaves behind are passed over, links are refused.
fn read(root: &Path, folder: &Path, depth: usize, files: &mut BTreeMap<String, String>) -> Result<()> {
    anyhow::ensure!(depth < DEPTH_MAX, "{}: folders lie too deep", folder.display());
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == ".terraform.lock.hcl" {
            note(format_args!(
                "{} is not sent: captd locks the providers of each revision itself, at its first init; what must be of one version is pinned in required_providers",
                path.display()
            ));
        }
        if name.starts_with('.') || name.ends_with(".tfstate") || name.ends_with(".tfstate.backup") {
            continue;
        }
        let kind = std::fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::ensure!(!kind.is_symlink(), "{} is a link; a template's files are plain files", path.display());
        if kind.is_dir() {
            read(root, &path, depth + 1, files)?;
        } else {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(below, text);
        }
    }
    Ok(())
}

async fn show(session: &Session, args: &Show) -> Result<Exit> {
    let name = target::name(&args.one.name)?;
    let revision = args.revision.clone().map(|revision| ("revision", revision));
    if args.rendered {
        let provider = args.provider_config.clone().map(|provider| ("providerConfig", provider));
        let query: Vec<(&str, String)> = revision.into_iter().chain(provider).collect();
        let rendered: Files = session.client.get(&path(session, &name, &["rendered"]), &query).await?;
        for (path, text) in rendered.files {
            say(format_args!("# {path}\n{}\n", text.trim_end()))?;
        }
        return Ok(Exit::Done);
    }
    let query: Vec<(&str, String)> = revision.into_iter().collect();
    let template: Value = session.client.get(&path(session, &name, &[]), &query).await?;
    let text = |field: &str| template[field].as_str().unwrap_or("-").to_owned();
    say(format_args!(
        "{name}, revision {}, provider {}\n{}\n",
        text("revision"),
        text("provider"),
        text("description")
    ))?;
    let rows = |field: &str, row: fn(&str, &Value) -> Vec<String>| -> Vec<Vec<String>> {
        template[field].as_object().into_iter().flatten().map(|(name, it)| row(name, it)).collect()
    };
    let word = |it: &Value, field: &str| it[field].as_str().unwrap_or_default().to_owned();
    let variable = |name: &str, it: &Value| {
        let is = if it["required"] == true { "yes" } else { "no" };
        let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
        vec![name.to_owned(), text("type"), is.to_owned(), text("description")]
    };
    say(Columns::new(vec!["VARIABLE", "TYPE", "REQUIRED", "DESCRIPTION"]).with_header(&rows("variables", variable)))?;
    say("")?;
    let outputs: Vec<Vec<String>> = template["outputs"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, it)| {
            let is = if it["sensitive"] == true { "yes" } else { "no" };
            vec![name.clone(), is.to_owned(), word(it, "description")]
        })
        .collect();
    say(Columns::new(vec!["OUTPUT", "SENSITIVE", "DESCRIPTION"]).with_header(&outputs))?;
    Ok(Exit::Done)
}

async fn list(session: &Session, name: &Name) -> Result<Vec<Revision>> {
    let revisions: Revisions = session.client.get(&path(session, name, &["revisions"]), &[]).await?;
    Ok(revisions.items)
}

async fn revisions(session: &Session, args: &One) -> Result<Exit> {
    let name = target::name(&args.name)?;
    let rows: Vec<Vec<String>> = list(session, &name)
        .await?
        .into_iter()
        .map(|it| {
            let current = if it.current { "current" } else { "" };
            let age = times::age(it.created_at, session.now());
            vec![it.number.to_string(), it.id, it.author, age, current.to_owned()]
        })
        .collect();
    say(Columns::new(vec!["NUMBER", "REVISION", "AUTHOR", "AGE", ""]).with_header(&rows))?;
    Ok(Exit::Done)
}

/// The current revision, and the newest one before it.
fn now_and_before(name: &Name, revisions: &[Revision]) -> Result<(String, String)> {
    let now = revisions.iter().find(|it| it.current).context("the daemon names no current revision")?;
    let before = revisions.iter().find(|it| it.number < now.number);
    let before = before.with_context(|| format!("template/{name} has no revision before {}", now.id))?;
    Ok((now.id.clone(), before.id.clone()))
}

async fn diff(session: &Session, args: &Diff) -> Result<Exit> {
    let name = target::name(&args.one.name)?;
    let (from, to) = match (&args.from, &args.to) {
        (Some(from), Some(to)) => (from.clone(), to.clone()),
        (from, to) => {
            let (now, before) = now_and_before(&name, &list(session, &name).await?)?;
            (from.clone().unwrap_or(before), to.clone().unwrap_or(now))
        }
    };
    let old: Files = session.client.get(&path(session, &name, &["revisions", &from]), &[]).await?;
    let new: Files = session.client.get(&path(session, &name, &["revisions", &to]), &[]).await?;
    let mut paths: Vec<&String> = old.files.keys().chain(new.files.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let text = |files: &'_ BTreeMap<String, String>| files.get(path).cloned().unwrap_or_default();
        let (before, after) = (text(&old.files), text(&new.files));
        if before != after {
            let (from, to) = (format!("{from}/{path}"), format!("{to}/{path}"));
            say(TextDiff::from_lines(&before, &after).unified_diff().header(&from, &to).to_string().trim_end())?;
        }
    }
    Ok(Exit::Done)
}

async fn roll_back(session: &Session, args: &Rollback) -> Result<Exit> {
    let name = target::name(&args.one.name)?;
    let to = match &args.to {
        Some(to) => to.clone(),
        None => now_and_before(&name, &list(session, &name).await?)?.1,
    };
    let body = json!({"revision": to});
    let _: Value = session.client.post(&path(session, &name, &["rollback"]), Some(&body)).await?;
    say(format_args!("template/{name}: revision {to} is the current one again"))?;
    Ok(Exit::Done)
}

async fn rollout(session: &Session, args: &Rollout) -> Result<Exit> {
    let name = target::name(&args.one.name)?;
    let path = path(session, &name, &["rollout"]);
    let mut said = String::new();
    let mut start = args.start;
    loop {
        let progress: Progress = if std::mem::take(&mut start) {
            session.client.post(&path, None).await?
        } else {
            session.client.get(&path, &[]).await?
        };
        let text = in_words(&progress);
        if text != said {
            say(&text)?;
            said = text;
        }
        match progress.state.as_str() {
            "stopped" => {
                note(format_args!(
                    "it has stopped; mend those that failed, or upload another revision (or go back: captd template rollback {name})"
                ));
                return Ok(if args.watch { Exit::Failed } else { Exit::Done });
            }
            "waiting" => {
                note(format_args!("it waits for a person: captd template rollout {name} --start"));
                return Ok(Exit::Done);
            }
            "rolling" if args.watch => tokio::time::sleep(LOOK).await,
            _ => return Ok(Exit::Done),
        }
    }
}

/// `revision …: rolling, 7 of 20 have it; busy: …`
fn in_words(progress: &Progress) -> String {
    let of = |stage: &str| -> Vec<String> {
        let found = progress.followers.iter().filter(|follower| follower.stage == stage);
        found.map(|it| format!("{}/{}/{}", it.kind.to_ascii_lowercase(), it.namespace, it.name)).collect()
    };
    let revision: String = progress.revision.chars().take(SHORT).collect();
    let mut text = format!(
        "revision {revision}: {}, {} of {} have it",
        progress.state,
        of("done").len(),
        progress.followers.len()
    );
    for (stage, words) in [("busy", "on their way"), ("failed", "failed"), ("paused", "paused")] {
        let names = of(stage);
        if !names.is_empty() {
            text.push_str(&format!("; {words}: {}", names.join(", ")));
        }
    }
    if progress.pinned > 0 {
        text.push_str(&format!("; {} pinned to one", progress.pinned));
    }
    text
}
