//! What a hostile template may leave, laid by the test itself: pipes, links, devices, sockets, trees, names, modes, sizes.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

/// Levels of a tree that is deep: a path to its end is longer than any call takes.
const DEEP: u32 = 8_000;
/// Names in a folder that is wide.
const WIDE: u32 = 1_500;

/// What must stay as it is.
pub struct Victims {
    file: PathBuf,
    folder: PathBuf,
}

impl Victims {
    pub fn lay(data: &Path) -> Self {
        let victims = Self { file: data.join("victim"), folder: data.join("victims") };
        fs::write(&victims.file, "kept").unwrap();
        fs::create_dir(&victims.folder).unwrap();
        fs::write(victims.folder.join("inside"), "kept").unwrap();
        victims
    }

    pub fn are_untouched(&self) {
        assert_eq!(fs::read_to_string(&self.file).unwrap(), "kept");
        assert_eq!(fs::read_to_string(self.folder.join("inside")).unwrap(), "kept");
        assert_eq!(names_in(&self.folder), ["inside"]);
    }
}

pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

type Form = (&'static str, Box<dyn Fn(&Path, &Victims)>);

/// Each form that a name can have which a file should have.
pub fn forms(name: &'static str) -> Vec<Form> {
    vec![
        ("a pipe", Box::new(move |folder: &Path, _: &Victims| pipe(&clear(folder, name)))),
        ("a link to a device", Box::new(move |folder: &Path, _: &Victims| link("/dev/zero", &clear(folder, name)))),
        ("a link elsewhere", Box::new(move |folder: &Path, v: &Victims| link(&v.file, &clear(folder, name)))),
        ("a folder", Box::new(move |folder: &Path, _: &Victims| fs::create_dir(clear(folder, name)).unwrap())),
        ("a socket", Box::new(move |folder: &Path, _: &Victims| socket(&clear(folder, name)))),
        ("a huge file", Box::new(move |folder: &Path, _: &Victims| sparse(&clear(folder, name)))),
    ]
}

/// Puts other things in the place of what the next command of Terraform would read.
pub fn replace(folder: &Path, victims: &Victims) {
    pipe(&clear(folder, "captd_backend.tf"));
    link(&victims.file, &clear(folder, ".terraform.lock.hcl"));
    link("/dev/zero", &clear(folder, "terraform.tfvars.json"));
    link(&victims.folder, &clear(folder, ".terraform"));
}

/// Lays everything at once that no command looks at.
pub fn plant(folder: &Path, victims: &Victims) {
    fs::create_dir_all(folder).unwrap();
    pipe(&clear(folder, ".captd-initialised"));
    link(&victims.folder, &clear(folder, "folder-link"));
    link("round", &clear(folder, "round"));
    fs::hard_link(&victims.file, clear(folder, "hard")).unwrap();
    socket(&clear(folder, "socket"));
    sparse(&clear(folder, "sparse"));
    device(&clear(folder, "device"));
    for name in [&b"\xff\xfe\x80"[..], b"a\nb", b"-rf", b"\x1b[31m", &[b'n'; 255]] {
        fs::write(folder.join(OsStr::from_bytes(name)), "").unwrap();
        fs::remove_file(folder.join(OsStr::from_bytes(name))).unwrap();
        fs::create_dir(folder.join(OsStr::from_bytes(name))).unwrap();
        fs::write(folder.join(OsStr::from_bytes(name)).join(OsStr::from_bytes(name)), "").unwrap();
    }
    for name in [".captd-1", ".captd-2"] {
        fs::create_dir_all(folder.join(name).join(name)).unwrap();
        fs::write(folder.join(name).join(".captd-3"), "").unwrap();
    }
    let closed = folder.join("closed");
    fs::create_dir_all(closed.join("in/it")).unwrap();
    fs::write(closed.join("in/file"), "").unwrap();
    for path in [closed.join("in"), closed] {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    wide(&folder.join("wide"));
}

fn clear(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    if fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir()) {
        fs::remove_dir_all(&path).unwrap();
    } else {
        fs::remove_file(&path).ok();
    }
    path
}

pub fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

/// Only root can make one.
fn device(path: &Path) {
    mknodat(CWD, path, FileType::CharacterDevice, Mode::RWXU, rustix::fs::makedev(1, 5)).ok();
}

pub fn link(to: impl AsRef<Path>, path: &Path) {
    symlink(to, path).unwrap();
}

/// Bound by a name that is short enough.
pub fn socket(path: &Path) {
    let here = OwnedFd::from(File::open(path.parent().unwrap()).unwrap());
    let short = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&here));
    UnixListener::bind(Path::new(&short).join(path.file_name().unwrap())).unwrap();
}

pub fn sparse(path: &Path) {
    File::create(path).unwrap().set_len(1 << 34).unwrap();
}

fn wide(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for n in 0..WIDE {
        match n % 3 {
            0 => fs::create_dir(folder.join(n.to_string())).unwrap(),
            1 => link("/dev/zero", &folder.join(n.to_string())),
            _ => fs::write(folder.join(n.to_string()), "").unwrap(),
        }
    }
}

/// Lays a folder in a folder in a folder.
pub fn deep(folder: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, folder, flags, Mode::empty()).unwrap();
    for _ in 0..DEEP {
        mkdirat(&at, "d", Mode::RWXU).unwrap();
        at = openat(&at, "d", flags, Mode::empty()).unwrap();
    }
}
