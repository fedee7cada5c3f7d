//! Sealing: what is sealed opens with its key, at its place, unchanged, and no other way.

use captd::store::seal::{Keyring, SealError, Sealed};

fn keys(current: &str, ids: &[(&str, u8)]) -> Keyring {
    Keyring::new(current.to_owned(), ids.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32])).collect())
}

#[test]
fn it_opens_at_its_own_place_only() {
    let keys = keys("a", &[("a", 1)]);
    let sealed = keys.seal(b"a state", "workspace/1").unwrap();
    assert_eq!(keys.open(&sealed, "workspace/1").unwrap(), b"a state");
    assert_eq!(keys.open(&sealed, "workspace/2"), Err(SealError::Broken));
}

#[test]
fn a_changed_byte_is_found() {
    let keys = keys("a", &[("a", 1)]);
    let sealed = keys.seal(b"a state", "workspace/1").unwrap();
    for index in 0..sealed.bytes.len() {
        let mut bytes = sealed.bytes.clone();
        bytes[index] ^= 1;
        assert_eq!(
            keys.open(&Sealed { bytes, ..sealed.clone() }, "workspace/1"),
            Err(SealError::Broken),
            "byte {index}"
        );
    }
    let cut = Sealed { bytes: sealed.bytes[..10].to_vec(), ..sealed };
    assert_eq!(keys.open(&cut, "workspace/1"), Err(SealError::Broken));
}

#[test]
fn an_older_key_opens_what_it_sealed_and_a_missing_one_is_named() {
    let sealed = keys("old", &[("old", 1)]).seal(b"a state", "x").unwrap();
    assert_eq!(keys("new", &[("new", 2), ("old", 1)]).open(&sealed, "x").unwrap(), b"a state");
    assert_eq!(keys("new", &[("new", 2)]).open(&sealed, "x"), Err(SealError::NoKey("old".to_owned())));
    assert_eq!(keys("old", &[("old", 3)]).open(&sealed, "x"), Err(SealError::Broken), "another key of that name");
}

#[test]
fn a_key_file_holds_the_current_key_first_and_comes_back_as_it_was() {
    let text = format!("new {}\nold {}\n", "02".repeat(32), "01".repeat(32));
    let read = Keyring::parse(&text).unwrap();
    assert_eq!(read, keys("new", &[("old", 1), ("new", 2)]));
    assert_eq!(read.render(), text);
    assert_eq!((read.current(), read.older().collect::<Vec<_>>()), ("new", vec!["old"]));
    for (text, reason) in [
        ("", "it holds no key"),
        ("new 02", "line 1 is no key: `<id> <64 hex digits>`"),
        (&format!("\nnew {}\nold {}x\n", "02".repeat(32), "01".repeat(32)), "line 3 is no key: `<id> <64 hex digits>`"),
    ] {
        assert_eq!(Keyring::parse(text), Err(reason.to_owned()), "{text}");
    }
}

#[test]
fn a_new_key_seals_what_an_older_one_sealed() {
    let old = keys("old", &[("old", 1)]);
    let sealed = old.seal(b"a state", "x").unwrap();
    let renewed = old.renewed().unwrap();
    assert_ne!(renewed.current(), "old");
    assert_eq!(renewed.older().collect::<Vec<_>>(), ["old"]);
    let again = renewed.reseal(&sealed, "x").unwrap();
    assert_eq!(renewed.reseal(&sealed, "y"), Err(SealError::Broken), "at its own place only");
    let alone = renewed.only(|_| false);
    assert_eq!(alone.open(&again, "x").unwrap(), b"a state");
    assert_eq!(alone.open(&sealed, "x"), Err(SealError::NoKey("old".to_owned())));
    assert_eq!(renewed.only(|id| id == "old"), renewed);
    // Credentials that the old key made are known by the ring that holds it.
    let made = old.derive("run/1").unwrap();
    assert!(made != renewed.derive("run/1").unwrap() && renewed.derive_all("run/1").unwrap().contains(&made));
}

#[test]
fn the_same_text_is_never_sealed_the_same_way_twice() {
    let keys = keys("a", &[("a", 1)]);
    assert_ne!(keys.seal(b"a state", "x").unwrap(), keys.seal(b"a state", "x").unwrap());
}

#[test]
fn credentials_are_the_same_each_time_and_others_for_each_purpose() {
    let made = keys("a", &[("a", 1)]);
    assert_eq!(made.derive("run/1").unwrap(), made.derive("run/1").unwrap());
    assert_ne!(made.derive("run/1").unwrap(), made.derive("run/2").unwrap());
    assert_ne!(made.derive("run/1").unwrap(), keys("a", &[("a", 2)]).derive("run/1").unwrap());
}
