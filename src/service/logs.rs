//! The log of a run: what Terraform said, read for people, step by step.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncSeekExt};
use uuid::Uuid;

use super::{Error, Result, Service};
use crate::supervisor;
use crate::terraform::events;

/// Steps whose output is for people, in their order; the others answer captd in JSON.
const SHOWN: [&str; 3] = ["1-init", "2-plan", "4-apply"];

/// How far a log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPart {
    /// What came since.
    pub text: String,
    /// Whether there can be no more.
    pub is_over: bool,
    offsets: [u64; 6],
    begun: [bool; 3],
    shown: u64,
}

impl Service {
    /// Reads on in a run's log from where `before` ended; whole lines only, until the run is over.
    ///
    /// # Errors
    /// When the run does not exist, or a file cannot be read.
    pub async fn log(&self, id: Uuid, before: &LogPart) -> Result<LogPart> {
        // First whether it is over, then its files: so nothing that was written before is missed.
        let run = self.run(id).await?;
        let mut part = LogPart { text: String::new(), is_over: !run.is_open(), ..before.clone() };
        let run_dir = self.run_dir(id);
        for (index, step) in SHOWN.iter().enumerate() {
            let folder = run_dir.join(step);
            let files = [folder.join(supervisor::STDOUT), folder.join(supervisor::STDERR)];
            if !part.begun[index] && files[0].exists() {
                part.begun[index] = true;
                let name = step.split_once('-').map_or(*step, |(_, name)| name);
                part.text.push_str(&format!("── terraform {name}\n"));
            }
            for (stream, path) in files.iter().enumerate() {
                let at = index * 2 + stream;
                self.read_on(path, at, &mut part).await?;
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
        Ok(part)
    }

    async fn read_on(&self, path: &Path, at: usize, part: &mut LogPart) -> Result<()> {
        let limit = u64::from(self.config.engine.log_bytes_max);
        let Some(bytes) = read_from(path, part.offsets[at], limit.saturating_sub(part.shown)).await? else {
            return Ok(());
        };
        let whole =
            if part.is_over { bytes.len() } else { bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1) };
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            if let Some(line) = events::text(line) {
                part.text.push_str(&line);
                part.text.push('\n');
            }
        }
        part.offsets[at] += whole as u64;
        let before = part.shown;
        part.shown += whole as u64;
        if part.shown >= limit && before < limit {
            part.text.push_str(&format!(
                "── the log is longer than engine.log_bytes_max ({limit}); the rest is in {}\n",
                path.display()
            ));
        }
        Ok(())
    }
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
