//! `terraform init`, once for each revision: whoever comes first does it, in a folder of the
//! revision, and every workspace of it carries the lock file and links to the rest.
//!
//! **Invariant:** at most one init is at work in a revision's folder, whichever daemon began it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::step::{self, Stepper};
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

/// Makes the job's workspace ready for every other command. `place` is where the init stands among
/// the commands of the run, if there is one.
pub(super) async fn initialise(stepper: &Stepper<'_>, place: &str, rendered: &Rendered) -> Result<(), Halt> {
    let job = stepper.job;
    let revision = &job.revision_dir;
    fs::create_dir_all(revision).map_err(|error| internal("cannot make the folder of the revision", &error))?;
    let held = held(job).await?;
    if !is_initialised(revision, rendered) {
        let ours = folders::step_dir(&job.run_dir, place, Command::Init.name());
        wait_for_another(revision, &ours).await?;
        materialise(revision, &without_values(rendered.clone()))
            .map_err(|error| internal("cannot write the revision", &error))?;
        write_whole(&revision.join(BY), ours.as_os_str().as_encoded_bytes())
            .map_err(|error| internal("cannot mark the revision", &error))?;
        init(&stepper.in_folder(revision), place, rendered).await?;
    }
    drop(held);
    if job.state.as_ref().is_none_or(|state| has_all(revision, &state.providers)) {
        return link(revision, &job.workspace_dir)
            .and_then(|()| mark(&job.workspace_dir, rendered))
            .map_err(|error| internal("cannot link the workspace to its revision", &error));
    }
    // Its state needs what its configuration does not name any more.
    init(stepper, &format!("{place}.1"), rendered).await
}

/// One init. One that fails may leave half-written files (seen: an empty
/// `.terraform/terraform.tfstate`) at which every later one would fail, so they go.
async fn init(stepper: &Stepper<'_>, place: &str, rendered: &Rendered) -> Result<(), Halt> {
    let folder = stepper.folder();
    if let Err(halt) = stepper.run(place, &Command::Init).await {
        remove(&folder.join(".terraform")).ok();
        return Err(halt);
    }
    mark(folder, rendered).map_err(|error| internal("cannot mark what was initialised", &error))
}

fn is_initialised(folder: &Path, rendered: &Rendered) -> bool {
    fs::read_to_string(folder.join(INITIALISED)).is_ok_and(|digest| digest == rendered.structure)
}

fn mark(folder: &Path, rendered: &Rendered) -> io::Result<()> {
    write_whole(&folder.join(INITIALISED), rendered.structure.as_bytes()).map_err(io::Error::other)
}

fn without_values(mut rendered: Rendered) -> Rendered {
    rendered.files.remove(VALUES_FILE);
    rendered
}

/// The lock of the revision, once no other run has it.
async fn held(job: &Job) -> Result<File, Halt> {
    let path = job.revision_dir.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).open(&path);
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

/// Gives a workspace what its revision has.
fn link(revision: &Path, workspace: &Path) -> io::Result<()> {
    let (from, to) = (revision.join(".terraform"), workspace.join(".terraform"));
    remove(&to)?;
    fs::create_dir(&to)?;
    for shared in ["providers", "modules"].into_iter().filter(|name| from.join(name).exists()) {
        symlink(from.join(shared), to.join(shared))?;
    }
    for own in [".terraform/terraform.tfstate", lock::FILE] {
        match fs::copy(revision.join(own), workspace.join(own)) {
            Ok(_) => {}
            // A template without providers has no lock file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => remove(&workspace.join(own))?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_symlink() || path.is_file() { fs::remove_file(path) } else { fs::remove_dir_all(path) };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
