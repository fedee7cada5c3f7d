//! Declarations as they lie in files, put together into one body, and the way back: which file a
//! problem is in.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::Usage;
use super::client::Error;
use crate::domain::document::unpacked;
use crate::domain::yaml::why;

const YAML: &str = "application/yaml";
const JSON: &str = "application/json";

/// What is handed in.
#[derive(Debug)]
pub(super) struct Declarations {
    /// One JSON document, or a stream of YAML ones.
    pub(super) body: Vec<u8>,
    pub(super) media_type: &'static str,
    sources: Vec<Source>,
}

/// One file.
#[derive(Debug)]
struct Source {
    name: String,
    is_json: bool,
    bytes: Vec<u8>,
}

/// Reads what `-f` names, in this order; a folder's files by name.
///
/// # Errors
/// When something cannot be read, or holds no file to apply.
pub(super) fn read(files: &[String]) -> Result<Declarations> {
    if files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Usage::error("-f -: standard input can be read once"));
    }
    let mut sources = Vec::new();
    for file in files {
        match file.as_str() {
            "-" => sources.push(standard_input()?),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                let text =
                    format!("-f {url}: captd does not fetch URLs; pipe it in: curl -fsSL {url} | captd apply -f -");
                return Err(Usage::error(text));
            }
            path if Path::new(path).is_dir() => sources.extend(folder(Path::new(path))?),
            path => sources.push(file_at(Path::new(path))?),
        }
    }
    Ok(Declarations::of(sources))
}

fn standard_input() -> Result<Source> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(Source { name: "standard input".to_owned(), is_json: false, bytes })
}

fn file_at(path: &Path) -> Result<Source> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source { name: path.display().to_string(), is_json: extension(path) == "json", bytes })
}

fn folder(path: &Path) -> Result<Vec<Source>> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.with_context(|| format!("cannot list {}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && matches!(extension(path).as_str(), "yaml" | "yml" | "json"))
        .collect();
    files.sort();
    if files.is_empty() {
        anyhow::bail!("{} holds no .yaml, .yml or .json file", path.display());
    }
    files.iter().map(|path| file_at(path)).collect()
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase()
}

impl Declarations {
    fn of(sources: Vec<Source>) -> Self {
        if let [only] = sources.as_slice() {
            let media_type = if only.is_json { JSON } else { YAML };
            return Self { body: only.bytes.clone(), media_type, sources };
        }
        let mut body = Vec::new();
        for source in &sources {
            if !body.is_empty() {
                if body.last() != Some(&b'\n') {
                    body.push(b'\n');
                }
                body.extend_from_slice(b"---\n");
            }
            // A byte order mark is one only where a stream begins.
            body.extend_from_slice(source.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&source.bytes));
        }
        Self { body, media_type: YAML, sources }
    }

    /// One that a command has made.
    pub(super) fn of_one(name: &str, document: &Value) -> Self {
        let bytes = document.to_string().into_bytes();
        Self::of(vec![Source { name: name.to_owned(), is_json: true, bytes }])
    }

    /// Says of each problem which file and document it is in. The daemon counts the documents of
    /// the whole body: `/3/spec/region`.
    pub(super) fn explain(&self, error: Error) -> anyhow::Error {
        let Error::Refused(mut problem) = error else { return error.into() };
        if problem.code == "malformed" && self.sources.len() > 1 {
            let broken = self.sources.iter().filter_map(|source| Some((source, source.documents().err()?)));
            let broken: Vec<String> = broken.map(|(source, why)| format!("\n  {}: {why}", source.name)).collect();
            problem.detail.push_str(&broken.concat());
        }
        for entry in &mut problem.errors {
            entry.pointer = self.place_of(&entry.pointer);
        }
        Error::Refused(problem).into()
    }

    /// The file and document of a pointer that begins with a document's number.
    pub(super) fn place_of(&self, pointer: &str) -> String {
        let split = pointer.strip_prefix('/').map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        let places = self.places();
        let place = split.and_then(|(index, rest)| Some((places.get(index.parse::<usize>().ok()?)?, rest)));
        match place {
            Some((place, "")) => place.clone(),
            Some((place, rest)) => format!("{place}: /{rest}"),
            None => pointer.to_owned(),
        }
    }

    /// The name of each document; none when they cannot be counted.
    fn places(&self) -> Vec<String> {
        let mut places = Vec::new();
        for source in &self.sources {
            let Ok(count) = source.documents() else { return Vec::new() };
            let name = &source.name;
            places.extend((1..=count).map(|n| if count == 1 { name.clone() } else { format!("{name}, document {n}") }));
        }
        places
    }
}

impl Source {
    /// How many documents it holds, lists unpacked as the daemon does.
    fn documents(&self) -> std::result::Result<usize, String> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| error.to_string())?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| why(&error))?;
        let size = |document: Value| if document.is_null() { 0 } else { unpacked(document).len() };
        Ok(documents.into_iter().map(size).sum())
    }
}
