//! What the applies at work have under way, as their logs say: each log is read once, and from then on only what came.
//!
//! **Invariant:** of a log, however long, no more is in memory than a line and what terraform does.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::redaction::blocking;
use super::run_logs::open;
use super::{Error, Result, Service};
use crate::domain::run::{Run, State};
use crate::supervisor;
use crate::terraform::applying::Applying;

/// Bytes of a line that is looked at; terraform's own of what it begins and ends have some hundred.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Logs that are remembered; what is read of more is read anew.
const LOGS_MAX: usize = 256;

/// How far the logs of applies were read, by run.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<BTreeMap<Uuid, Arc<Mutex<Log>>>>);

/// One log, and how far it was read.
#[derive(Debug, Default)]
struct Log {
    /// Which file that is: another takes its name when it is redacted.
    inode: u64,
    bytes: u64,
    said: Applying,
}

impl Followed {
    fn of(&self, run: Uuid) -> Arc<Mutex<Log>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= LOGS_MAX && !all.contains_key(&run) {
            // The oldest: ids begin with the time.
            all.pop_first();
        }
        Arc::clone(all.entry(run).or_default())
    }

    /// Lets go of what was read for a run that is over.
    pub(super) fn forget(&self, run: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }
}

impl Service {
    /// What a run that applies has begun and not ended: `create aws_eks_node_group.this`. Until that is over,
    /// it stands in no state.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub async fn under_way(&self, run: &Run) -> Result<Vec<String>> {
        if !matches!(run.state, State::Applying(_)) {
            return Ok(Vec::new());
        }
        let said = self.said_by_apply(run.id).await?;
        Ok(said.under_way().iter().map(|(address, action)| format!("{action} {address}")).collect())
    }

    /// What terraform has said so far of the apply of a run.
    pub(super) async fn said_by_apply(&self, id: Uuid) -> Result<Applying> {
        let path = self.run_dir(id).join(supervisor::APPLY).join(supervisor::STDOUT);
        let log = self.followed.of(id);
        blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let failed = |cause| Error::File { doing: format!("cannot read the log {}", path.display()), cause };
            log.read_on(&path).map_err(failed)?;
            Ok(log.said.clone())
        })
        .await
    }
}

impl Log {
    /// Takes in what came since: whole lines only.
    fn read_on(&mut self, path: &Path) -> io::Result<()> {
        let Some(file) = open(path)? else { return Ok(()) };
        let inode = file.metadata()?.ino();
        if self.inode != inode {
            *self = Self { inode, ..Self::default() };
        }
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(self.bytes))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut length = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            let is_long = line.last() != Some(&b'\n') && length == LINE_BYTES_MAX;
            if is_long {
                // None of terraform's own; the rest of it is passed over.
                length += reader.skip_until(b'\n')? as u64;
            } else if line.last() != Some(&b'\n') {
                return Ok(());
            } else {
                self.said.take(&String::from_utf8_lossy(&line));
            }
            self.bytes += length;
        }
    }
}
