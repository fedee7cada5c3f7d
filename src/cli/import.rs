//! `captd import`: node groups that exist become machines, as they are.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::declarations::Declarations;
use super::output::{note, say, yaml};
use super::progress::Wait;
use super::session::Session;
use super::{Exit, Usage, apply, declarations, target};
use crate::domain::name::Name;
use crate::domain::resource::{Key, ResourceKind};

/// `captd import`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name that the machine is to have
    #[arg(value_name = "NAME", conflicts_with_all = ["cluster", "all"])]
    words: Vec<String>,
    /// The node group, as CLUSTER:NAME
    #[arg(long, value_name = "CLUSTER:NAME", conflicts_with_all = ["cluster", "all"])]
    id: Option<String>,
    /// Look for node groups of this cluster
    #[arg(long, value_name = "CLUSTER", requires = "all")]
    cluster: Option<String>,
    /// All that are nobody's yet: their declarations are written to a file, to look at and to confirm
    #[arg(long, requires = "cluster")]
    all: bool,
    /// The file that --all writes; CLUSTER.yaml when not said
    #[arg(long, value_name = "FILE", requires = "all")]
    out: Option<PathBuf>,
    /// Import what --all finds without asking
    #[arg(long, requires = "all")]
    yes: bool,
    /// Address of a resource that the import may change; repeatable
    #[arg(long, value_name = "ADDRESS")]
    accept_changes: Vec<String>,
    /// AWS region; from the namespace or the provider configuration when not said
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Provider configuration
    #[arg(long, value_name = "NAME", default_value = "default")]
    provider_config: String,
    /// Print what would be declared; change nothing
    #[arg(long, conflicts_with_all = ["all", "wait"])]
    dry_run: bool,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Deserialize)]
struct Found {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    status: String,
    owner: Option<String>,
    installation: Option<String>,
    machine: Option<String>,
    declaration: Value,
}

impl Item {
    /// Whose it is, if it is somebody's.
    fn taken(&self) -> Option<String> {
        if let Some(machine) = &self.machine {
            return Some(format!("{} is declared here already, as machine {machine}", self.id));
        }
        let whose = match (&self.owner, &self.installation) {
            (None, None) => return None,
            (owner, installation) => format!(
                "{} of installation {}",
                owner.as_deref().unwrap_or("something"),
                installation.as_deref().unwrap_or("without a name")
            ),
        };
        Some(format!("{} belongs to {whose}", self.id))
    }
}

/// What is declared already is somebody's: it is not written over.
const CREATE: &[&str] = &["createOnly"];

/// Imports.
pub(super) async fn run(session: &Session, args: Args) -> Result<Exit> {
    match &args.cluster {
        Some(cluster) => all(session, &args, cluster).await,
        None => one(session, &args).await,
    }
}

async fn one(session: &Session, args: &Args) -> Result<Exit> {
    let usage = "say what to import: `captd import machine/NAME --id CLUSTER:NODEGROUP`, or `captd import --cluster CLUSTER --all`";
    let (Some(id), false) = (&args.id, args.words.is_empty()) else { return Err(Usage::error(usage)) };
    let key = target::resource(&args.words, &session.namespace)?;
    if key.kind == ResourceKind::Workspace {
        let text = "what a workspace takes over stands in its declaration: `import: {ids: {ADDRESS: ID}}`, then `captd apply -f`";
        return Err(Usage::error(text));
    }
    let Some((cluster, group)) = id.split_once(':').filter(|(cluster, group)| !cluster.is_empty() && !group.is_empty())
    else {
        return Err(Usage::error(format!("--id {id}: a node group is CLUSTER:NAME")));
    };
    let found = discover(session, args, cluster, &[group]).await?;
    let item = found.into_iter().next().context("the daemon found nothing and did not say so")?;
    let again = is_to_be_repeated(session, &item, &key).await?;
    if let Some(taken) = item.taken().filter(|_| !again) {
        anyhow::bail!(
            "{taken}; two cannot manage it. Eject it there first; where no captd has it any more, remove its tags `captd:…`"
        );
    }
    let declaration = declaration(item, args, Some(&key.name));
    if args.dry_run {
        say(yaml(&declaration)?)?;
        return Ok(Exit::Done);
    }
    let declarations = Declarations::of_one(&format!("the declaration of {id}"), &declaration);
    let keys = apply::declare(session, &declarations, if again { &[] } else { CREATE }).await?;
    after(session, args, &keys).await
}

