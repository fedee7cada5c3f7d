//! Templates as archives: what is taken, and everything that is refused, by the name of its entry.

use std::io::Write;

use captd::render::unpack;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::cli::captd;
use crate::support::{Answer, Daemon, requires};

const PATH: &str = "/v1/namespaces/default/templates/net";
const MANIFEST: &str = "description: Of a test.\nprovider: none\n";
const MAIN: &str = "output \"it\" { value = 1 }\n";

/// An entry as its header says it, whether that is allowed or not.
struct Raw<'a> {
    path: &'a [u8],
    kind: EntryType,
    link: &'a str,
    bytes: &'a [u8],
}

fn file<'a>(path: &'a str, text: &'a str) -> Raw<'a> {
    Raw { path: path.as_bytes(), kind: EntryType::Regular, link: "", bytes: text.as_bytes() }
}

fn of_kind(path: &str, kind: EntryType) -> Raw<'_> {
    Raw { path: path.as_bytes(), kind, link: "/etc/passwd", bytes: b"" }
}

/// An archive of these entries. The crate itself would refuse some of the names: they are written
/// into the header as bytes.
fn tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..entry.path.len()].copy_from_slice(entry.path);
        header.set_entry_type(entry.kind);
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(0o644);
        if !entry.link.is_empty() {
            header.set_link_name(entry.link).unwrap();
        }
        header.set_cksum();
        builder.append(&header, entry.bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn good(folder: &str) -> Vec<u8> {
    let (manifest, main) = (format!("{folder}template.yaml"), format!("{folder}main.tf"));
    tar(&[file(&manifest, MANIFEST), file(&main, MAIN)])
}

async fn put(daemon: &Daemon, media_type: &str, bytes: Vec<u8>) -> Answer {
    daemon.request(Method::PUT, PATH, &[("content-type", media_type)], bytes).await
}

#[tokio::test]
async fn an_archive_is_the_same_as_its_files() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let inline = json!({"spec": {"files": {"template.yaml": MANIFEST, "main.tf": MAIN}}});
    let first = daemon.put(PATH, &inline).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let folder = TempDir::new().unwrap();
    for (number, prefix) in ["", "./", "net/", "./net/"].iter().enumerate() {
        for (media_type, bytes) in [("application/x-tar", good(prefix)), ("application/gzip", gzip(&good(prefix)))] {
            let path = folder.path().join(format!("{number}.{}", media_type.len()));
            std::fs::write(&path, &bytes).unwrap();
            let answer = put(&daemon, media_type, bytes).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (200, first.json()), "{prefix}: {}", answer.text);
            captd(&daemon, &format!("template push net {}", path.display())).with_code(0);
        }
    }
    let headers = [("content-type", "application/x-tar"), ("content-encoding", "gzip")];
    let answer = daemon.request(Method::PUT, PATH, &headers, gzip(&good(""))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, first.json()), "{}", answer.text);
    let revisions = daemon.get(&format!("{PATH}/revisions")).await.json();
    assert_eq!(revisions["items"].as_array().unwrap().len(), 1, "all of them are one revision: {revisions}");

    // What is wrong inside is told as of a document.
    let wrong = tar(&[file("net/main.tf", "\nlocals { a = var.nothing }\n"), file("net/template.yaml", MANIFEST)]);
    let error = put(&daemon, "application/x-tar", wrong).await.json()["errors"][0].clone();
    assert_eq!(error["pointer"], "/spec/files/main.tf", "{error}");
    assert!(error["detail"].as_str().unwrap().starts_with("main.tf line 2: Reference to undeclared"), "{error}");
    daemon.stop().await;
}

