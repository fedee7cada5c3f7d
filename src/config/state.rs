//! `[state]`: where the keys lie that Terraform's states are sealed with.

use std::path::{Path, PathBuf};

use super::engine::{Confine, Engine, holds};
use super::readable::SYSTEM;
use crate::domain::fields::Fields;
use crate::domain::problem::Problems;

/// Folders of the data folder whose contents come and go.
const PASSING: [&str; 2] = ["workspaces", "runs"];

/// `[state]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Holds the keys; made at the first start.
    pub key_file: PathBuf,
}

pub(super) fn parse(f: &mut Fields<'_, '_>, data_dir: &Path) -> Option<State> {
    let key_file = f.text("key_file").map(PathBuf::from);
    if key_file.as_ref().is_some_and(|path| !path.is_absolute() || path.file_name().is_none()) {
        f.problem("key_file", "invalid_value", "is no absolute path of a file");
    }
    Some(State { key_file: key_file.unwrap_or_else(|| data_dir.join("state.key")) })
}

/// The key lies nowhere where a template can read it, or where captd removes folders.
pub(super) fn check(state: &State, engine: &Engine, data_dir: &Path, problems: &mut Problems) {
    let key = &state.key_file;
    let open: Vec<&Path> = if engine.confine == Confine::Off {
        Vec::new()
    } else {
        // A whole data folder in one of the system's is another matter: then nothing is confined.
        let system = SYSTEM.iter().map(Path::new).filter(|folder| !holds(folder, data_dir));
        let opened = engine.confine_read.iter().chain(&engine.confine_write).chain(&engine.provider_mirror);
        system.chain(opened.map(PathBuf::as_path)).collect()
    };
    let passing = PASSING.map(|name| data_dir.join(name));
    let detail = if let Some(folder) = open.iter().find(|folder| holds(folder, key)) {
        format!("`{}` lies in {}, which a confined terraform may read", key.display(), folder.display())
    } else if let Some(folder) = passing.iter().find(|folder| holds(folder, key)) {
        format!("`{}` lies in {}, where templates work and captd removes what is old", key.display(), folder.display())
    } else {
        return;
    };
    let remedy = "choose a place of its own, such as state.key in the data folder";
    problems.add("/state/key_file", "invalid_value", format!("{detail}; {remedy}"));
}
