//! "Permission denied" in what a command says, where the confinement has refused it: Terraform does not know that, and
//! nobody would look for it there.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::domain::failure::{Class, Failure};
use crate::supervisor::Confinement;

const DENIED: &str = "permission denied";

/// The failure of a command that the confinement has refused a file: one that captd itself may read, and that none of
/// the command's rights covers. A link is followed, since what it leads to is what is asked for.
pub(super) fn refused(message: &str, rights: Option<&Confinement>) -> Option<Failure> {
    let rights = rights?;
    let allowed: Vec<PathBuf> =
        rights.read.iter().chain(&rights.write).filter_map(|path| fs::canonicalize(path).ok()).collect();
    let (path, real) = paths(message).into_iter().find_map(|path| {
        let real = fs::canonicalize(&path).ok()?;
        let is_refused =
            !allowed.iter().any(|allowed| real.starts_with(allowed)) && access(&real, Access::READ_OK).is_ok();
        is_refused.then_some((path, real))
    })?;
    let leads = if path == real { String::new() } else { format!(", which leads to {},", real.display()) };
    let said = format!("{message}\ncaptd's confinement has refused {}{leads} to it", path.display());
    let folder = if real.is_dir() { &real } else { real.parent().unwrap_or(&real) };
    let remedy = format!(
        "Where runs may read it, add its folder to engine.confine_read (\"{}\") and start captd again; a mirror of links needs the folders that they lead to. Then call `captd retry`.",
        folder.display()
    );
    Some(Failure::with_remedy(Class::Configuration, said, remedy))
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
