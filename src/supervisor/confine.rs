//! What a confined terraform may touch: computed from what a run needs. The disk is looked at for one thing, where
//! links lead.
//!
//! **Invariant:** paths are opened for captd's own environment and configuration, never for what a declaration sets.
//! **Invariant:** nothing here lies in the data folder but the run's temporary folder and Terraform's CLI configuration:
//! no token, no key, no database, no other run. The folder that a command works in, the plan and what else it needs are
//! added when it is started.
//! **Invariant:** the folders of a run's commands are not writable to it: what a supervisor is told
//! and what it leaves stay out of a template's hands.

use std::path::{Component, Path, PathBuf};

use captd_process::Confinement;

use super::Environment;
use crate::config::SYSTEM;

/// Devices that anybody may write to.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Variables that name a file to be read.
const FILE_VARIABLES: &[&str] = &["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "SSL_CERT_FILE"];

/// Variables that name a token's file. It is replaced while a run goes on, so its folder counts.
const TOKEN_VARIABLES: &[&str] = &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];

/// Bytes of the data folder's path: 107 of a socket's, less `/runs/<12>.tmp` and `/plugin<10>`.
const DATA_DIR_BYTES_MAX: usize = 107 - 22 - 17;

/// What the rights of a run follow from.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a> {
    /// Where captd keeps everything.
    pub data_dir: &'a Path,
    /// The run's folder.
    pub run_dir: &'a Path,
    /// Terraform's CLI configuration.
    pub cli_config: &'a Path,
    /// The keys of what is kept secret.
    pub key_file: &'a Path,
    /// Folders with providers in them.
    pub mirrors: &'a [PathBuf],
    /// captd's own part of Terraform's environment, without what a declaration sets.
    pub environment: &'a Environment,
    /// Whether it signs in by the files of `~/.aws`.
    pub signs_in_by_files: bool,
    /// What the configuration opens for reading.
    pub read: &'a [PathBuf],
    /// What the configuration opens for writing.
    pub write: &'a [PathBuf],
}

/// The private temporary folder of a run. It lies beside the run's folder and has a short name,
/// since providers put sockets into it, and a socket's path has 107 bytes at most.
#[must_use]
pub fn tmp_dir(run_dir: &Path) -> PathBuf {
    beside(run_dir, "tmp")
}

/// Where the commands of a run work: its own copy of the rendered files, which it may write. It lies as deep as the
/// folder of its revision, so that relative paths in what `terraform init` has made mean the same.
#[must_use]
pub fn work_dir(run_dir: &Path) -> PathBuf {
    beside(run_dir, "w")
}

/// Where a run's supervisors have their sockets and their own providers: out of a template's hands,
/// who could lay a link there that a supervisor follows.
#[must_use]
pub fn sockets_dir(run_dir: &Path) -> PathBuf {
    beside(run_dir, "g")
}

fn beside(run_dir: &Path, extension: &str) -> PathBuf {
    let name = run_dir.file_name().unwrap_or_default().to_string_lossy();
    // The end of an id is chance; its beginning is time.
    let tail = name.char_indices().rev().nth(11).map_or(&*name, |(at, _)| &name[at..]);
    run_dir.with_file_name(format!("{tail}.{extension}"))
}

/// Why a terraform with this data folder cannot be confined, where that is so. `real` is the same
/// folder with links followed.
#[must_use]
pub fn obstacle(data_dir: &Path, real: &Path) -> Option<String> {
    let bytes = data_dir.as_os_str().len();
    if bytes > DATA_DIR_BYTES_MAX {
        return Some(format!(
            "the path of the data folder has {bytes} bytes, and with more than {DATA_DIR_BYTES_MAX} providers cannot make their sockets below it"
        ));
    }
    let holding = SYSTEM.iter().find(|folder| data_dir.starts_with(folder) || real.starts_with(folder))?;
    Some(format!("the data folder lies in {holding}, which every program needs to read"))
}

/// The file with which Terraform signs in to registries: for `init` alone, which runs nothing of a template.
#[must_use]
pub fn registry_credentials(environment: &Environment) -> Option<PathBuf> {
    let file = Path::new(environment.get("HOME")?).join(".terraform.d/credentials.tfrc.json");
    // A link may lead anywhere.
    file.symlink_metadata().is_ok_and(|about| about.is_file()).then_some(file)
}

/// What the environment opens for reading: files and folders where they really lie, none of them in or above the data
/// folder, or above the key.
fn named_by_the_environment(needs: &Needs<'_>) -> Vec<PathBuf> {
    let named = |name: &&str| needs.environment.get(*name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = named(&"HOME");
    let mut read = Vec::new();
    if let Some(home) = &home {
        // Beside these lies what signs in to registries.
        read.extend(["plugins", "plugin-cache"].map(|folder| home.join(".terraform.d").join(folder)));
        if needs.signs_in_by_files {
            read.push(home.join(".aws"));
        }
    }
    read.extend(FILE_VARIABLES.iter().filter_map(named));
    let folders = needs.environment.get("SSL_CERT_DIR").map(String::as_str).unwrap_or_default();
    read.extend(folders.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from));
    let (data_dir, key_file) = (real(needs.data_dir), real(needs.key_file));
    let holds_secrets = |path: &Path| {
        let of_data = |data: &PathBuf| data.starts_with(path) || path.starts_with(data);
        // What cannot be told apart is kept shut.
        data_dir.as_ref().is_none_or(of_data) || key_file.as_ref().is_none_or(|key| key.starts_with(path))
    };
    let real_home = home.as_deref().and_then(real);
    let too_wide = |folder: &Path| {
        real(folder).is_none_or(|folder| {
            holds_secrets(&folder) || real_home.as_deref().is_some_and(|home| home.starts_with(&folder))
        })
    };
    read.extend(TOKEN_VARIABLES.iter().filter_map(named).map(|token| match token.parent() {
        Some(folder) if !too_wide(folder) => folder.to_owned(),
        _ => token,
    }));
    read.iter()
        .filter(|path| path.is_absolute())
        .filter_map(|path| real(path))
        .filter(|path| !holds_secrets(path))
        .collect()
}

/// Where a path leads, links followed as far as it exists; none where what does not exist goes up again.
fn real(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut above = path;
    loop {
        if let Ok(found) = std::fs::canonicalize(above) {
            return Some(missing.iter().rev().fold(found, |found, part| found.join(part)));
        }
        match above.components().next_back()? {
            Component::Normal(part) => missing.push(part),
            _ => return None,
        }
        above = above.parent()?;
    }
}

/// What a run may touch.
#[must_use]
pub fn confinement(needs: &Needs<'_>) -> Confinement {
    let tmp = tmp_dir(needs.run_dir);
    let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    read.push(needs.cli_config.to_owned());
    read.extend_from_slice(needs.mirrors);
    read.extend(named_by_the_environment(needs));
    read.extend_from_slice(needs.read);
    let mut write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    write.push(tmp.clone());
    write.extend_from_slice(needs.write);
    Confinement { read, write, tmp, file: None }
}