/// Entries, pointer, code, words.
fn hostile() -> Vec<(Vec<u8>, &'static str, &'static str, &'static str)> {
    let beside = |raw: Raw<'_>| tar(&[file("template.yaml", MANIFEST), file("main.tf", MAIN), raw]);
    let mut cut = good("");
    cut.truncate(1_024 + 20);
    let mut ends_early = good("");
    ends_early.truncate(ends_early.len() - 1_024);
    let mut goes_on = good("");
    goes_on.extend(good(""));
    let mut broken = good("");
    broken[0] ^= 0x40;
    let claims = {
        let mut bytes = good("");
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..5].copy_from_slice(b"large");
        header.set_size(8 << 30);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        bytes.splice(0..0, header.as_bytes().iter().copied());
        bytes
    };
    let many: Vec<String> = (0..1_100).map(|n| format!("d{n}/")).collect();
    let many: Vec<Raw<'_>> = many.iter().map(|path| of_kind(path, EntryType::Directory)).collect();
    vec![
        (beside(file("../x.tf", MAIN)), "/spec/files/..~1x.tf", "invalid_path", "leads out of the template's folder"),
        (beside(file("a/../../x.tf", MAIN)), "/spec/files/a~1..~1..~1x.tf", "invalid_path", "leads out"),
        (beside(file("/etc/x.tf", MAIN)), "/spec/files/~1etc~1x.tf", "invalid_path", "leads out"),
        (beside(of_kind("link.tf", EntryType::Symlink)), "/spec/files/link.tf", "not_a_file", "`link.tf` is a link"),
        (beside(of_kind("hard.tf", EntryType::Link)), "/spec/files/hard.tf", "not_a_file", "`hard.tf` is a link"),
        (beside(of_kind("null", EntryType::Char)), "/spec/files/null", "not_a_file", "is a device"),
        (beside(of_kind("sda", EntryType::Block)), "/spec/files/sda", "not_a_file", "is a device"),
        (beside(of_kind("pipe", EntryType::Fifo)), "/spec/files/pipe", "not_a_file", "a pipe"),
        (beside(of_kind("odd", EntryType::new(b'Z'))), "/spec/files/odd", "not_a_file", "no use for"),
        (
            beside(Raw { path: b"\xff.tf", kind: EntryType::Regular, link: "", bytes: b"" }),
            "/spec/files/\u{fffd}.tf",
            "invalid_path",
            "a name that is no UTF-8",
        ),
        (
            beside(Raw { path: b"x.tf", kind: EntryType::Regular, link: "", bytes: b"ab\xff" }),
            "/spec/files/x.tf",
            "not_utf8",
            "`x.tf` is no UTF-8 from byte 2 on",
        ),
        (beside(file("./main.tf", MAIN)), "/spec/files/main.tf", "duplicate", "`main.tf` stands in the archive twice"),
        (beside(file("main.tf/x.tf", MAIN)), "/spec/files/main.tf~1x.tf", "duplicate", "`main.tf`, which is a file"),
        (beside(file("main.tf.tera", MAIN)), "/spec/files/main.tf.tera", "duplicate", "is rendered to `main.tf`"),
        (beside(file(".terraform/x.tf", MAIN)), "/spec/files/.terraform~1x.tf", "invalid_path", "begins with a dot"),
        (tar(&many), "", "too_large", "more than 1000 entries"),
        (vec![b'x'; 2_048], "", "malformed", "no end"),
        (gzip(&good("")), "", "malformed", "sent as application/gzip"),
        (Vec::new(), "", "malformed", "no end"),
        (cut, "", "malformed", "cut short"),
        (ends_early, "", "malformed", "cut short"),
        (goes_on, "", "malformed", "something follows"),
        (broken, "", "malformed", "cannot be read"),
        (claims, "/spec/files/large", "malformed", "cut short"),
    ]
}

#[tokio::test]
async fn a_hostile_archive_is_refused_by_the_name_of_its_entry() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    for (bytes, pointer, code, words) in hostile() {
        let answer = put(&daemon, "application/x-tar", bytes).await;
        assert_eq!(answer.status, 422, "{words}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{}", answer.text);
        assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text);
    }
    let both = tar(&[file("../a.tf", MAIN), of_kind("b.tf", EntryType::Symlink)]);
    let pointers = put(&daemon, "application/x-tar", both).await.pointers();
    assert_eq!(pointers, ["/spec/files/..~1a.tf", "/spec/files/b.tf"], "all of it is told at once");

    // 256 MiB of nothing, in a quarter of one.
    let zeros = vec![0; 256 << 20];
    let bomb = gzip(&tar(&[Raw { path: b"main.tf", kind: EntryType::Regular, link: "", bytes: &zeros }]));
    let answer = put(&daemon, "application/gzip", bomb).await;
    assert!(answer.text.contains("unpacks to more than 4194304 bytes"), "{}", answer.text);
    let mut half = gzip(&good(""));
    half.truncate(half.len() / 2);
    let mut longer = gzip(&good(""));
    longer.extend(b"and more");
    for bytes in [half, longer, b"no gzip".to_vec()] {
        let answer = put(&daemon, "application/gzip", bytes).await;
        assert!(answer.text.contains("cannot be unpacked"), "{}", answer.text);
    }
    let large = put(&daemon, "application/x-tar", vec![0; 2 << 20]).await;
    assert_eq!((large.status.as_u16(), &large.json()["code"]), (413, &json!("body_too_large")), "{}", large.text);
    let headers = [("content-type", "application/json"), ("content-encoding", "br")];
    let answer = daemon.request(Method::PUT, PATH, &headers, b"{}".to_vec()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (415, &Value::from("unknown_media_type")));
    assert_eq!(daemon.get(PATH).await.status, 404, "nothing of it is kept");
    daemon.stop().await;
}

proptest! {
    /// Wherever an archive is cut, and whatever byte of it is another one: it is refused, or its
    /// files have places of their own below the root.
    #[test]
    fn a_damaged_archive_is_refused_or_harmless(at in 0..6_000_usize, byte: u8, cut: bool, is_gzip: bool) {
        let mut bytes = tar(&[file("net/template.yaml", MANIFEST), file("net/m/main.tf", MAIN), file("net/main.tf", MAIN)]);
        let whole = unpack(&bytes, false).unwrap();
        prop_assert_eq!(whole.keys().collect::<Vec<_>>(), ["m/main.tf", "main.tf", "template.yaml"]);
        if is_gzip {
            bytes = gzip(&bytes);
        }
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if let Ok(files) = unpack(&bytes, is_gzip) {
            prop_assert!(!cut || files == whole, "a part is taken for the whole: {:?}", files);
            for path in files.keys() {
                prop_assert!(!path.starts_with('/') && path.split('/').all(|part| !["", ".", ".."].contains(&part)), "{}", path);
            }
        }
    }
}
