//! What a failed apply may have made that stands in no state and cannot be looked for. Another try might make it twice.

use std::io::{ErrorKind, SeekFrom};

use tokio::io::{AsyncReadExt, AsyncSeekExt};
use uuid::Uuid;

use super::{Error, Result, Service};
use crate::domain::failure::Failure;
use crate::domain::run::{Kind, State};
use crate::domain::state::addresses;
use crate::supervisor;
use crate::terraform::events;

/// Bytes of an apply's log that are searched for what it has made.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// Providers whose resources exist in the state alone.
const OF_THE_STATE: [&str; 5] = ["terraform", "null", "random", "time", "tls"];

impl Service {
    /// Addresses of what the apply of a run has begun to create and may have made: not those that the state has, those
    /// that the next run looks for, and those that were refused.
    pub(super) async fn unsure_after(&self, id: Uuid, failure: &Failure) -> Result<Vec<String>> {
        let run = self.run(id).await?;
        if run.kind != Kind::Apply || !matches!(run.state, State::Applying(_)) {
            return Ok(Vec::new());
        }
        let log = self.log_of_apply(id).await?;
        let mut begun = events::unfinished_creations(&log);
        begun.retain(|address, provider| {
            let said = events::errors_of(&log, address);
            let is_safe = if said.is_empty() {
                failure.is_safe_to_repeat()
            } else {
                said.into_iter().all(|text| Failure::classified(text).is_safe_to_repeat())
            };
            !is_safe && !OF_THE_STATE.contains(&provider.as_str())
        });
        if begun.is_empty() {
            return Ok(Vec::new());
        }
        let recorded = self.state(run.workspace).await?.map(|state| addresses(&state)).unwrap_or_default();
        // Where it cannot be told what is looked for, nothing is.
        let looked_for = self.prepare(&run).await?.map(|prepared| prepared.looked_for).unwrap_or_default();
        Ok(begun.into_keys().filter(|it| !recorded.contains(it) && !looked_for.contains(it)).collect())
    }

    /// What terraform said of the apply of a run, as far as captd looks into logs.
    async fn log_of_apply(&self, id: Uuid) -> Result<String> {
        let path = self.run_dir(id).join("4-apply").join(supervisor::STDOUT);
        let read = async {
            let mut file = tokio::fs::File::open(&path).await?;
            let length = file.metadata().await?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX))).await?;
            let mut bytes = Vec::new();
            file.take(LOG_BYTES_MAX).read_to_end(&mut bytes).await?;
            Ok::<_, std::io::Error>(bytes)
        };
        match read.await {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(cause) => Err(Error::File { doing: format!("cannot read the log {}", path.display()), cause }),
        }
    }
}
