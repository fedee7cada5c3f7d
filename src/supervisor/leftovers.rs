//! What lies in a folder that a run may write: read and removed by a child of captd that has rights to nothing else,
//! and that can be ended. The daemon itself opens nothing there.
//!
//! **Invariant:** whatever lies there, the daemon neither waits for it without a limit, nor reads without one, nor ends
//! because of it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use captd_process::{Beneath, Stuck, confine_self};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::shim::OWN_PROGRAM;

/// Its word on the command line.
const WORD: &str = "leftovers";
/// Reads a file.
const READ: &str = "read";
/// Removes everything.
const EMPTY: &str = "empty";

/// How long a file may take to be read.
const READING: Duration = Duration::from_mins(1);
/// How long a folder may take to be emptied.
const EMPTYING: Duration = Duration::from_mins(10);
/// Bytes of memory for the child, its program among them: the file passes through.
const CHILD_BYTES_MAX: u64 = 1 << 30;
/// Bytes that are taken of what the child says.
const SAID_BYTES_MAX: u64 = 64 << 10;
/// Folders of one name that are set aside.
const ASIDE_MAX: u32 = 1_000;
/// What is not there.
const NOT_THERE: u8 = 3;
/// What is no file that can ever be read.
const NOT_TO_BE_READ: u8 = 4;
/// What has more bytes than are read.
const TOO_LARGE: u8 = 5;

/// Reads a file directly in a folder that a run may write; `None` when it is not there.
///
/// # Errors
/// `InvalidData` when it is not a regular file, or nobody may read it; `FileTooLarge` when it has more than `bytes_max`;
/// another when it cannot be read for now, as when the child is ended.
pub async fn read(folder: &Path, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    // To look whether there is anything opens nothing, and mostly there is nothing.
    if let Err(error) = fs::symlink_metadata(folder.join(name))
        && error.kind() == io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    let mut command = child(READ);
    command.arg(folder).arg(name).arg(bytes_max.to_string());
    let (code, bytes, said) = to_its_end(command, bytes_max, READING).await?;
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(Some(bytes)),
        Some(NOT_THERE) => Ok(None),
        Some(NOT_TO_BE_READ) => Err(io::Error::new(io::ErrorKind::InvalidData, said)),
        Some(TOO_LARGE) => Err(io::Error::new(io::ErrorKind::FileTooLarge, said)),
        _ => Err(io::Error::other(said)),
    }
}

/// Removes the folders that one run may write, with all that is in them, by one child. What cannot be removed is moved to
/// `aside`, and comes back: where it lies, and why. Folders of different runs are removed apart, since one that somebody
/// keeps filling takes the time of all.
pub async fn remove(folders: &[PathBuf], aside: &Path) -> Vec<(PathBuf, String)> {
    let full: Vec<&PathBuf> = folders.iter().filter(|folder| !is_removed(folder)).collect();
    if full.is_empty() {
        return Vec::new();
    }
    let mut command = child(EMPTY);
    command.args(&full);
    let why = match to_its_end(command, SAID_BYTES_MAX, EMPTYING).await {
        Ok((Some(0), said, _)) => String::from_utf8_lossy(&said).trim().to_owned(),
        Ok((_, _, said)) => said,
        Err(error) => error.to_string(),
    };
    let stay = full.into_iter().filter(|folder| !is_removed(folder));
    stay.map(|folder| (set_aside(folder, aside).unwrap_or_else(|_| folder.clone()), why.clone())).collect()
}

