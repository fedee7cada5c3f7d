//! `terraform init`, once for each revision: whoever comes first does it, in a folder of the revision, and every run has
//! links to what it has made. A state that needs providers which its configuration does not name any more has an init of
//! its own, by the revision and these providers.
//!
//! **Invariant:** at most one init is at work in such a folder, whichever daemon began it.
//! **Invariant:** nothing but an init writes there.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::step::{self, OnStop, Stepper};
use super::work::Work;
use super::{Halt, Job, folders, internal};
use crate::render::{INITIALISED, Rendered, VALUES_FILE, materialise};
use crate::supervisor::{self, write_whole};
use crate::terraform::argv::Command;
use crate::terraform::lock;

/// Names the folder of the command that was the last one to begin an init here.
const BY: &str = ".captd-init-by";
/// Held by whoever looks after an init here.
const LOCK: &str = ".captd-lock";
/// How often it is looked whether another run is done with its init.
const LOOK: Duration = Duration::from_millis(50);

/// The folder of an init that has all that the job needs, made when it is not there. `place` is where the init stands
/// among the commands of the run, if there is one.
pub(super) async fn initialised(job: &Job, place: &str, rendered: &Rendered) -> Result<PathBuf, Halt> {
    let revision = &job.revision_dir;
    ensure(job, revision, place, rendered).await?;
    if job.state.as_ref().is_none_or(|state| has_all(revision, &state.providers)) {
        return Ok(revision.clone());
    }
    ensure(job, &job.state_revision_dir, &format!("{place}.1"), rendered).await?;
    Ok(job.state_revision_dir.clone())
}

/// Whether an init has come to its end in a folder, and what it made is there.
pub(super) fn is_whole(folder: &Path) -> bool {
    folder.join(INITIALISED).is_file() && folder.join(".terraform").is_dir()
}

async fn ensure(job: &Job, folder: &Path, place: &str, rendered: &Rendered) -> Result<(), Halt> {
    if is_initialised(folder, rendered) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| internal("cannot make the folder of the revision", &error))?;
    let held = held(job, folder).await?;
    if !is_initialised(folder, rendered) {
        let ours = folders::step_dir(&job.run_dir, place, Command::Init.name());
        wait_for_another(folder, &ours).await?;
        materialise(folder, &without_values(rendered.clone()))
            .map_err(|error| internal("cannot write the revision", &error))?;
        write_whole(&folder.join(BY), ours.as_os_str().as_encoded_bytes())
            .map_err(|error| internal("cannot mark the revision", &error))?;
        init(job, folder, place, rendered).await?;
    }
    drop(held);
    Ok(())
}

/// One init. One that fails may leave half-written files (seen: an empty
/// `.terraform/terraform.tfstate`) at which every later one would fail, so they go.
async fn init(job: &Job, folder: &Path, place: &str, rendered: &Rendered) -> Result<(), Halt> {
    let stepper = Stepper::new(job, OnStop::InterruptThenKill, Work::of_init(folder));
    if let Err(halt) = stepper.run(place, &Command::Init).await {
        fs::remove_dir_all(folder.join(".terraform")).ok();
        return Err(halt);
    }
    // Once for each revision. Providers are checked by the lock file at each start; modules by nobody.
    let (at, structure) = (folder.to_owned(), rendered.structure.clone());
    let marked = tokio::task::spawn_blocking(move || mark(&at, &structure)).await;
    marked
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| internal("cannot mark what was initialised", &error))
}

fn is_initialised(folder: &Path, rendered: &Rendered) -> bool {
    is_whole(folder) && fs::read_to_string(folder.join(INITIALISED)).is_ok_and(|digest| digest == rendered.structure)
}

/// What the mark vouches for is on the disk before it: a run whose modules a power failure has emptied would destroy what
/// they have made.
fn mark(folder: &Path, structure: &str) -> io::Result<()> {
    for needed in [".terraform/modules", ".terraform/terraform.tfstate", lock::FILE] {
        supervisor::sync_below(&folder.join(needed)).map_err(supervisor::Error::into_cause)?;
    }
    write_whole(&folder.join(INITIALISED), structure.as_bytes()).map_err(supervisor::Error::into_cause)
}

fn without_values(mut rendered: Rendered) -> Rendered {
    rendered.files.remove(VALUES_FILE);
    rendered
}

/// The lock of the folder, once no other run has it.
async fn held(job: &Job, folder: &Path) -> Result<File, Halt> {
    let file = OpenOptions::new().create(true).append(true).open(folder.join(LOCK));
    let file = file.map_err(|error| internal("cannot open the lock of the revision", &error))?;
    while file.try_lock().is_err() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = job.requests.stop.cancelled() => return Err(Halt::Stopped),
        }
    }
    Ok(file)
}

/// Waits for an init that an earlier daemon has begun for another run.
async fn wait_for_another(revision: &Path, ours: &Path) -> Result<(), Halt> {
    let Ok(by) = fs::read_to_string(revision.join(BY)) else { return Ok(()) };
    let Some(attached) = supervisor::attach(Path::new(&by)).filter(|_| Path::new(&by) != ours) else { return Ok(()) };
    step::proven_end(&attached).await;
    Ok(())
}

/// Whether the revision has every provider that a state needs.
fn has_all(revision: &Path, wanted: &BTreeSet<String>) -> bool {
    let text = fs::read_to_string(revision.join(lock::FILE)).unwrap_or_default();
    let there = lock::parse(&text).unwrap_or_default();
    wanted.iter().all(|address| there.iter().any(|locked| locked.address == *address))
}
