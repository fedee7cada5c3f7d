//! Where the commands of a run work: a folder of the run's own, made fresh before the first of them begins and kept
//! until the run ends. What a run finds in it is its own; nothing that captd decides depends on it.
//!
//! **Invariant:** nothing is written into the folder once a command has begun in it. What changes later (values, what is
//! looked for) lies in captd's own folder of the run, and the work folder has links to it.
//! **Invariant:** whether the folder is whole, and by which init it works, stands where a run cannot write.
//! **Invariant:** no plan is made of a folder of an earlier boot: it is not synced, and what a power failure has emptied
//! there would be planned to be destroyed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Halt, Job, folders, internal, revision, step};
use crate::render::{IMPORTS_FILE, Rendered, TAGS_FILE, VALUES_FILE, imports, write_new};
use crate::supervisor;
use crate::supervisor::confine::work_dir;
use crate::terraform::lock;

/// Files that may change while a run is at work: the work folder has links to them.
const GIVEN: [&str; 3] = [VALUES_FILE, IMPORTS_FILE, TAGS_FILE];

/// Where a command works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Where `terraform init` has put what it needs. Only an init writes there.
    pub(super) initialised: PathBuf,
}

/// What captd notes of a work folder, when it is whole.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    initialised: PathBuf,
    /// In which boot it was made; empty in what an earlier captd has noted.
    #[serde(default)]
    boot: String,
}

/// What the folder is entered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Whatever is read there decides what is planned.
    Planning,
    /// The plan that was made there is applied: configuration and values lie in it, so the folder is kept across a boot, with
    /// what the plan has made there (`archive_file`). A file that the apply reads once more (`templatefile`, a source to be
    /// uploaded) may be emptied by a power failure that came in the seconds after it was written.
    Applying,
}

impl Work {
    /// A folder in which an init works.
    pub(super) fn of_init(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), initialised: folder.to_owned() }
    }

    /// The work folder of a run, where it is there and whole.
    pub(super) async fn found(job: &Job) -> Option<Self> {
        Self::made(job).await.map(|(work, _)| work)
    }

    /// The same, and in which boot it was made.
    async fn made(job: &Job) -> Option<(Self, String)> {
        // What cannot be read at the moment is not taken for a folder that is not there: it would be made anew.
        let made = step::until_done(|| supervisor::proven::<Made>(&folders::work_made(&job.run_dir))).await?;
        let folder = work_dir(&job.run_dir);
        // By name alone: it lies where no run can put anything in its place.
        folder.is_dir().then_some((Self { folder, initialised: made.initialised }, made.boot))
    }
}

/// Makes everything ready for the next command: the values, what init makes, and the work folder where it is not there
/// yet. `place` is where the init stands among the commands of the run, if there is one.
pub(super) async fn enter(job: &Job, what_for: For, place: &str, rendered: &Rendered) -> Result<Work, Halt> {
    let mut found = Work::made(job).await;
    // What lives proves the boot, also where that cannot be read.
    if let Some((_, boot)) = &found
        && what_for == For::Planning
        && *boot != supervisor::boot_id()
        && !supervisor::lives(&job.run_dir)
    {
        // Nor does anything count that was planned there.
        folders::forget_commands(&job.run_dir).map_err(|error| internal("cannot plan anew", &error))?;
        found = None;
    }
    give(job, rendered).map_err(|error| internal("cannot write the values of the run", &error))?;
    let found = found.map(|(work, _)| work);
    if let Some(work) = found.clone().filter(|work| revision::is_whole(&work.initialised)) {
        return Ok(work);
    }
    let initialised = revision::initialised(job, place, rendered).await?;
    if let Some(work) = found.filter(|work| work.initialised == initialised) {
        return Ok(work);
    }
    let folder = work_dir(&job.run_dir);
    // Half made, or of a run whose own folder somebody has removed.
    let stay = supervisor::remove_left(std::slice::from_ref(&folder), &folders::aside(&job.run_dir)).await;
    for (path, why) in stay {
        folders::tell_left(&path, &why);
    }
    make(job, &folder, &initialised, rendered).map_err(|error| internal("cannot make the work folder", &error))?;
    let made = Made { initialised: initialised.clone(), boot: supervisor::boot_id() };
    supervisor::write_json(&folders::work_made(&job.run_dir), &made)
        .map_err(|error| internal("cannot note the work folder", &error))?;
    Ok(Work { folder, initialised })
}

/// Writes what a run is given and what may change while it is at work.
fn give(job: &Job, rendered: &Rendered) -> io::Result<()> {
    let given = folders::given(&job.run_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(&given)?;
    if let Some(values) = rendered.files.get(VALUES_FILE) {
        let path = given.join(VALUES_FILE);
        if fs::read(&path).ok().is_none_or(|there| there != values.as_bytes()) {
            supervisor::write_whole(&path, values.as_bytes()).map_err(supervisor::Error::into_cause)?;
        }
    }
    // Planning changes these two.
    let tags = rendered.files.get(TAGS_FILE).cloned().unwrap_or_default();
    for (name, text) in [(IMPORTS_FILE, imports(&BTreeMap::new())), (TAGS_FILE, tags)] {
        if !given.join(name).exists() {
            supervisor::write_whole(&given.join(name), text.as_bytes()).map_err(supervisor::Error::into_cause)?;
        }
    }
    Ok(())
}

fn make(job: &Job, folder: &Path, initialised: &Path, rendered: &Rendered) -> io::Result<()> {
    let given = folders::given(&job.run_dir);
    write_new(folder, rendered.files.iter().filter(|(path, _)| !GIVEN.contains(&path.as_str())))?;
    let (from, to) = (initialised.join(".terraform"), folder.join(".terraform"));
    DirBuilder::new().mode(0o700).create(&to)?;
    for shared in ["providers", "modules"].into_iter().filter(|name| from.join(name).exists()) {
        symlink(from.join(shared), to.join(shared))?;
    }
    for own in [".terraform/terraform.tfstate", lock::FILE] {
        match fs::copy(initialised.join(own), folder.join(own)) {
            // A template without providers has no lock file.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for name in GIVEN {
        symlink(given.join(name), folder.join(name))?;
    }
    Ok(())
}
