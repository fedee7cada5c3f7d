//! Reading and emptying a folder in which somebody else writes, without a daemon: every form, and races.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use captd_process::{Beneath, bytes_in};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::plant::{Victims, deep, forms, names_in, plant, replace};

const BYTES_MAX: u64 = 1 << 20;

fn read(folder: &Path, name: &str) -> Result<Option<String>, String> {
    let file =
        Beneath::open(folder).and_then(|folder| folder.file(name, BYTES_MAX)).map_err(|error| error.to_string())?;
    Ok(file.map(|mut file| {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }))
}

#[test]
fn a_regular_file_is_read_and_nothing_else() {
    let (dir, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let victims = Victims::lay(out.path());
    assert_eq!(read(dir.path(), "it"), Ok(None));
    for (form, lay) in forms("it") {
        lay(dir.path(), &victims);
        let refused = read(dir.path(), "it");
        let why = refused.expect_err(form);
        assert!(["regular", "bytes", "No such device"].iter().any(|word| why.contains(word)), "{form}: {why}");
    }
    for name in ["../victim", "/etc/passwd", "folder/../../x", "."] {
        assert!(!matches!(read(dir.path(), name), Ok(Some(_))), "{name} leads out");
    }
    fs::remove_file(dir.path().join("it")).unwrap();
    fs::write(dir.path().join("it"), "text").unwrap();
    assert_eq!(read(dir.path(), "it"), Ok(Some("text".to_owned())));
    let link = out.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    assert!(Beneath::open(&link).is_err(), "the folder itself is no link");
}

#[test]
fn everything_is_removed_and_nothing_beside_it() {
    let (dir, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let victims = Victims::lay(out.path());
    plant(dir.path(), &victims);
    replace(dir.path(), &victims);
    deep(dir.path());
    assert_eq!(bytes_in(dir.path()), None, "it is deeper than a path may be");
    let stuck = Beneath::open(dir.path()).unwrap().empty().unwrap();
    assert_eq!((stuck.len(), names_in(dir.path()).len()), (0, 0), "{stuck:?}");
    victims.are_untouched();
}

#[test]
fn whatever_its_names_are_what_lies_in_a_folder_is_measured() {
    let big = vec![b'x'; 2 << 20];
    let names = [&b"plain"[..], b"\xff\xfe", b"\xc3", b"with\nlines", b"..\xff", b".hidden", &[0xf0; 255]];
    for name in names {
        let dir = TempDir::new().unwrap();
        let inner = dir.path().join(OsStr::from_bytes(name)).join(OsStr::from_bytes(name));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("big"), &big).unwrap();
        let bytes = bytes_in(dir.path()).unwrap();
        assert!((2 << 20..3 << 20).contains(&bytes), "{name:?}: {bytes}");
    }
    // What it cannot be told of is not nothing.
    let dir = TempDir::new().unwrap();
    for folder in 0..21 {
        let folder = dir.path().join(folder.to_string());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("first"), "").unwrap();
        for name in 0..10_000 {
            fs::hard_link(folder.join("first"), folder.join(name.to_string())).unwrap();
        }
    }
    assert_eq!(bytes_in(dir.path()), None, "more names than are looked at");
    let empty = TempDir::new().unwrap();
    assert_eq!(bytes_in(&empty.path().join("gone")), Some(0));
}

#[test]
fn whoever_swaps_names_meanwhile_gets_nothing_out_of_it() {
    let (dir, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let victims = Victims::lay(out.path());
    let (mine, other) = (dir.path().join("mine"), dir.path().join("other"));
    fs::create_dir(&mine).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (a, b) = (mine.join("a"), mine.join("b"));
            // It ends by itself, since what is made without end is removed without end.
            for _ in 0..2_000 {
                // Where it is a link by now, what follows would be laid into the victims by the test itself.
                fs::remove_file(&a).ok();
                fs::create_dir_all(a.join("a/a")).ok();
                fs::write(a.join("file"), "").ok();
                std::os::unix::fs::symlink(out.path().join("victims"), &b).ok();
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).ok();
                fs::rename(&a, &other).ok();
                // What stays here would keep a link where the next round writes.
                fs::remove_file(&other).or_else(|_| fs::remove_dir_all(&other)).ok();
            }
        });
        for _ in 0..50 {
            Beneath::open(&mine).unwrap().empty().ok();
            assert!(bytes_in(&mine).unwrap() < 1 << 30);
            for name in ["a", "b"] {
                assert_ne!(read(&mine, name), Ok(Some("kept".to_owned())));
            }
            victims.are_untouched();
        }
    });
    victims.are_untouched();
}
