//! The key file: made at the first start, readable by its user only. A line a key, `<id> <64 hex
//! digits>`, the current one first; older ones open what they sealed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::store::seal::{KEY_BYTES, Keyring};
use crate::supervisor::write_whole;

/// Loads the keys. `used` are the ids of those that something is sealed with: with a missing one,
/// nothing is started.
pub(super) fn load(path: &Path, used: &[String]) -> Result<Keyring> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && used.is_empty() => make(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "the key file {} is gone, and states are sealed with its keys ({}); bring it back from where it is kept",
            path.display(),
            used.join(", ")
        ),
        Err(error) => return Err(error).with_context(|| format!("cannot read the key file {}", path.display())),
    };
    let keys = parse(&text).with_context(|| format!("the key file {} cannot be used", path.display()))?;
    if let Some(missing) = used.iter().find(|id| !keys.has(id)) {
        bail!(
            "the key file {} lacks the key `{missing}`, with which states are sealed; bring back the file that held it",
            path.display()
        );
    }
    Ok(keys)
}

fn make(path: &Path) -> Result<String> {
    let mut bytes = [0_u8; KEY_BYTES + 4];
    getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
    let (key, id) = bytes.split_at(KEY_BYTES);
    let text = format!("{} {}\n", hex(id), hex(key));
    write_whole(path, text.as_bytes()).with_context(|| format!("cannot write the key file {}", path.display()))?;
    Ok(text)
}

fn parse(text: &str) -> Result<Keyring> {
    let mut current = None;
    let mut keys = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = line.trim().split_once(' ').and_then(|(id, hex)| Some((id.to_owned(), unhex(hex.trim())?)));
        let Some((id, key)) = read else { bail!("line {} is no key: `<id> <64 hex digits>`", number + 1) };
        current.get_or_insert_with(|| id.clone());
        keys.insert(id, key);
    }
    let Some(current) = current else { bail!("it holds no key") };
    Ok(Keyring::new(current, keys))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    let mut key = [0_u8; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(key)
}
