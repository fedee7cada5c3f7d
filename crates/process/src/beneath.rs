//! A folder in which somebody else may write at any time: reading one file of it, and emptying it.
//!
//! **Invariant:** no name is followed out of the folder: each is a single one, opened or removed relative to an open
//! directory, and a link is never followed.
//! **Invariant:** nothing here waits for another, reads without end, or calls itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, chmod, fchmod, fstat, openat, openat2,
    renameat_with, unlinkat,
};
use rustix::io::Errno;

/// Names that cannot be removed and are looked at; with more, the folder is given up.
const STUCK_MAX: usize = 100;
/// Tries of a name that is taken, when a folder is moved up.
const NAMES_MAX: u32 = 1_000;

/// A folder in which somebody else may write.
#[derive(Debug)]
pub struct Beneath {
    root: OwnedFd,
}

/// Names that cannot be removed, each with the reason.
pub type Stuck = BTreeMap<String, String>;

impl Beneath {
    /// Opens a folder; a link is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { root: open_folder(CWD, folder)? })
    }

    /// A file directly in the folder; `None` when it is not there.
    ///
    /// # Errors
    /// `InvalidData` when it is not a regular file, or nobody may read it; `FileTooLarge` when it has more than
    /// `bytes_max`; another when it cannot be opened for now.
    pub fn file(&self, name: &str, bytes_max: u64) -> io::Result<Option<File>> {
        // A pipe or a device is opened, too: NONBLOCK keeps that from waiting, and nothing is read of it.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let inside =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let opened = match openat2(&self.root, name, flags, Mode::empty(), inside) {
            // A kernel before 5.6: for a single name the same is asked in another way.
            Err(Errno::NOSYS) if !name.contains('/') => openat(&self.root, name, flags, Mode::empty()),
            opened => opened,
        };
        let file = match opened {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(not_to_be_read("it is a link, and not a regular file")),
            // Sockets, devices, another file system, and what its owner has closed.
            Err(error @ (Errno::NXIO | Errno::NODEV | Errno::XDEV | Errno::ACCESS | Errno::PERM)) => {
                return Err(not_to_be_read(io::Error::from(error)));
            }
            Err(error) => return Err(error.into()),
        };
        let about = fstat(&file)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(not_to_be_read("it is not a regular file"));
        }
        if u64::try_from(about.st_size).unwrap_or(u64::MAX) > bytes_max {
            let why = format!("it has {} bytes, and {bytes_max} are read at most", about.st_size);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        Ok(Some(File::from(file)))
    }

    /// Removes everything in the folder, however deep and wide it is. Gives back what could not be removed.
    ///
    /// Folders are never descended: one that is found in another is moved up beside it first, so that two open
    /// directories are enough for any depth.
    ///
    /// # Errors
    /// When the folder itself cannot be listed.
    pub fn empty(&self) -> io::Result<Stuck> {
        let mut stuck = Stuck::new();
        let mut moved = 0;
        loop {
            let mut has_removed = false;
            for entry in Dir::read_from(&self.root)? {
                let entry = entry?;
                let name = entry.file_name();
                let shown = name.to_string_lossy().into_owned();
                if matches!(name.to_bytes(), b"." | b"..") || stuck.contains_key(&shown) {
                    continue;
                }
                match self.remove(name, &mut moved) {
                    Ok(()) => has_removed = true,
                    Err(error) => {
                        stuck.insert(shown, error.to_string());
                        if stuck.len() >= STUCK_MAX {
                            return Ok(stuck);
                        }
                    }
                }
            }
            if !has_removed {
                return Ok(stuck);
            }
        }
    }

    /// Removes one name of the folder; what is below it is moved up, and removed later.
    fn remove(&self, name: &std::ffi::CStr, moved: &mut u64) -> io::Result<()> {
        match unlinkat(&self.root, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR) => {}
            Err(error) => return Err(error.into()),
        }
        if unlinkat(&self.root, name, AtFlags::REMOVEDIR).is_ok() {
            return Ok(());
        }
        let folder = accessible(&self.root, name)?;
        let mut first = None;
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let inner = entry.file_name();
            if matches!(inner.to_bytes(), b"." | b"..") {
                continue;
            }
            let removed = match unlinkat(&folder, inner, AtFlags::empty()) {
                Err(Errno::ISDIR) => self.move_up(&folder, inner, moved),
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = removed {
                let inner = inner.to_string_lossy();
                first.get_or_insert_with(|| io::Error::other(format!("{inner} in it cannot be removed: {error}")));
            }
        }
        match unlinkat(&self.root, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(first.unwrap_or_else(|| error.into())),
        }
    }

    /// Moves a folder that lies in `from` up to the root, under a name that is free.
    fn move_up(&self, from: &OwnedFd, name: &std::ffi::CStr, moved: &mut u64) -> io::Result<()> {
        let mut is_open = false;
        for _ in 0..NAMES_MAX {
            *moved += 1;
            let free = format!(".captd-{moved}");
            match renameat_with(from, name, &self.root, free, RenameFlags::NOREPLACE) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::EXIST) => {}
                // To move a folder takes the right to write to it.
                Err(Errno::ACCESS) if !is_open => {
                    accessible(from, name)?;
                    is_open = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::Error::other("no name for it is free"))
    }
}

fn not_to_be_read(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn open_folder(at: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a folder of a folder, and makes it accessible where its owner has no right to it.
fn accessible(at: &OwnedFd, name: &std::ffi::CStr) -> io::Result<OwnedFd> {
    let folder = match open_folder(at, name) {
        Ok(folder) => folder,
        Err(Errno::ACCESS) => {
            // Its mode is changed through what was opened, so that it is this one whatever the name leads to by then.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let closed = openat(at, name, flags, Mode::empty())?;
            chmod(format!("/proc/self/fd/{}", closed.as_raw_fd()), Mode::RWXU)?;
            open_folder(at, name)?
        }
        Err(error) => return Err(error.into()),
    };
    // What is not its user's is not changed, and may be removable all the same.
    fchmod(&folder, Mode::RWXU).ok();
    Ok(folder)
}
