//! `captd doctor`: what is wrong with this installation, and what to do about it.
//!
//! **Invariant:** changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use super::Exit;
use super::at_rest::{AtRest, database};
use super::client::{self, Client};
use super::config_check::{File, environment};
use super::connection::{Connection, TOKEN_FILE};
use super::output::say;
use crate::app;
use crate::config::{Config, Sources};
use crate::domain::template::Template;
use crate::render::Library;
use crate::service::{Rules, read_keys, room_at};
use crate::store::Store;
use crate::supervisor::{self, Effect, missing_in};

/// `captd doctor`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One line a check: `ok`, `warn` or `fail`. Run it on the daemon's machine, as its user. Exits with 1 when a check fails.")]
pub(super) struct Args {
    #[command(flatten)]
    file: File,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One line.
struct Finding {
    verdict: Verdict,
    what: &'static str,
    detail: String,
    remedy: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, what, detail: detail.into(), remedy: None }
    }

    fn warn(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, what, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn fail(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, what, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn line(&self) -> String {
        let word = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!(" — {remedy}")).unwrap_or_default();
        format!("{word:<4}  {}: {}{remedy}", self.what, self.detail)
    }
}

/// Checks, one after the other, and says each as it is done.
pub(super) async fn run(args: &Args, connection: &Connection) -> Result<Exit> {
    let mut worst = Exit::Done;
    let mut tell = |finding: Finding| {
        if finding.verdict == Verdict::Fail {
            worst = Exit::Failed;
        }
        say(finding.line())
    };
    let data_dir = std::path::absolute(connection.data_dir()?)?;
    let file = args.file.path(&data_dir);
    let inherited = environment();
    let config =
        Config::load(&data_dir, &Sources { file: file.clone(), environment: inherited.clone(), flags: Vec::new() });
    match &config {
        Ok(_) => tell(Finding::ok("configuration", file.as_deref().map_or("all defaults".to_owned(), shown)))?,
        Err(error) => tell(Finding::fail("configuration", error.to_string(), "correct it: `captd config check`"))?,
    }
    tell(mode("data folder", &data_dir, 0o700))?;
    tell(disk(&data_dir))?;
    tell(mode("token", &data_dir.join(TOKEN_FILE), 0o600))?;
    if let Ok(config) = &config {
        tell(terraform(config, &inherited).await)?;
        tell(mirrors(config, &inherited))?;
        tell(confinement(config))?;
        tell(limits(config))?;
        tell(left(&config.data_dir))?;
        tell(keys(config).await)?;
        for finding in declarations(config).await {
            tell(finding)?;
        }
    }
    tell(daemon(connection).await)?;
    Ok(worst)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Whether something is there, and its user's only.
fn mode(what: &'static str, path: &Path, wanted: u32) -> Finding {
    let name = path.display();
    match std::fs::metadata(path).map(|found| found.permissions().mode() & 0o777) {
        Ok(mode) if mode & !0o700 == 0 => Finding::ok(what, shown(path)),
        Ok(mode) => {
            let detail = format!("others may use {name}: its mode is {mode:04o}");
            Finding::fail(what, detail, format!("chmod {wanted:04o} {name}"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::warn(what, format!("{name} is not there"), "`captd serve` makes it; or say --data-dir")
        }
        Err(error) => Finding::fail(what, format!("{name}: {error}"), "run this as the daemon's user"),
    }
}

/// Whether its disk has room, before it is full.
fn disk(data_dir: &Path) -> Finding {
    let what = "disk";
    match room_at(data_dir) {
        Ok(room) if room.is_low() => Finding::fail(
            what,
            room.in_words(),
            format!("make room on the disk of {}: runs fail without", shown(data_dir)),
        ),
        Ok(room) => Finding::ok(what, room.in_words()),
        Err(error) => Finding::warn(what, format!("{}: {error}", shown(data_dir)), "`captd serve` makes the folder"),
    }
}

async fn terraform(config: &Config, inherited: &BTreeMap<String, String>) -> Finding {
    match app::look_at_terraform(config, inherited).await {
        Ok(version) => Finding::ok("terraform", format!("version {version}, `{}`", config.engine.binary)),
        Err(error) => Finding::fail("terraform", error.root_cause().to_string(), error.to_string()),
    }
}

fn mirrors(config: &Config, inherited: &BTreeMap<String, String>) -> Finding {
    let found = app::provider_mirrors(config, inherited);
    let holding: Vec<(PathBuf, Vec<String>)> = found.into_iter().filter(|(_, held)| !held.is_empty()).collect();
    if holding.is_empty() {
        return Finding::ok("providers", "no mirror; they come from their registry");
    }
    let each = holding.iter().map(|(folder, held)| format!("{} in {}", held.join(", "), folder.display()));
    Finding::ok("providers", each.collect::<Vec<_>>().join("; "))
}

fn confinement(config: &Config) -> Finding {
    let what = "confinement";
    let risk = "a template can read what captd can";
    match app::confinement(config) {
        Effect::Confined(version) => match missing_in(version) {
            None => Finding::ok(what, format!("terraform is confined (Landlock, version {version})")),
            Some(missing) => Finding::warn(
                what,
                format!("terraform is confined (Landlock, version {version}), but {missing}"),
                "use a newer kernel",
            ),
        },
        Effect::Off => {
            Finding::warn(what, format!("off: {risk}"), "set engine.confine to \"preferred\" or \"required\"")
        }
        Effect::Unavailable(why) => {
            Finding::warn(what, format!("{why}: {risk}"), "make it possible, or use only templates that you trust")
        }
        Effect::Refused(why) => {
            Finding::fail(what, why, "make it possible, or set engine.confine to \"preferred\" or \"off\"")
        }
    }
}

/// What a command of a run may take of the machine.
fn limits(config: &Config) -> Finding {
    let it = &config.limits;
    Finding::ok(
        "limits",
        format!(
            "a command may write files of {} MiB (init {}), fill its folder with {} MiB, and have {} processes, each with {} MiB of data and {} open files",
            it.file_mib_max,
            it.init_file_mib_max,
            it.folder_mib_max,
            it.processes_max,
            it.data_mib_max,
            it.open_files_max
        ),
    )
}

/// What runs have left and captd could not remove.
fn left(data_dir: &Path) -> Finding {
    let what = "leftovers";
    let folder = data_dir.join(supervisor::ASIDE);
    let names: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    if names.is_empty() {
        return Finding::ok(what, "nothing that runs have left is in the way");
    }
    let detail =
        format!("{} holds what runs have left and captd cannot remove: {}", folder.display(), names.join(", "));
    Finding::warn(what, detail, "look at it, and remove it by hand; captd tries again at each start")
}

/// Whether the keys are there that something is sealed with.
async fn keys(config: &Config) -> Finding {
    let what = "keys";
    let path = &config.state.key_file;
    let database = database(&config.data_dir);
    if !database.is_file() {
        return Finding::ok(what, format!("nothing is sealed yet; they will be in {}", shown(path)));
    }
    let at_rest = AtRest::take(&config.data_dir);
    let used = match Store::look_before_upgrade(&database, at_rest.is_some()).await {
        Ok(mut snapshot) => snapshot.key_ids().await,
        Err(error) => Err(error),
    };
    let used = match used {
        Ok(used) => used,
        Err(error) => return Finding::fail(what, error.to_string(), "look at what else is said here"),
    };
    let keys = match read_keys(path, &used) {
        Ok(Some(keys)) => keys,
        Ok(None) => return Finding::warn(what, format!("{} is not there", shown(path)), "`captd serve` makes it"),
        Err(error) => return Finding::fail(what, error.to_string(), "nothing else opens what they sealed"),
    };
    let mode = mode(what, path, 0o600);
    if mode.verdict != Verdict::Ok {
        return mode;
    }
    let older = keys.older().map(|id| {
        let is_needed = used.iter().any(|used| used == id);
        let why = if is_needed { "is still needed" } else { "seals nothing, and stays for runs at work" };
        format!(", `{id}` {why}")
    });
    Finding::ok(what, format!("{}: `{}` seals{}", shown(path), keys.current(), older.collect::<String>()))
}

/// Which declarations wait at their next run, since they set or do what is not allowed (any more): also in a data folder
/// of the captd before, ahead of an upgrade.
async fn declarations(config: &Config) -> Vec<Finding> {
    let what = "declarations";
    let database = database(&config.data_dir);
    if !database.is_file() {
        return Vec::new();
    }
    let at_rest = AtRest::take(&config.data_dir);
    let declared = match Store::look_before_upgrade(&database, at_rest.is_some()).await {
        Ok(mut snapshot) => snapshot.declared_before().await,
        Err(error) => Err(error),
    };
    let library = Library::load(config.templates.dir.as_deref());
    let (declared, library) = match (declared, library) {
        (Ok(declared), Ok(library)) => (declared, library),
        (Err(error), _) => return vec![Finding::warn(what, error.to_string(), "look at what else is said here")],
        (_, Err(error)) => return vec![Finding::fail(what, error.to_string(), "correct that template")],
    };
    let rules = Rules { library: &library, providers: &config.providers, templates: &config.templates };
    let (count, mut found) = (declared.len(), Vec::new());
    for it in declared {
        let template = match it.template {
            Some((name, revision, files)) => {
                library.put_together(&name, files).map(|template| Arc::new(Template { revision, ..template }))
            }
            None => match library.get(&it.spec.template().name).cloned() {
                Some(template) => Ok(template),
                None => continue,
            },
        };
        let template = match template {
            Ok(template) => template,
            Err(why) => {
                let remedy = "upload a better revision of its template, or put back what that one needs";
                found.push(Finding::warn(what, format!("{} waits at its next run: {why}", it.key), remedy));
                continue;
            }
        };
        if let Some(why) = rules.of_revision(&template).or_else(|| rules.of_declaration(&it.spec, &template)) {
            found.push(Finding::warn(what, format!("{} waits at its next run: {}", it.key, why.message), "see there"));
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(what, format!("what they set and do is allowed ({count})")));
    }
    found
}

async fn daemon(connection: &Connection) -> Finding {
    let what = "daemon";
    let client = match Client::new(connection.address(), "") {
        Ok(client) => client,
        Err(error) => return Finding::fail(what, format!("{error:#}"), "correct --addr or CAPTD_ADDR"),
    };
    match client.ready().await {
        Ok(()) => Finding::ok(what, format!("{} is ready, its database answers", client.address())),
        Err(client::Error::NotThere(address)) => {
            Finding::warn(what, format!("nobody listens at {address}"), "`captd serve`, or say with --addr where it is")
        }
        Err(error) => Finding::fail(what, error.to_string(), "look at the daemon's log"),
    }
}
