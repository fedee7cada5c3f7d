//! An installed provider: its folder, its program, and the hash by which Terraform's lock file
//! knows it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Terraform's hash of the files of a package, as opposed to that of its archive.
const HASH_SCHEME: &str = "h1:";

/// A provider as the lock file of a workspace names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// `registry.terraform.io/hashicorp/aws`
    pub address: String,
    /// `5.100.0`
    pub version: String,
    /// Where it is installed.
    pub folder: PathBuf,
    /// The hashes that the lock file allows.
    pub hashes: Vec<String>,
}

/// A provider's package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is another one than the lock file says.
    #[error("{address} {version} in {folder} has the hash {found}, and the lock file of this template revision allows only {allowed}", folder = folder.display())]
    OtherHash {
        /// The provider.
        address: String,
        /// Its version.
        version: String,
        /// Where it lies.
        folder: PathBuf,
        /// What it has.
        found: String,
        /// What it should have.
        allowed: String,
    },
    /// The lock file says nothing of its files.
    #[error("the lock file has no {HASH_SCHEME} hash of {0}: only archives are known, and those are gone")]
    NoHash(String),
    /// It cannot be read.
    #[error("cannot read the provider in {}: {cause}", folder.display())]
    Read {
        /// Where it lies.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is no program in it, or more than one.
    #[error("{} holds {count} programs terraform-provider-{name}*, and one was expected", folder.display())]
    Programs {
        /// Where it lies.
        folder: PathBuf,
        /// What the program is for.
        name: String,
        /// How many there are.
        count: usize,
    },
}

impl Provider {
    /// The program.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no single one.
    pub fn program(&self) -> Result<PathBuf, Error> {
        let name = self.address.rsplit('/').next().unwrap_or_default();
        let begins = format!("terraform-provider-{name}");
        let read = fs::read_dir(&self.folder).map_err(|cause| Error::Read { folder: self.folder.clone(), cause })?;
        let mut found: Vec<PathBuf> = read
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&begins)))
            .collect();
        match found.pop() {
            Some(program) if found.is_empty() => Ok(program),
            last => {
                let count = found.len() + usize::from(last.is_some());
                Err(Error::Programs { folder: self.folder.clone(), name: name.to_owned(), count })
            }
        }
    }

    /// The hash of its files, which must be one that the lock file allows. What was hashed once is
    /// not read again while size, times and inode of all its files stay (kept in `cache`).
    ///
    /// # Errors
    /// When it is another, or the files cannot be read.
    pub fn verified(&self, cache: &Path) -> Result<String, Error> {
        let allowed: Vec<&str> =
            self.hashes.iter().map(String::as_str).filter(|hash| hash.starts_with(HASH_SCHEME)).collect();
        if allowed.is_empty() {
            return Err(Error::NoHash(self.address.clone()));
        }
        let found = hash(&self.folder, cache).map_err(|cause| Error::Read { folder: self.folder.clone(), cause })?;
        if allowed.contains(&found.as_str()) {
            return Ok(found);
        }
        Err(Error::OtherHash {
            address: self.address.clone(),
            version: self.version.clone(),
            folder: self.folder.clone(),
            found,
            allowed: allowed.join(" or "),
        })
    }
}

/// A hash as a file's name.
pub(crate) fn file_name(hash: &str) -> String {
    hex(Sha256::digest(hash))
}

/// Bytes in hex.
pub(crate) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(folder: &Path, cache: &Path) -> io::Result<String> {
    let files = files(folder)?;
    let mut stamp = String::new();
    for (name, path) in &files {
        let about = fs::metadata(path)?;
        stamp.push_str(&format!(
            "{name} {} {} {} {}.{} {}.{}\n",
            about.dev(),
            about.ino(),
            about.size(),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec()
        ));
    }
    let kept = cache.join("hashes").join(file_name(&format!("{}\n{stamp}", folder.display())));
    if let Some(hash) = fs::read_to_string(&kept).ok().filter(|text| text.starts_with(HASH_SCHEME)) {
        return Ok(hash);
    }
    let mut list = String::new();
    for (name, path) in &files {
        let mut hasher = Sha256::new();
        io::copy(&mut fs::File::open(path)?, &mut HashWriter(&mut hasher))?;
        list.push_str(&format!("{}  {name}\n", hex(hasher.finalize())));
    }
    let hash = format!("{HASH_SCHEME}{}", STANDARD.encode(Sha256::digest(&list)));
    fs::create_dir_all(cache.join("hashes"))?;
    captd_process::write_whole(&kept, hash.as_bytes()).map_err(io::Error::other)?;
    Ok(hash)
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All files of a package by their names in it, in the order of the names; links followed.
fn files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
            if path.is_dir() {
                folders.push((format!("{name}/"), path));
            } else {
                found.push((name, path));
            }
        }
    }
    found.sort();
    Ok(found)
}
