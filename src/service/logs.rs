//! The log of a run: what Terraform said, read for people, step by step.

use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncSeekExt};
use uuid::Uuid;

use super::{Error, Result, Service};
use crate::supervisor;
use crate::terraform::events;

/// Commands whose output is for people; the others answer captd in JSON.
const SHOWN: [&str; 5] = ["init", "plan", "import", "untaint", "apply"];

/// How far a log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPart {
    /// What came since.
    pub text: String,
    /// Whether there can be no more.
    pub is_over: bool,
    offsets: BTreeMap<PathBuf, u64>,
    shown: u64,
}

impl LogPart {
    /// How far it was read, without what came.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { text: String::new(), ..self.clone() }
    }
}

impl Service {
    /// What stands in a run's log between two places to which it was read.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn log_until(&self, id: Uuid, before: &LogPart, until: &LogPart) -> Result<String> {
        let mut part = LogPart { is_over: false, ..before.place() };
        if part.offsets == until.offsets {
            return Ok(String::new());
        }
        for folder in shown_folders(&self.run_dir(id)).await? {
            let files = [folder.join(supervisor::STDOUT), folder.join(supervisor::STDERR)];
            if !part.offsets.contains_key(&files[0]) && until.offsets.contains_key(&files[0]) {
                part.offsets.insert(files[0].clone(), 0);
                part.text.push_str(&format!("── terraform {}\n", command_of(&folder)));
            }
            for path in files {
                let end = until.offsets.get(&path).copied().unwrap_or_default();
                self.read_on(&path, &mut part, end).await?;
            }
        }
        Ok(self.secrets_of(id).redact(&part.text))
    }

    /// Reads on in a run's log from where `before` ended; whole lines only, until the run is over.
    ///
    /// # Errors
    /// When the run does not exist, or a file cannot be read.
    pub async fn log(&self, id: Uuid, before: &LogPart) -> Result<LogPart> {
        // First whether it is over, then its files: so nothing that was written before is missed.
        let run = self.run(id).await?;
        let mut part = LogPart { text: String::new(), is_over: !run.is_open(), ..before.clone() };
        for folder in shown_folders(&self.run_dir(id)).await? {
            let files = [folder.join(supervisor::STDOUT), folder.join(supervisor::STDERR)];
            if !part.offsets.contains_key(&files[0]) && files[0].exists() {
                part.offsets.insert(files[0].clone(), 0);
                part.text.push_str(&format!("── terraform {}\n", command_of(&folder)));
            }
            for path in files {
                self.read_on(&path, &mut part, u64::MAX).await?;
            }
        }
        if let Some(failure) = run.failure().filter(|_| part.is_over) {
            part.text.push_str(&format!(
                "── run failed ({})\n{}\n{}\n",
                failure.class.as_str(),
                failure.message,
                failure.remedy
            ));
        }
        part.text = self.secrets_of(id).redact(&part.text);
        Ok(part)
    }

    /// Reads on in a file, up to `end` at most.
    async fn read_on(&self, path: &Path, part: &mut LogPart, end: u64) -> Result<()> {
        let limit = u64::from(self.config.engine.log_bytes_max);
        let offset = part.offsets.get(path).copied().unwrap_or_default();
        let bytes_max = limit.saturating_sub(part.shown).min(end.saturating_sub(offset));
        let Some(bytes) = read_from(path, offset, bytes_max).await? else {
            return Ok(());
        };
        // A line that the limit cuts is left out: of half a secret nobody would know that it is one.
        let is_cut = part.shown + bytes.len() as u64 >= limit;
        let whole = match bytes.iter().rposition(|b| *b == b'\n') {
            _ if part.is_over && !is_cut => bytes.len(),
            end => end.map_or(0, |end| end + 1),
        };
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            if let Some(line) = events::text(line) {
                part.text.push_str(&line);
                part.text.push('\n');
            }
        }
        part.offsets.insert(path.to_owned(), offset + whole as u64);
        let before = part.shown;
        part.shown = if is_cut { limit } else { part.shown + whole as u64 };
        if part.shown >= limit && before < limit {
            part.text.push_str(&format!(
                "── the log is longer than engine.log_bytes_max ({limit}); the rest is in {}\n",
                path.display()
            ));
        }
        Ok(())
    }
}

/// The folders of a run's commands that are shown, in their order.
async fn shown_folders(run_dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |cause| Error::File { doing: format!("cannot read the folder {}", run_dir.display()), cause };
    let mut entries = match tokio::fs::read_dir(run_dir).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut folders = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        folders.push(entry.path());
    }
    folders.retain(|folder| SHOWN.contains(&command_of(folder)));
    folders.sort();
    Ok(folders)
}

/// `2-plan` → `plan`.
fn command_of(folder: &Path) -> &str {
    let name = folder.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.split_once('-').map_or(name, |(_, command)| command)
}

/// At most `bytes_max` of a file from `offset` on; `None` when the file is not there.
async fn read_from(path: &Path, offset: u64, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let read = async {
        let mut file = tokio::fs::File::open(path).await?;
        file.seek(SeekFrom::Start(offset)).await?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes).await?;
        Ok(bytes)
    };
    match read.await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => {
            Err(Error::File { doing: format!("cannot read the log {}", PathBuf::from(path).display()), cause })
        }
    }
}
