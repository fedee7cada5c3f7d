//! `[templates]`: a folder whose templates and modules go before the built-in ones.

use std::path::PathBuf;

use crate::domain::fields::Fields;

/// `[templates]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    /// Holds `workspace/<name>/` and `modules/<name>/`; what it lacks comes from the binary.
    pub dir: Option<PathBuf>,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Templates> {
    let dir = f.text("dir").map(PathBuf::from);
    if dir.as_ref().is_some_and(|path| !path.is_dir()) {
        f.problem("dir", "not_found", "is no folder that exists; it should hold workspace/<name>/template.yaml");
    }
    Some(Templates { dir })
}
