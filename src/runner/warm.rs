//! What a command wants of the gateway: the providers that its lock file names, and the part of
//! their schemas that its configuration and its state can need.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use captd_gateway::{Provider, Wish};

use super::Job;
use crate::supervisor::confine::sockets_dir;
use crate::terraform::lock::{self, Locked};

/// Terraform's name of this system, as its folders of providers have it.
fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}_{arch}", std::env::consts::OS)
}

/// The wish of a command in the workspace, as that is now. None when the run is not warm, or the
/// workspace needs no provider. `whole`: with all of the schemas.
pub(super) fn wish(job: &Job, whole: bool) -> Option<Wish> {
    let warmth = job.warmth.as_ref()?;
    let text = fs::read_to_string(job.workspace_dir.join(lock::FILE)).ok()?;
    let providers: Vec<Provider> =
        lock::parse(&text)?.into_iter().filter_map(|locked| installed(&job.workspace_dir, locked)).collect();
    if providers.is_empty() {
        return None;
    }
    Some(Wish {
        gateway: warmth.gateway.clone(),
        sockets: sockets_dir(&job.run_dir),
        providers,
        types: (!whole).then(|| types(&job.workspace_dir, &warmth.types)),
        run: warmth.run.clone(),
        namespace: warmth.namespace.clone(),
        configuration: warmth.configuration.clone(),
    })
}

/// Whether one of the providers lies in the workspace itself, and not in a mirror.
pub(super) fn is_installed_in(wish: &Wish, workspace: &Path) -> bool {
    let workspace = fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_owned());
    wish.providers.iter().any(|provider| provider.folder.starts_with(&workspace))
}

/// The provider where `terraform init` has put it, links followed.
fn installed(workspace: &Path, locked: Locked) -> Option<Provider> {
    let below = format!("{}/{}/{}", locked.address, locked.version, platform());
    let folder = fs::canonicalize(workspace.join(".terraform/providers").join(below)).ok()?;
    Some(Provider { address: locked.address, version: locked.version, folder, hashes: locked.hashes })
}

/// Each word of the workspace's configuration, modules included, and the types of its state.
fn types(workspace: &Path, state: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = state.clone();
    let mut folders = vec![workspace.to_owned(), workspace.join(".terraform/modules")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() && name != ".terraform" {
                folders.push(path);
            } else if [".tf", ".tf.json"].iter().any(|end| name.ends_with(end)) {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.extend(lock::words(&text).map(str::to_owned));
            }
        }
    }
    found
}
