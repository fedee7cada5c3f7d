//! `captd eject`: the way out, as a folder of plain Terraform.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::output::say;
use super::session::Session;
use super::target::path_of;
use super::{Exit, client, target};

/// `captd eject`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
    /// The folder to write; NAME when not said
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write the folder and go on managing it
    #[arg(long)]
    keep: bool,
    /// Also when what is declared is not in force, or an apply ended badly: its plan may have changes then
    #[arg(long)]
    as_it_is: bool,
}

#[derive(Debug, Deserialize)]
struct Ejected {
    files: BTreeMap<String, String>,
    serial: u64,
}

/// Writes the folder first: captd lets go only when all of it is on the disk.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let key = target::resource(&args.words, &session.namespace)?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(key.name.as_str()));
    let path = path_of(&key, &["eject"]);
    let query = [("asItIs", args.as_it_is.to_string())];
    let ejected: Ejected = session.client.get(&path, &query).await?;
    let shown = folder.display();
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {shown}; `--out FOLDER` names another, and nothing was ejected"))?;
    for (name, text) in &ejected.files {
        write(&folder, name, text).with_context(|| format!("cannot write {shown}/{name}; nothing was ejected"))?;
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync(parent).with_context(|| format!("cannot keep {shown}"))?;
    if args.keep {
        say(format_args!("{shown}: written; captd goes on managing {}", key.path()))?;
        return Ok(Exit::Done);
    }
    let body = json!({"serial": ejected.serial, "asItIs": args.as_it_is});
    let let_go: std::result::Result<Value, client::Error> = session.client.post(&path, Some(&body)).await;
    if let Err(error) = let_go {
        let what = if error.problem().is_some() {
            format!("{shown} is written, and captd goes on managing {}", key.path())
        } else {
            format!("{shown} is written, keep it: captd may have let go of {}, `captd get` says whether", key.path())
        };
        return Err(anyhow::Error::from(error).context(what));
    }
    say(format_args!("{} ejected: {shown} holds it now, and captd manages it no longer", key.path()))?;
    say(format_args!("next: cd {shown} && terraform init && terraform plan"))?;
    Ok(Exit::Done)
}

/// Only the user may read it: secrets are among it.
fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("it leads out of the folder");
    }
    let path = folder.join(relative);
    let parent = path.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // The entries on the way to it, too.
    parent.ancestors().take_while(|above| above.starts_with(folder)).try_for_each(sync)?;
    Ok(())
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
