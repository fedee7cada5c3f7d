//! What stands in for modules that cannot be reached, read from where the configuration says.

use captd_capt::{Mirror, Mirrored};

use super::library::{Library, LibraryError, on_disk};
use crate::config::modules::{Modules, Place};

impl Library {
    /// Reads every stand-in.
    ///
    /// # Errors
    /// The first that cannot be read, and why.
    pub fn mirror(&self, modules: &Modules) -> Result<Mirror, LibraryError> {
        let read = |place: &Place| match place {
            Place::Folder(folder) => on_disk(folder),
            Place::Module(name) => {
                let missing = || LibraryError::of(name, "there is no such module; `dir` names a folder instead");
                self.modules().get(name).cloned().ok_or_else(missing)
            }
        };
        let entries = modules.mirror.iter().map(|(source, it)| {
            let mirrored = Mirrored { version: it.version.clone(), files: read(&it.place)? };
            Ok((source.clone(), mirrored))
        });
        Ok(Mirror(entries.collect::<Result<_, LibraryError>>()?))
    }
}
