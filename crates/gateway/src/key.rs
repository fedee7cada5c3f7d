//! What a provider process may be shared by: nothing but what is equal in everything that its
//! answers, and the credentials that it uses, can depend on.
//!
//! **Invariant:** the same bytes can hide other credentials, so the contents of every file that
//! they come from belong to the key.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::package::hex;
use crate::plugin::Environment;

/// Bytes of a file that may hold credentials; a larger one is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How the tools that write credentials with an end name it in a profile.
const EXPIRY_NAMES: &[&str] =
    &["x_security_token_expires", "aws_session_expiration", "aws_credential_expiration", "expiration"];
/// And in the environment.
const EXPIRY_VARIABLE: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The key of a configured process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Hex digest.
    pub(crate) digest: String,
    /// When the credentials end, where that is known.
    pub(crate) expires_at: Option<Timestamp>,
}

/// What all processes of one program and environment have in common.
pub(crate) fn base(hash: &str, environment: &Environment) -> String {
    let mut digest = Sha256::new();
    part(&mut digest, hash.as_bytes());
    for (name, value) in environment {
        part(&mut digest, name.as_bytes());
        part(&mut digest, value.as_bytes());
    }
    hex(digest.finalize())
}

/// The key of a process of `base` that is configured by `request`.
pub(crate) fn configured(base: &str, request: &[u8], environment: &Environment, now: Timestamp) -> Key {
    let mut digest = Sha256::new();
    part(&mut digest, base.as_bytes());
    part(&mut digest, request);
    let mut ends: Vec<Timestamp> =
        environment.get(EXPIRY_VARIABLE).and_then(|text| text.parse().ok()).into_iter().collect();
    for path in files(request, environment) {
        let content = small_file(&path).unwrap_or_default();
        ends.extend(expiries(&String::from_utf8_lossy(&content)));
        part(&mut digest, path.as_os_str().as_encoded_bytes());
        part(&mut digest, &content);
    }
    // What is over already belongs to a profile that is not in use, or fails by itself.
    let expires_at = ends.into_iter().filter(|end| *end > now).min();
    Key { digest: hex(digest.finalize()), expires_at }
}

fn part(digest: &mut Sha256, bytes: &[u8]) {
    digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(bytes);
}

/// Every file that the request or the environment names, those that AWS takes without a name, and
/// what is named in them.
fn files(request: &[u8], environment: &Environment) -> BTreeSet<PathBuf> {
    let home = environment.get("HOME").map(Path::new);
    let mut named: BTreeSet<PathBuf> = environment.values().flat_map(|value| paths(value, home)).collect();
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let texts = request.split(|byte| !printable(byte)).map(String::from_utf8_lossy);
    named.extend(texts.flat_map(|text| paths(&text, home).collect::<Vec<_>>()));
    named.extend(home.into_iter().flat_map(|home| [home.join(".aws/config"), home.join(".aws/credentials")]));
    named.retain(|path| is_small_file(path));
    let inside: Vec<PathBuf> = named
        .iter()
        .filter_map(|path| String::from_utf8(small_file(path)?).ok())
        .flat_map(|text| paths(&text, home).collect::<Vec<_>>())
        .filter(|path| is_small_file(path))
        .collect();
    named.extend(inside);
    named
}

/// Words of a text that may be absolute paths.
fn paths<'a>(text: &'a str, home: Option<&'a Path>) -> impl Iterator<Item = PathBuf> + 'a {
    text.split([' ', '\t', '\r', '\n', '=', '"', '\'', ',', ':']).filter_map(move |word| {
        let from = word.find('/')?;
        match word[..from].strip_suffix('~') {
            Some(_) => Some(home?.join(&word[from + 1..])),
            None => Some(PathBuf::from(&word[from..])),
        }
    })
}

/// What lies there, if it is a file and small. What is named may be another's, and something else by the time it is
/// opened: nothing is waited for, and no more is read than the limit.
fn small_file(path: &Path) -> Option<Vec<u8>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    let mut content = Vec::new();
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    if is_file { file.take(FILE_BYTES_MAX).read_to_end(&mut content).ok().map(|_| content) } else { None }
}

fn is_small_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.len() <= FILE_BYTES_MAX)
}

fn expiries(text: &str) -> impl Iterator<Item = Timestamp> + '_ {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        EXPIRY_NAMES.contains(&name.trim().to_ascii_lowercase().as_str()).then(|| value.trim().parse().ok())?
    })
}
