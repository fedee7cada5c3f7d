//! Answers that depend on a provider's program alone, kept on the disk: its schema, and its
//! checks of provider blocks.
//!
//! **Invariant:** keeps no answer with an error, and no provider block: that one is passed is told
//! by a digest.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use captd_process::write_whole;
use sha2::{Digest, Sha256};

use crate::package::{file_name, hex};
use crate::protocol::{Call, Dialect, errors, stays_in_schema};
use crate::wire;

/// Field of a provider block in a check, and in the answer to it.
const BLOCK: u64 = 1;
/// Bytes of a type's schema in which its name is.
const BEGIN_BYTES: usize = 256;
/// Answers in memory that do not go on the disk.
const IN_MEMORY_MAX: usize = 1_000;

/// The kept answers of all programs.
#[derive(Debug)]
pub(crate) struct Answers {
    folder: PathBuf,
    /// Those with a warning or a block of their own: they may hold values.
    in_memory: Mutex<HashMap<String, Vec<u8>>>,
}

impl Answers {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), in_memory: Mutex::new(HashMap::new()) }
    }

    /// The protocol of a program and the file of its schema, if they are kept.
    pub(crate) fn schema(&self, hash: &str) -> Option<(Dialect, PathBuf)> {
        [Dialect::Five, Dialect::Six].into_iter().find_map(|dialect| {
            let path = self.schema_path(hash, dialect);
            path.exists().then_some((dialect, path))
        })
    }

    pub(crate) fn keep_schema(&self, hash: &str, dialect: Dialect, schema: &[u8]) -> captd_process::Result<PathBuf> {
        let path = self.schema_path(hash, dialect);
        make_parent(&path)?;
        write_whole(&path, schema)?;
        Ok(path)
    }

    fn schema_path(&self, hash: &str, dialect: Dialect) -> PathBuf {
        self.folder.join("schemas").join(format!("{}.{}", file_name(hash), dialect.number()))
    }

    /// The answer to a check, if an equal one was answered.
    pub(crate) fn check(&self, hash: &str, dialect: Dialect, request: &[u8]) -> Option<Vec<u8>> {
        let key = check_key(hash, request);
        if let Some(answer) = self.in_memory.lock().ok()?.get(&key) {
            return Some(answer.clone());
        }
        self.folder.join("checks").join(key).exists().then(|| plain_answer(dialect, request))?
    }

    /// Keeps the answer to a check, unless it has an error.
    pub(crate) fn keep_check(&self, hash: &str, dialect: Dialect, request: &[u8], answer: &[u8]) {
        if !errors(Call::Check, answer).is_empty() {
            return;
        }
        let key = check_key(hash, request);
        if plain_answer(dialect, request).is_some_and(|plain| plain == answer) {
            let path = self.folder.join("checks").join(key);
            // What cannot be kept is asked again.
            make_parent(&path).and_then(|()| write_whole(&path, b"")).ok();
        } else if let Ok(mut kept) = self.in_memory.lock() {
            if kept.len() >= IN_MEMORY_MAX {
                kept.clear();
            }
            kept.insert(key, answer.to_vec());
        }
    }
}

/// What a provider answers to a block that it finds right: the block itself, or, since protocol 6,
/// nothing.
fn plain_answer(dialect: Dialect, request: &[u8]) -> Option<Vec<u8>> {
    match dialect {
        Dialect::Six => Some(Vec::new()),
        Dialect::Five => {
            let fields = wire::fields(request)?;
            Some(fields.iter().find(|field| field.number == BLOCK)?.whole.to_vec())
        }
    }
}

fn check_key(hash: &str, request: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(file_name(hash));
    digest.update(request);
    hex(digest.finalize())
}

fn make_parent(path: &Path) -> captd_process::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(captd_process::failed("make", folder))
}

/// The schema of `path` for a terraform that needs the types that `wanted` holds, and its size
/// before. Of the others, only the names are read.
///
/// # Errors
/// When the file cannot be read or holds no schema.
pub(crate) fn cut(path: &Path, wanted: impl Fn(&str) -> bool) -> std::io::Result<(Bytes, usize)> {
    let none = || std::io::Error::other(format!("{} holds no schema", path.display()));
    let file = File::open(path)?;
    let size = usize::try_from(file.metadata()?.len()).map_err(std::io::Error::other)?;
    let (mut cut, mut at) = (Vec::new(), 0);
    while at < size {
        let mut begin = [0; BEGIN_BYTES];
        let read = file.read_at(&mut begin, at as u64)?;
        let (length, stays) = stays_in_schema(&begin[..read], &wanted).ok_or_else(none)?;
        if length > size - at {
            return Err(none());
        }
        if stays {
            let from = cut.len();
            cut.resize(from + length, 0);
            file.read_exact_at(&mut cut[from..], at as u64)?;
        }
        at += length;
    }
    Ok((Bytes::from(cut), size))
}
