//! Rendering an upload for the first time, in a process that may take little and can be ended: what
//! loops or doubles itself without end would take the daemon along.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{Error, Result, Service, trials_dir};
use crate::domain::problem::{Problems, pointer_to};
use crate::supervisor::{self, REHEARSAL_BYTES_MAX, REHEARSAL_CPU_SECONDS_MAX};

/// The files of the upload, as JSON.
pub const REHEARSED: &str = "files.json";
/// The path of the file that is rendered.
pub const RENDERED_NOW: &str = "now";
/// Rehearsals at the same time; a further one waits for its turn.
pub(super) const REHEARSALS_AT_ONCE: usize = 2;
/// How long a rehearsal may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

impl Service {
    /// Renders the files of an upload where that does no harm; `at` is their pointer.
    ///
    /// # Errors
    /// The outer one when it cannot be tried; the inner one when it takes too much.
    pub(super) async fn rehearse(
        &self,
        files: &BTreeMap<String, String>,
        at: &str,
    ) -> Result<std::result::Result<(), Problems>> {
        if !files.keys().any(|path| path.strip_suffix(".tera").is_some()) {
            return Ok(Ok(()));
        }
        let _turn = self.rehearsals.acquire().await.expect("invariant: nobody closes this semaphore");
        let trials = trials_dir(&self.config);
        let failed = |cause: io::Error| Error::File { doing: format!("rehearse in {}", trials.display()), cause };
        // It goes with whoever waits for it.
        let folder = write(&trials, files).map_err(failed)?;
        let ended = supervisor::rehearse(folder.path(), &self.plain_environment(), PATIENCE).await;
        let now = std::fs::read_to_string(folder.path().join(RENDERED_NOW)).unwrap_or_default();
        let Err(why) = ended else { return Ok(Ok(())) };
        if now.is_empty() {
            return Err(failed(io::Error::other(why)));
        }
        let mut problems = Problems::default();
        let detail = format!(
            "{now}: to render it takes more than {REHEARSAL_CPU_SECONDS_MAX} s or {} MiB; let it loop less, and double no text",
            REHEARSAL_BYTES_MAX >> 20
        );
        problems.add(pointer_to(at, &now), "not_rendered", detail);
        Ok(Err(problems))
    }
}

fn write(trials: &Path, files: &BTreeMap<String, String>) -> io::Result<TempDir> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(trials)?;
    let folder = TempDir::new_in(trials)?;
    std::fs::write(folder.path().join(REHEARSED), serde_json::to_vec(files)?)?;
    Ok(folder)
}
