//! The log of a run: what Terraform said, read for people, step by step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::redaction::blocking;
use super::run_logs::{Position, read_from};
use super::{Error, Result, Service};
use crate::supervisor;
use crate::terraform::events;

/// Commands whose output is for people; the others answer captd in JSON.
const SHOWN: [&str; 5] = ["init", "plan", "import", "untaint", "apply"];

/// How far each file of a log was read.
type Positions = BTreeMap<PathBuf, Position>;

/// How far a log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPart {
    /// What came since.
    pub text: String,
    /// Whether there can be no more.
    pub is_over: bool,
    offsets: Positions,
    shown: u64,
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
        let (run_dir, secrets, until) = (self.run_dir(id), self.secrets_of(id), until.offsets.clone());
        let limit = u64::from(self.config.engine.log_bytes_max);
        blocking(move || {
            part.read_folders(&run_dir, limit, Some(&until))?;
            Ok(secrets.redact(&part.text))
        })
        .await
    }

    /// Reads on in a run's log from where `before` ended; whole lines only, until the run is over.
    ///
    /// # Errors
    /// When the run does not exist, or a file cannot be read.
    pub async fn log(&self, id: Uuid, before: &LogPart) -> Result<LogPart> {
        // First whether it is over, then its files: so nothing that was written before is missed.
        let run = self.run(id).await?;
        let mut part = LogPart { text: String::new(), is_over: !run.is_open(), ..before.clone() };
        let (run_dir, secrets) = (self.run_dir(id), self.secrets_of(id));
        let limit = u64::from(self.config.engine.log_bytes_max);
        blocking(move || {
            part.read_folders(&run_dir, limit, None)?;
            if let Some(failure) = run.failure().filter(|_| part.is_over) {
                part.text.push_str(&format!(
                    "── run failed ({})\n{}\n{}\n",
                    failure.class.as_str(),
                    failure.message,
                    failure.remedy
                ));
            }
            part.text = secrets.redact(&part.text);
            Ok(part)
        })
        .await
    }
}

impl LogPart {
    /// How far it was read, without what came.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { text: String::new(), ..self.clone() }
    }

    /// Whether `other` was read at least as far.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.offsets.iter().all(|(path, at)| other.offsets.get(path).is_some_and(|other| other.is_at_least(at)))
    }

    /// Reads on in all files, up to the places `until` where there are any.
    fn read_folders(&mut self, run_dir: &Path, limit: u64, until: Option<&Positions>) -> Result<()> {
        for folder in shown_folders(run_dir)? {
            let files = [folder.join(supervisor::STDOUT), folder.join(supervisor::STDERR)];
            let is_there = until.map_or_else(|| files[0].exists(), |until| until.contains_key(&files[0]));
            if !self.offsets.contains_key(&files[0]) && is_there {
                self.offsets.insert(files[0].clone(), Position::default());
                self.text.push_str(&format!("── terraform {}\n", command_of(&folder)));
            }
            for path in files {
                let until = until.map(|until| until.get(&path).cloned().unwrap_or_default());
                self.read_on(&path, limit, until.as_ref())?;
            }
        }
        Ok(())
    }

    fn read_on(&mut self, path: &Path, limit: u64, until: Option<&Position>) -> Result<()> {
        let mut position = self.offsets.get(path).cloned().unwrap_or_default();
        let read = read_from(path, &mut position, until, limit.saturating_sub(self.shown))
            .map_err(|cause| Error::File { doing: format!("cannot read the log {}", path.display()), cause })?;
        let Some(bytes) = read else { return Ok(()) };
        // A line that the limit cuts is left out: of half a secret nobody would know that it is one.
        let is_cut = self.shown + bytes.len() as u64 >= limit;
        let whole = match bytes.iter().rposition(|b| *b == b'\n') {
            _ if self.is_over && !is_cut => bytes.len(),
            end => end.map_or(0, |end| end + 1),
        };
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            if let Some(line) = events::text(line) {
                self.text.push_str(&line);
                self.text.push('\n');
            }
        }
        self.offsets.insert(path.to_owned(), position.behind(&bytes[..whole]));
        let before = self.shown;
        self.shown = if is_cut { limit } else { self.shown + whole as u64 };
        if self.shown >= limit && before < limit {
            self.text.push_str(&format!(
                "── the log is longer than engine.log_bytes_max ({limit}); the rest is in {}\n",
                path.display()
            ));
        }
        Ok(())
    }
}

/// The folders of a run's commands that are shown, in their order.
fn shown_folders(run_dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |cause| Error::File { doing: format!("cannot read the folder {}", run_dir.display()), cause };
    let entries = match std::fs::read_dir(run_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        folders.push(entry.map_err(failed)?.path());
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
