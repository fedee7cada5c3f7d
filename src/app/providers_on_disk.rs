//! Which providers lie on this machine, and Terraform's CLI configuration for that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::Config;
use crate::service::cli_config_path;
use crate::supervisor::write_whole;
use crate::terraform::installation::{cli_configuration, mirror_folders};

/// Writes Terraform's CLI configuration into the data folder.
pub(super) fn write_cli_config(config: &Config, inherited: &BTreeMap<String, String>) -> Result<()> {
    let text = cli_configuration(&provider_mirrors(config, inherited));
    let path = cli_config_path(config);
    write_whole(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

/// The folders in which providers are looked for, each with the providers in it.
#[must_use]
pub fn provider_mirrors(config: &Config, inherited: &BTreeMap<String, String>) -> BTreeMap<PathBuf, Vec<String>> {
    let home = inherited.get("HOME").map(PathBuf::from);
    let folders = mirror_folders(config.engine.provider_mirror.as_deref(), home.as_deref());
    let mirrors = folders.into_iter().map(|folder| {
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        let providers = providers_in(&folder);
        (folder, providers)
    });
    mirrors.collect()
}

/// `host/namespace/name` of every provider below `folder`.
fn providers_in(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = subfolders(folder)
        .into_iter()
        .filter(|(host, _)| host.contains('.'))
        .flat_map(|(host, path)| subfolders(&path).into_iter().map(move |(ns, path)| (format!("{host}/{ns}"), path)))
        .flat_map(|(prefix, path)| subfolders(&path).into_iter().map(move |(name, _)| format!("{prefix}/{name}")))
        .collect();
    found.sort();
    found
}

fn subfolders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path))).collect()
}
