//! Whether the database is the one that belongs to what lies beside it, and whether the whole folder is a copy.
//!
//! A file beside the database counts the starts as the database does: one that counts less has lost what came later. A
//! folder is known by its inode and the database's, by when both were made, by its path and its machine.
//!
//! **Invariant:** a folder of before, where nothing of this is kept, raises no alarm; and what cannot be kept ends no start.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Config;
use crate::render::INITIALISED;
use crate::service::gateway_dir;
use crate::store::{Glance, Store};
use crate::supervisor::write_whole;

/// The file beside the database.
const FILE: &str = "captd.installation";

/// How the names end of what a copy sets aside.
const OF_THE_ORIGINAL: &str = "of-the-original";

/// What it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Witness {
    installation: String,
    starts: u64,
}

/// A file or folder: its inode, and when it was made (nanoseconds since the epoch) where the file system knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    inode: u64,
    made: Option<u128>,
}

impl Place {
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let made = found.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        Some(Self { inode: found.ino(), made: made.map(|since| since.as_nanos()) })
    }

    /// Some file systems number anew at each mount, and keep the time.
    fn may_be(&self, other: &Self) -> bool {
        self.inode == other.inode || (self.made.is_some() && self.made == other.made)
    }
}

/// Where a database lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Home {
    path: String,
    machine: String,
    folder: Place,
    database: Place,
}

impl Home {
    fn of(data_dir: &Path) -> Option<Self> {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        Some(Self {
            path: std::fs::canonicalize(data_dir).ok()?.display().to_string(),
            machine: machine.trim().to_owned(),
            folder: Place::of(data_dir)?,
            database: Place::of(&database(data_dir))?,
        })
    }

    /// Whether this is not where it lay before. A folder that was renamed or moved with its disk is the same one; and so is,
    /// at the same place of the same machine, one that was restored there: two cannot be.
    fn is_copy_of(&self, before: &Self) -> bool {
        let is_moved = self.folder.may_be(&before.folder) || self.database.may_be(&before.database);
        let is_at_its_place = !self.machine.is_empty() && self.machine == before.machine && self.path == before.path;
        !is_moved && !is_at_its_place
    }
}

fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("captd.db")
}

fn kept(data_dir: &Path) -> Option<Witness> {
    serde_json::from_slice(&std::fs::read(data_dir.join(FILE)).ok()?).ok()
}

/// Refuses a database that is not the one of this folder, before anything is done to it.
///
/// # Errors
/// What is missing, and what to do.
pub(super) fn check(config: &Config, glance: &Glance, now: Timestamp) -> Result<()> {
    let data_dir = &config.data_dir;
    let database = database(data_dir);
    if glance.is_empty {
        let beside = what_lies_beside(data_dir);
        if beside.is_empty() {
            return Ok(());
        }
        let how = if database.exists() { "is empty" } else { "is not there" };
        bail!(
            "the database {} {how}, and beside it lie {}: this is no first start, and nothing was changed. Bring back captd.db together with captd.db-wal, or put a backup in its place; where both are lost and you begin anew, move what lies there to another place first",
            database.display(),
            beside.join(", ")
        );
    }
    // A restored copy is older than what lies beside it, and is planned and looked at before anything is applied.
    if glance.held.is_some() {
        return Ok(());
    }
    if let Some(kept) = kept(data_dir) {
        if glance.installation.as_ref().is_some_and(|installation| *installation != kept.installation) {
            bail!(
                "the database {} is that of another installation ({}) than what lies beside it ({}); nothing was changed. Bring back the right one, or give each a data folder of its own; where this is meant, remove {}",
                database.display(),
                glance.installation.as_deref().unwrap_or_default(),
                kept.installation,
                data_dir.join(FILE).display()
            );
        }
        if glance.starts < kept.starts {
            bail!(
                "{}",
                older(&database, &format!("it knows of {} starts of {}", glance.starts, kept.starts), data_dir)
            );
        }
    }
    if let Some(run) = unknown_run(config, glance, now) {
        bail!("{}", older(&database, &format!("it does not know the run {run}, whose folder is there"), data_dir));
    }
    Ok(())
}

fn older(database: &Path, why: &str, data_dir: &Path) -> String {
    format!(
        "the database {} is older than what lies beside it: {why}; nothing was changed. captd.db-wal may be missing, which belongs to it: bring it back, or put a backup in the place of both. Where what came later is lost for good, move {} and {} to another place, start captd, and call `captd hold` before you look at what it plans",
        database.display(),
        data_dir.join(FILE).display(),
        data_dir.join("runs").display()
    )
}

