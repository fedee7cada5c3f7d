//! Puts rendered files into a folder: into that of a revision, where what differs is written, what is no longer there
//! goes, and what belongs to Terraform stays; or into a new one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Rendered;

/// Marks a workspace as initialised; holds the digest of the structure for which it is.
pub const INITIALISED: &str = ".captd-initialised";

/// Makes `folder` hold the rendered files. Says whether `terraform init` is needed.
///
/// # Errors
/// When a file cannot be written; the text names it.
pub fn materialise(folder: &Path, rendered: &Rendered) -> io::Result<bool> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| named(folder, &error))?;
    let wanted: BTreeSet<PathBuf> = rendered.files.keys().map(|path| folder.join(path)).collect();
    for path in sources(folder)? {
        if !wanted.contains(&path) {
            fs::remove_file(&path).map_err(|error| named(&path, &error))?;
        }
    }
    for (path, text) in &rendered.files {
        let path = folder.join(path);
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        remove_links(folder, &path).map_err(|error| named(&path, &error))?;
        write(&path, text).map_err(|error| named(&path, &error))?;
    }
    let initialised = fs::read_to_string(folder.join(INITIALISED)).is_ok_and(|digest| digest == rendered.structure);
    Ok(!initialised || !folder.join(".terraform").exists())
}

/// Makes a folder that holds these files and nothing else. It must not be there before.
///
/// # Errors
/// When the folder is there, or a file cannot be written; the text names it.
pub fn write_new<'a>(folder: &Path, files: impl Iterator<Item = (&'a String, &'a String)>) -> io::Result<()> {
    let builder = |recursive| {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(recursive).mode(0o700);
        builder
    };
    builder(false).create(folder).map_err(|error| named(folder, &error))?;
    for (path, text) in files {
        let path = folder.join(path);
        let write = || {
            builder(true).create(path.parent().unwrap_or(folder))?;
            fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?.write_all(text.as_bytes())
        };
        write().map_err(|error| named(&path, &error))?;
    }
    Ok(())
}

/// Removes links on the way to a file. Only a template's own program can have made them, and they
/// lead wherever it likes.
fn remove_links(folder: &Path, path: &Path) -> io::Result<()> {
    for above in path.ancestors().skip(1).take_while(|above| *above != folder) {
        if above.is_symlink() {
            fs::remove_file(above)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(file.path(), text)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Files that an earlier rendering may have left: configuration and values, modules included.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| named(&folder, &error))? {
            let entry = entry?;
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            // A link to a folder is not followed.
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if [".tf", ".tf.json", ".tfvars", ".tfvars.json"].iter().any(|end| name.ends_with(end)) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
