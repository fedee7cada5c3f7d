//! Files that are whole and synced, or not there.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, failed};

/// Writes a file whole and synced, its folder too.
///
/// # Errors
/// When it cannot be written; what was there before is still there.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed("write", path))
}

/// Writes a value as JSON, as [`write_whole`] does.
///
/// # Errors
/// When it cannot be written; what was there before is still there.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec(value).map_err(std::io::Error::other).map_err(failed("write", path))?;
    write_whole(path, &json)
}

/// Syncs what others have written: a file, or all files of a folder, however deep. Links are not followed, and what is not
/// there needs none.
///
/// # Errors
/// When something cannot be synced.
pub fn sync_below(path: &Path) -> Result<()> {
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let sync = || -> std::io::Result<Vec<PathBuf>> {
            let about = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                about => about?,
            };
            if about.is_file() || about.is_dir() {
                File::open(&path)?.sync_all()?;
            }
            if !about.is_dir() {
                return Ok(Vec::new());
            }
            fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect()
        };
        left.extend(sync().map_err(failed("sync", &path))?);
    }
    Ok(())
}

/// What a file proves: nothing, when it is not there, or is empty or damaged.
#[must_use]
pub fn proof<T: DeserializeOwned>(path: &Path) -> Option<T> {
    read_json(path).ok().flatten()
}

/// The same, where it matters that a file which cannot be read at the moment proves nothing.
///
/// # Errors
/// When it is there and cannot be read, as with no descriptor left.
pub fn proven<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Reads a file of JSON; `None` when it is not there.
///
/// # Errors
/// When it cannot be read, or is no such JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes).map_err(std::io::Error::other).map_err(failed("read", path))?;
            Ok(Some(value))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}
