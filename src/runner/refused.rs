//! "Permission denied" in what a command says, where the confinement has refused it: Terraform does not know that, and
//! nobody would look for it there.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};

use crate::config::SYSTEM;
use crate::domain::failure::{Class, Failure};
use crate::supervisor::Confinement;

const DENIED: &str = "permission denied";
/// How long the disk is asked where paths lead: one of them may lie on a server that is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Folders with a dot before their name that hold no secrets.
const OPEN_FOLDERS: [&str; 1] = [".terraform.d"];
/// What lies in them and signs in.
const SIGNS_IN: &str = "credentials.tfrc.json";

/// A command that failed, and what it had a right to.
pub(super) struct Confined {
    /// What it may touch.
    pub(super) rights: Confinement,
    /// Whether it was an init: no code of a template has a say in that.
    pub(super) is_init: bool,
    /// Where captd keeps everything.
    pub(super) data_dir: PathBuf,
}

/// The failure of a command that the confinement has refused a file: one that captd itself may read, and that none of
/// the command's rights covers. A link is followed, since what it leads to is what is asked for. A template's code can
/// print what it likes: what lies in captd's own folder is never spoken of, and what is to be opened is named only where
/// terraform itself has looked for it.
pub(super) async fn refused(message: &str, command: Option<Confined>) -> Option<Failure> {
    let (message, command) = (message.to_owned(), command?);
    let told = tokio::task::spawn_blocking(move || failure(&message, &command));
    tokio::time::timeout(PATIENCE, told).await.ok()?.ok()?
}

fn failure(message: &str, command: &Confined) -> Option<Failure> {
    let Confined { rights, is_init, data_dir } = command;
    let allowed: Vec<PathBuf> =
        rights.read.iter().chain(&rights.write).filter_map(|path| fs::canonicalize(path).ok()).collect();
    let data_dir = fs::canonicalize(data_dir).ok()?;
    let (path, real) = paths(message).into_iter().find_map(|path| {
        let real = fs::canonicalize(&path).ok()?;
        let is_refused = !allowed.iter().any(|allowed| real.starts_with(allowed))
            && !real.starts_with(&data_dir)
            && access(&real, Access::READ_OK).is_ok();
        is_refused.then_some((path, real))
    })?;
    let leads = if path == real { String::new() } else { format!(", which leads to {},", real.display()) };
    let said = format!("{message}\ncaptd's confinement has refused {}{leads} to it", path.display());
    let remedy = if (*is_init || is_opened(&path, &rights.read)) && !is_secret(&real) {
        let folder = if real.is_dir() { &real } else { real.parent().unwrap_or(&real) };
        format!(
            "Where runs may read it, add its folder to engine.confine_read (\"{}\") and start captd again; a mirror of links needs the folders that they lead to. Then call `captd retry`.",
            folder.display()
        )
    } else {
        "Find out what the template needs it for, and do not open it only because the template asks. If every run may read it, the operator adds its folder to engine.confine_read and starts captd again; then call `captd retry`."
            .to_owned()
    };
    Some(Failure::with_remedy(Class::Configuration, said, remedy))
}

/// Whether a path lies, by its name, in what the operator has opened and no run can write, such as a mirror.
fn is_opened(path: &Path, read: &[PathBuf]) -> bool {
    let of_the_operator = read.iter().filter(|folder| !SYSTEM.iter().any(|system| folder.starts_with(system)));
    let is_plain = path.components().all(|part| part != Component::ParentDir);
    is_plain && of_the_operator.into_iter().any(|folder| path.starts_with(folder))
}

/// Whether a path leads through what is hidden, as keys and what signs in are: `~/.ssh`, `~/.aws`, `~/.netrc`.
fn is_secret(path: &Path) -> bool {
    let is_hidden = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        name == SIGNS_IN || (name.starts_with('.') && !OPEN_FOLDERS.contains(&&*name))
    };
    path.components().any(is_hidden)
}

/// The paths of which the message says that they are denied: `open /srv/mirror/x: permission denied`.
fn paths(message: &str) -> Vec<PathBuf> {
    let lower = message.to_ascii_lowercase();
    let before = lower.match_indices(DENIED).map(|(at, _)| &message[..at]);
    let words = before.filter_map(|text| {
        let text = text.trim_end_matches([':', ' ', '\n']);
        let from = text.rfind([' ', '"', '\'', '(', '\n']).map_or(0, |at| at + 1);
        Some(text.get(from..)?.trim_matches(['"', '\'', ':', '(', ')', ',']))
    });
    words.filter(|word| word.starts_with('/')).map(|word| Path::new(word).to_owned()).collect()
}