/// Whether a folder is not there any more. An empty one goes; what is in another is not looked at.
fn is_removed(folder: &Path) -> bool {
    match fs::remove_dir(folder) {
        Ok(()) => true,
        // A file or a link in its place is removed as such.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(folder).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Moves what cannot be removed out of the way, under a name that is free.
fn set_aside(folder: &Path, aside: &Path) -> io::Result<PathBuf> {
    if folder.starts_with(aside) {
        return Ok(folder.to_owned());
    }
    fs::create_dir_all(aside)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = |to: &PathBuf| fs::symlink_metadata(to).is_err();
    let to = (0..ASIDE_MAX).map(|n| aside.join(format!("{name}.{n}"))).find(free);
    let to = to.ok_or_else(|| io::Error::other("no name is free where it is set aside"))?;
    fs::rename(folder, &to)?;
    Ok(to)
}

fn child(what: &str) -> Command {
    let mut command = Command::new(OWN_PROGRAM);
    command
        .args([WORD, what])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the child to its end: its exit code, what it wrote, and what it says of itself.
async fn to_its_end(
    mut command: Command,
    bytes_max: u64,
    patience: Duration,
) -> io::Result<(Option<i32>, Vec<u8>, String)> {
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        let reading = async {
            match stdout {
                Some(stdout) => stdout.take(bytes_max).read_to_end(&mut bytes).await.map(drop),
                None => Ok(()),
            }
        };
        let hearing = async {
            match stderr {
                Some(stderr) => stderr.take(SAID_BYTES_MAX).read_to_end(&mut said).await.map(drop),
                None => Ok(()),
            }
        };
        tokio::try_join!(reading, hearing)?;
        let status = child.wait().await?;
        Ok((status.code(), bytes, String::from_utf8_lossy(&said).trim().to_owned()))
    };
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other(format!("it took longer than {} s", patience.as_secs()))))
}

/// What `captd leftovers …` does: the child's side. Gives back the exit code.
///
/// # Errors
/// When a folder or a file cannot be read.
pub fn leftovers(arguments: &[std::ffi::OsString]) -> io::Result<u8> {
    for (resource, limit) in [(Resource::As, CHILD_BYTES_MAX), (Resource::Core, 0)] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    match arguments {
        [what, folder, name, bytes_max] if what == READ => {
            let name = name.to_str().ok_or_else(|| io::Error::other("the name is not in UTF-8"))?;
            let bytes_max = bytes_max.to_string_lossy().parse().map_err(io::Error::other)?;
            read_confined(Path::new(folder), name, bytes_max)
        }
        [what, folders @ ..] if what == EMPTY => {
            let folders: Vec<&Path> = folders.iter().map(Path::new).collect();
            confine_self(&[], &folders)?;
            for folder in folders {
                open_up(folder);
                say(folder, Beneath::open(folder).and_then(|folder| folder.empty()))?;
            }
            Ok(0)
        }
        _ => Err(io::Error::other("captd itself starts it, no person needs to")),
    }
}

fn read_confined(folder: &Path, name: &str, bytes_max: u64) -> io::Result<u8> {
    confine_self(&[folder], &[])?;
    open_up(folder);
    let file = match Beneath::open(folder)?.file(name, bytes_max) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(NOT_THERE),
        Err(error) => {
            let code = match error.kind() {
                io::ErrorKind::InvalidData => NOT_TO_BE_READ,
                io::ErrorKind::FileTooLarge => TOO_LARGE,
                _ => return Err(error),
            };
            writeln!(io::stderr(), "{error}")?;
            return Ok(code);
        }
    };
    // It may grow meanwhile.
    io::copy(&mut io::Read::take(file, bytes_max), &mut io::stdout().lock())?;
    Ok(0)
}

/// A run may have closed its folder to its owner. The name is captd's: nobody can have put another thing there.
fn open_up(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).ok();
}

/// Says what stays of a folder, and why: the first of it is enough.
fn say(folder: &Path, stuck: io::Result<Stuck>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match stuck {
        Ok(stuck) => match stuck.first_key_value() {
            Some((name, why)) => writeln!(out, "{name:?}: {why} ({} in all)", stuck.len()),
            None => Ok(()),
        },
        Err(error) => writeln!(out, "{}: {error}", folder.display()),
    }
}
