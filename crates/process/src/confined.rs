//! Confinement by the kernel: Landlock, put on a thread of its own, from which the command is
//! started. What a thread may not do, its children may not do; the other threads keep their rights.
//!
//! **Invariant:** a command that is to be confined is never started unconfined.

use std::ffi::OsStr;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use serde::{Deserialize, Serialize};

/// The newest version of the kernel's interface that this was tested with. An older kernel
/// enforces what it knows.
const TESTED: ABI = ABI::V7;

/// The first version that keeps signals inside.
const SIGNALS_SINCE: i32 = 6;

/// Of root's powers, those that are about its own files and users. Others lead around Landlock:
/// `PERFMON` alone shows the environment of every process.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID);

/// A version of the kernel's interface, from 1.
pub type Version = i32;

/// What a command may touch, and it and all that it starts may touch nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Files and folders to read and execute. What is not there is skipped.
    pub read: Vec<PathBuf>,
    /// Files and folders to write, too.
    pub write: Vec<PathBuf>,
    /// Its private folder for temporary files: made before it begins.
    pub tmp: PathBuf,
    /// A file to write whose folder is not writable: made, empty, before it begins.
    pub file: Option<PathBuf>,
}

impl Confinement {
    /// The same, with a file to write whose folder is not writable.
    #[must_use]
    pub fn writing(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The same, with a file to read.
    #[must_use]
    pub fn reading(mut self, file: &Path) -> Self {
        self.read.push(file.to_owned());
        self
    }
}

/// What this version of the interface cannot do that a newer one can.
#[must_use]
pub fn missing_in(version: Version) -> Option<&'static str> {
    (version < SIGNALS_SINCE).then_some("signals to other processes are not kept back before Linux 6.12")
}

/// Tries whether the kernel confines: the real thing, on a thread that ends with it.
///
/// # Errors
/// A sentence that says what is missing.
pub fn landlock() -> std::result::Result<Version, String> {
    let status = on_its_own_thread(|| restrict(std::iter::empty::<&Path>(), std::iter::empty()));
    let status = status.map_err(|error| format!("the kernel refuses Landlock ({error})"))?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::NotImplemented, _) => Err(
            "the kernel offers no Landlock: it takes Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and no container that forbids it"
                .to_owned(),
        ),
        (LandlockStatus::NotEnabled, _) => {
            Err("the kernel has Landlock, but it is not enabled: add `landlock` to lsm= of the kernel's command line".to_owned())
        }
        (_, RulesetStatus::NotEnforced) => Err("the kernel has Landlock, and does not enforce it".to_owned()),
        (LandlockStatus::Available { effective_abi, kernel_abi }, _) => Ok(kernel_abi.unwrap_or(effective_abi as i32)),
    }
}

/// Starts `command` with these rights and no others.
///
/// # Errors
/// When it cannot be confined or cannot be started; then nothing was.
pub fn start(command: &mut Command, rights: &Confinement) -> Result<Child> {
    DirBuilder::new().recursive(true).mode(0o700).create(&rights.tmp)?;
    if let Some(file) = &rights.file {
        OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    }
    let program = find_program(command.get_program());
    command.env("TMPDIR", &rights.tmp);
    on_its_own_thread(|| {
        let read = rights.read.iter().map(PathBuf::as_path).chain(program.as_deref());
        let write = rights.write.iter().chain(&rights.file).map(PathBuf::as_path);
        give_up_capabilities()?;
        let status = restrict(read, write)?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err(Error::new(ErrorKind::Unsupported, "the kernel does not confine it"));
        }
        command.spawn()
    })
}

/// Takes every right to files from this process but these: `read` may be read, `write` read and written. Call it while
/// the process has one thread. Where the kernel cannot confine, nothing happens.
///
/// # Errors
/// When the kernel can, and refuses.
pub fn confine_self(read: &[&Path], write: &[&Path]) -> Result<()> {
    give_up_capabilities()?;
    restrict(read.iter().copied(), write.iter().copied()).map(drop)
}

fn on_its_own_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work)?;
        thread.join().map_err(|_| Error::other("the thread that confines has panicked"))?
    })
}

/// Takes root's other powers from this thread. With no new privileges allowed, as Landlock has it,
/// no program that it starts gets them back.
fn give_up_capabilities() -> Result<()> {
    let CapabilitySets { effective, permitted, inheritable } = capabilities(None)?;
    let fewer =
        CapabilitySets { effective: effective & KEPT, permitted: permitted & KEPT, inheritable: inheritable & KEPT };
    Ok(set_capabilities(None, fewer)?)
}

/// Takes every right from this thread but these. Paths that cannot be opened are skipped: that
/// gives less, never more.
fn restrict<'a>(
    read: impl Iterator<Item = &'a Path>,
    write: impl Iterator<Item = &'a Path>,
) -> Result<RestrictionStatus> {
    let all = AccessFs::from_all(TESTED);
    // A device that root makes in its own folder would open the disk under everything.
    let own: BitFlags<AccessFs> = all & !(AccessFs::MakeBlock | AccessFs::MakeChar);
    let restricted = Ruleset::default()
        .handle_access(all)
        .and_then(|ruleset| ruleset.scope(Scope::from_all(TESTED)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(read, AccessFs::from_read(TESTED))))
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(write, own)))
        .and_then(landlock::RulesetCreated::restrict_self);
    restricted.map_err(|error| Error::other(format!("cannot confine it: {error}")))
}

/// The file of a program, as it would be found now: itself, or the first of its name on the PATH.
#[must_use]
pub fn find_program(name: &OsStr) -> Option<PathBuf> {
    program(name, std::env::var_os("PATH").as_deref())
}

/// The file of a program: itself, or the first of its name on the PATH. Links lead to what they
/// point at.
fn program(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_path = Path::new(name).components().count() > 1;
    let mut found = std::env::split_paths(path.unwrap_or_default()).map(|folder| folder.join(name));
    if is_path { Some(PathBuf::from(name)) } else { found.find(|file| file.is_file()) }
}
