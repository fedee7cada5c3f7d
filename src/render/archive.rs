//! A template as an archive: the files of a tar, plain or gzipped, and nothing else of it.
//!
//! **Invariant:** writes nothing, and holds no more of an archive than [`UNPACKED_BYTES_MAX`],
//! however much it claims to be.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::domain::problem::{Problems, pointer_to};

/// Bytes of an archive that was unpacked: four times what a template may have, for headers and padding.
const UNPACKED_BYTES_MAX: usize = 4 << 20;
/// Entries of an archive, folders among them.
const ENTRIES_MAX: usize = 1_000;
/// Bytes with which an archive ends: two blocks of zeros.
const END_BYTES: usize = 1_024;
/// Where the files of a template are in its declaration.
const AT: &str = "/spec/files";

/// Reads an archive: text by path below its root, or below the one folder in which all of it lies.
///
/// # Errors
/// All that is wrong with it; each problem names the entry.
pub fn unpack(bytes: &[u8], is_gzip: bool) -> Result<BTreeMap<String, String>, Problems> {
    let tar = if is_gzip { gunzip(bytes)? } else { bytes.to_vec() };
    if tar.len() > UNPACKED_BYTES_MAX {
        return Err(too_large());
    }
    if tar.len() < END_BYTES || tar[tar.len() - END_BYTES..].iter().any(|byte| *byte != 0) {
        let detail = "the archive has no end: it was cut short, or it is no tar (one that is gzipped is sent as application/gzip)";
        return Err(whole("malformed", detail));
    }
    let mut problems = Problems::default();
    let mut files = BTreeMap::new();
    let mut archive = Archive::new(Cursor::new(&tar));
    let entries = archive.entries().map_err(|error| malformed(&error))?;
    for (number, entry) in entries.enumerate() {
        if number >= ENTRIES_MAX {
            return Err(whole(
                "too_large",
                format!("the archive has more than {ENTRIES_MAX} entries; a template needs few"),
            ));
        }
        let mut entry = match entry {
            Ok(entry) => entry,
            // The entry before it may be named already: it was the one that is broken.
            Err(error) => return Err(if problems.is_empty() { malformed(&error) } else { problems }),
        };
        match read(&mut entry) {
            Ok(None) => {}
            Ok(Some((path, text))) => {
                if files.insert(path.clone(), text).is_some() {
                    let detail = format!("`{path}` stands in the archive twice; keep one of the two");
                    problems.add(pointer_to(AT, &path), "duplicate", detail);
                }
            }
            Err(Refused { path, code, detail }) => problems.add(pointer_to(AT, &path), code, detail),
        }
    }
    let end = usize::try_from(archive.into_inner().position()).unwrap_or(usize::MAX).min(tar.len());
    if tar[end..].iter().any(|byte| *byte != 0) {
        return Err(whole(
            "malformed",
            "something follows the end of the archive; send one archive, as `tar cf` writes it",
        ));
    }
    problems.into_result(without_common_folder(files))
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, Problems> {
    let mut out = Vec::new();
    let limit = u64::try_from(UNPACKED_BYTES_MAX).unwrap_or(u64::MAX);
    // One byte more tells that there is more.
    let read = MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut out);
    read.map_err(|error| whole("malformed", format!("the archive cannot be unpacked: {error}")))?;
    Ok(out)
}

/// An entry that is refused.
struct Refused {
    path: String,
    code: &'static str,
    detail: String,
}

/// The path and the text of an entry; `None` for one that holds none.
fn read(entry: &mut Entry<'_, Cursor<&Vec<u8>>>) -> Result<Option<(String, String)>, Refused> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(None);
    }
    let path = String::from_utf8(entry.path_bytes().into_owned());
    let path = path.map_err(|error| {
        let path = String::from_utf8_lossy(error.as_bytes()).into_owned();
        refused(&path, "invalid_path", "has a name that is no UTF-8; rename it")
    })?;
    let what = match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => None,
        EntryType::Symlink | EntryType::Link => Some("is a link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Some("is a device or a pipe"),
        _ => Some("is of a kind that a template has no use for"),
    };
    if let Some(what) = what {
        return Err(refused(&path, "not_a_file", &format!("{what}; a template's files are plain files")));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if path.starts_with('/') || parts.contains(&"..") {
        let detail = "leads out of the template's folder; name files as seen from its root";
        return Err(refused(&path, "invalid_path", detail));
    }
    if kind == EntryType::Directory {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let is_whole = entry.read_to_end(&mut bytes).is_ok_and(|read| u64::try_from(read).is_ok_and(|n| n == entry.size()));
    if !is_whole {
        return Err(refused(&path, "malformed", "is cut short; send the archive again"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let from = error.utf8_error().valid_up_to();
        refused(&path, "not_utf8", &format!("is no UTF-8 from byte {from} on; a template is made of texts"))
    })?;
    Ok(Some((parts.join("/"), text)))
}

fn refused(path: &str, code: &'static str, why: &str) -> Refused {
    Refused { path: path.to_owned(), code, detail: format!("`{path}` {why}") }
}

/// An archive of a folder from outside has all of it below the folder's name.
fn without_common_folder(files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let first = files.keys().next().and_then(|path| path.split_once('/')).map(|(first, _)| format!("{first}/"));
    match first {
        Some(folder) if files.keys().all(|path| path.starts_with(&folder)) => {
            files.into_iter().map(|(path, text)| (path[folder.len()..].to_owned(), text)).collect()
        }
        _ => files,
    }
}

fn whole(code: &'static str, detail: impl Into<String>) -> Problems {
    let mut problems = Problems::default();
    problems.add("", code, detail);
    problems
}

fn malformed(error: &std::io::Error) -> Problems {
    whole("malformed", format!("the archive cannot be read: {error}"))
}

fn too_large() -> Problems {
    whole(
        "too_large",
        format!("the archive unpacks to more than {UNPACKED_BYTES_MAX} bytes; leave out what is no template"),
    )
}