/// Whether it is this machine's own import that is declared already and was never in force: it may be said anew.
async fn is_to_be_repeated(session: &Session, item: &Item, key: &Key) -> Result<bool> {
    if item.machine.as_deref() != Some(format!("{}/{}", key.namespace, key.name).as_str()) {
        return Ok(false);
    }
    let machine: Value = session.client.get(&target::path_of(key, &[]), &[]).await?;
    Ok(machine["spec"]["import"].is_object() && machine["status"]["observedGeneration"] == 0)
}

async fn all(session: &Session, args: &Args, cluster: &str) -> Result<Exit> {
    let found = discover(session, args, cluster, &[]).await?;
    let mut documents = Vec::new();
    for item in found {
        if let Some(taken) = item.taken() {
            note(format_args!("passed over: {taken}"));
            continue;
        }
        say(format_args!("{} ({})", item.id, item.status))?;
        documents.push(declaration(item, args, None));
    }
    if documents.is_empty() {
        say(format_args!("{cluster} has no node group that is nobody's"))?;
        return Ok(Exit::Done);
    }
    let file = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{cluster}.yaml")));
    write(&file, &documents)?;
    let path = file.display().to_string();
    if !args.yes && !confirmed(documents.len(), &path)? {
        say(format_args!("nothing was imported; `captd apply -f {path}` does it, whenever you like"))?;
        return Ok(Exit::Done);
    }
    // Read again: somebody may have changed it while he looked.
    let declarations = declarations::read(&[path])?;
    let keys = apply::declare(session, &declarations, CREATE).await?;
    after(session, args, &keys).await
}

async fn after(session: &Session, args: &Args, keys: &[Key]) -> Result<Exit> {
    let exit = args.wait.follow(session, keys, super::judge::Until::InForce).await?;
    if exit == Exit::Done && !args.wait.is_wanted() {
        say("each waits for approval once it is planned: look at it with `captd get runs`, then `captd approve NAME`")?;
    }
    Ok(exit)
}

async fn discover(session: &Session, args: &Args, cluster: &str, names: &[&str]) -> Result<Vec<Item>> {
    let mut body = json!({"clusterName": cluster, "names": names, "providerConfigRef": {"name": args.provider_config}});
    if let Some(region) = &args.region {
        body["region"] = json!(region);
    }
    note(format_args!("looking at the node groups of {cluster} …"));
    let path = ["v1", "namespaces", session.namespace.as_str(), "discover"];
    let found: Found = session.client.discover(&path, &body).await?;
    Ok(found.items)
}

fn declaration(item: Item, args: &Args, name: Option<&Name>) -> Value {
    let mut declaration = item.declaration;
    if let Some(name) = name {
        declaration["metadata"]["name"] = json!(name);
    }
    if !args.accept_changes.is_empty() {
        declaration["spec"]["import"]["acceptChanges"] = json!(args.accept_changes);
    }
    declaration
}

fn write(path: &Path, documents: &[Value]) -> Result<()> {
    let mut text = String::from("# Each is as it is in the cloud. Take out what is not to be imported.\n");
    for document in documents {
        text.push_str("---\n");
        text.push_str(&yaml(document)?);
        text.push('\n');
    }
    let file = std::fs::File::create_new(path);
    let mut file = file.with_context(|| {
        format!("cannot write {}; `--out FILE` names another, and nothing was imported", path.display())
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    say(format_args!("{}: {} declarations", path.display(), documents.len()))
}

/// Asks, where somebody can answer.
fn confirmed(count: usize, path: &str) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(false);
    }
    note(format_args!(
        "Look at {path}: what you take out there is not imported. Import {count} node groups as declared there? [y/N]"
    ));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