/// What only an installation that was at work leaves.
fn what_lies_beside(data_dir: &Path) -> Vec<String> {
    let has_entries =
        |name: &&str| std::fs::read_dir(data_dir.join(name)).is_ok_and(|mut entries| entries.next().is_some());
    let folders = ["runs", "workspaces", "revisions"].into_iter().filter(has_entries).map(|name| format!("{name}/"));
    let files = ["state.key", FILE].into_iter().filter(|name| data_dir.join(name).exists()).map(str::to_owned);
    folders.chain(files).collect()
}

/// A run that was made after all that the database knows. One that is older than what is kept of deleted workspaces may
/// have been swept, and its folder stayed.
fn unknown_run(config: &Config, glance: &Glance, now: Timestamp) -> Option<Uuid> {
    let kept_seconds = i64::from(config.retention.deleted_days) * 86_400;
    let is_young = |id: &Uuid| {
        let made = id.get_timestamp().and_then(|made| i64::try_from(made.to_unix().0).ok());
        made.is_some_and(|made| made > now.as_second() - kept_seconds)
    };
    let entries = std::fs::read_dir(config.data_dir.join("runs")).into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| Uuid::try_parse(entry.file_name().to_str()?).ok());
    ids.filter(|id| Some(*id) > glance.newest_run && is_young(id)).max()
}

/// What lies in workspaces and leads to the folder's former place is made anew: links to their revisions.
fn forget_links(data_dir: &Path) {
    let workspaces = std::fs::read_dir(data_dir.join("workspaces")).into_iter().flatten().flatten();
    for workspace in workspaces.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        // Where it is not there, they are made anyway.
        std::fs::remove_file(workspace.path().join(INITIALISED)).ok();
    }
}

/// Holds a database whose folder is a copy, and lets go of what is the original's.
///
/// # Errors
/// When it is one, and cannot be held.
pub(super) async fn hold_copy(config: &Config, glance: &Glance, store: &Store, now: Timestamp) -> Result<()> {
    let before: Option<Home> = glance.home.as_deref().and_then(|home| serde_json::from_str(home).ok());
    let (Some(before), Some(home)) = (before, Home::of(&config.data_dir)) else { return Ok(()) };
    if home.path != before.path {
        forget_links(&config.data_dir);
    }
    if !home.is_copy_of(&before) {
        return Ok(());
    }
    let at_work: Vec<Uuid> = store.read().await?.open_runs().await?.into_iter().map(|open| open.run.id).collect();
    // Their processes are the original's: nothing here may follow, use or end them. First, since it is done again
    // where this ends before the hold is kept.
    for run in at_work {
        set_aside(&config.data_dir.join("runs").join(run.to_string()))?;
    }
    set_aside(&gateway_dir(config))?;
    set_aside(&crate::service::trials_dir(config))?;
    std::fs::remove_file(config.data_dir.join("state.port")).ok();
    let why = format!(
        "this data folder is a copy of {}: nothing is applied until `captd release`, which is for where the original is gone",
        before.path
    );
    store.hold_as_copy(glance.held.as_deref().unwrap_or(&why), &serde_json::to_string(&home)?, now).await?;
    tracing::warn!(original = before.path, "this data folder is a copy, and is held as one");
    Ok(())
}

/// Moves what is the original's out of the way, under a name that is free: it may be a copy of a copy.
fn set_aside(path: &Path) -> Result<()> {
    let tails = std::iter::once(String::new()).chain((2..).map(|n| format!("-{n}")));
    let names = tails.map(|tail| path.with_added_extension(format!("{OF_THE_ORIGINAL}{tail}")));
    let is_free = |name: &PathBuf| std::fs::symlink_metadata(name).is_err();
    let aside = { names }.find(is_free).unwrap_or_else(|| path.to_owned());
    match std::fs::rename(path, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => bail!(
            "this data folder is a copy, and {} is the original's and cannot be moved to {}: {error}. Nothing was begun; move it away, and start again",
            path.display(),
            aside.display()
        ),
        _ => Ok(()),
    }
}

/// Counts a start, in the database first and beside it then.
pub(super) async fn count(config: &Config, glance: &Glance, store: &Store, installation: &str) {
    let Some(home) = Home::of(&config.data_dir) else { return };
    let starts = glance.starts + 1;
    let kept = async {
        store.keep_start(starts, &serde_json::to_string(&home)?).await?;
        let witness = Witness { installation: installation.to_owned(), starts };
        write_whole(&config.data_dir.join(FILE), &serde_json::to_vec(&witness)?)?;
        anyhow::Ok(())
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the start is not counted; a database that lost what came later is known by its runs alone");
    }
}
