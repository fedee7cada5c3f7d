//! What a command wants of the gateway: the providers that its lock file names, and the part of
//! their schemas that its configuration and its state can need.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use captd_gateway::{Provider, Wish};

use super::Job;
use crate::supervisor::confine::sockets_dir;
use crate::terraform::lock::{self, Locked};

/// Bytes of a file of a configuration that are looked through.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Terraform's name of this system, as its folders of providers have it.
fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}_{arch}", std::env::consts::OS)
}

/// The wish of a command that works by the init of this folder. None when the run is not warm, or
/// needs no provider. `whole`: with all of the schemas; `applies`: for a command that changes something.
pub(super) fn wish(job: &Job, initialised: &Path, whole: bool, applies: bool) -> Option<Wish> {
    let warmth = job.warmth.as_ref()?;
    let text = fs::read_to_string(initialised.join(lock::FILE)).ok()?;
    let providers: Vec<Provider> =
        lock::parse(&text)?.into_iter().filter_map(|locked| installed(initialised, locked)).collect();
    if providers.is_empty() {
        return None;
    }
    Some(Wish {
        gateway: warmth.gateway.clone(),
        sockets: sockets_dir(&job.run_dir),
        providers,
        types: (!whole).then(|| types(initialised, &warmth.types)),
        run: warmth.run.clone(),
        namespace: warmth.namespace.clone(),
        configuration: warmth.configuration.clone(),
        applies,
    })
}

/// Whether one of the providers lies in this folder itself, and not in a mirror.
pub(super) fn is_installed_in(wish: &Wish, folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    wish.providers.iter().any(|provider| provider.folder.starts_with(&folder))
}

/// The provider where `terraform init` has put it, links followed.
fn installed(initialised: &Path, locked: Locked) -> Option<Provider> {
    let below = format!("{}/{}/{}", locked.address, locked.version, platform());
    let folder = fs::canonicalize(initialised.join(".terraform/providers").join(below)).ok()?;
    Some(Provider { address: locked.address, version: locked.version, folder, hashes: locked.hashes })
}

/// Each word of the configuration that was initialised, modules included, and the types of its state. A module comes
/// from elsewhere: of it, too, only regular files are read.
fn types(initialised: &Path, state: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = state.clone();
    let mut folders = vec![initialised.to_owned(), initialised.join(".terraform/modules")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            if about.is_dir() && name != ".terraform" {
                folders.push(path);
            } else if about.is_file()
                && about.len() <= FILE_BYTES_MAX
                && [".tf", ".tf.json"].iter().any(|end| name.ends_with(end))
            {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.extend(lock::words(&text).map(str::to_owned));
            }
        }
    }
    found
}
