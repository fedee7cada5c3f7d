//! Sealing: what is secret is compressed and encrypted before it is written, and bound to the
//! place where it belongs, so that it cannot be moved to another.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Bytes of a key's id, which is chance too.
const ID_BYTES: usize = 4;
/// zstd's own default.
const COMPRESSION_LEVEL: i32 = 3;
/// Bytes that a sealed text may have when it is opened.
const OPENED_BYTES_MAX: usize = 256 << 20;

/// The keys of an installation by their ids; new texts are sealed with the current one.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, [u8; KEY_BYTES]>,
}

impl std::fmt::Debug for Keyring {
    /// Ids, never keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).field("ids", &self.keys.keys()).finish()
    }
}

/// A sealed text and the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
    /// Id of the key.
    pub key_id: String,
}

/// A text cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key file lacks the key.
    #[error("the key `{0}` is not in the key file; bring back the file that held it")]
    NoKey(String),
    /// It is damaged, or was moved from where it belongs.
    #[error("what is stored cannot be opened with its key: it is damaged, or belongs to another place")]
    Broken,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl Keyring {
    /// Keys by id, the current one first.
    #[must_use]
    pub fn new(current: String, keys: BTreeMap<String, [u8; KEY_BYTES]>) -> Self {
        Self { current, keys }
    }

    /// A ring of one new key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn fresh() -> Result<Self, SealError> {
        Self { current: String::new(), keys: BTreeMap::new() }.renewed()
    }

    /// The same with a new key as the current one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn renewed(&self) -> Result<Self, SealError> {
        loop {
            let mut bytes = [0_u8; ID_BYTES + KEY_BYTES];
            getrandom::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
            let (id, key) = bytes.split_at(ID_BYTES);
            let current = hex(id);
            if !self.has(&current) {
                let mut keys = self.keys.clone();
                keys.insert(current.clone(), key.try_into().map_err(|_| SealError::Broken)?);
                return Ok(Self { current, keys });
            }
        }
    }

    /// The same, with the keys of `other` besides.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for (id, key) in &other.keys {
            self.keys.entry(id.clone()).or_insert(*key);
        }
        self
    }

    /// The current key, and those of the others that are `needed`.
    #[must_use]
    pub fn only(&self, needed: impl Fn(&str) -> bool) -> Self {
        let mut keys = self.keys.clone();
        keys.retain(|id, _| *id == self.current || needed(id));
        Self { current: self.current.clone(), keys }
    }

    /// Reads a key file: a line a key, `<id> <64 hex digits>`, the current one first.
    ///
    /// # Errors
    /// What is wrong with it, never what stands there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut current = None;
        let mut keys = BTreeMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let read = line.trim().split_once(' ').and_then(|(id, hex)| Some((id.to_owned(), unhex(hex.trim())?)));
            let Some((id, key)) = read else {
                return Err(format!("line {} is no key: `<id> <64 hex digits>`", number + 1));
            };
            current.get_or_insert_with(|| id.clone());
            keys.insert(id, key);
        }
        let current = current.ok_or("it holds no key")?;
        Ok(Self { current, keys })
    }

    /// The text of a key file that holds these keys.
    #[must_use]
    pub fn render(&self) -> String {
        let line = |id: &String| self.keys.get(id).map(|key| format!("{id} {}\n", hex(key))).unwrap_or_default();
        let older = self.keys.keys().filter(|id| **id != self.current);
        std::iter::once(&self.current).chain(older).map(line).collect()
    }

    /// Id of the key that seals.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Ids of the keys that only open.
    pub fn older(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str).filter(|id| *id != self.current)
    }

    /// Whether it has the key `id`.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// Seals `text` for the place `bound_to`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, text: &[u8], bound_to: &str) -> Result<Sealed, SealError> {
        let packed = zstd::bulk::compress(text, COMPRESSION_LEVEL).map_err(|_| SealError::Broken)?;
        self.encrypt(&packed, bound_to)
    }

    /// Seals with the current key what another one has sealed.
    ///
    /// # Errors
    /// When it cannot be opened, or the system gives no random bytes.
    pub fn reseal(&self, sealed: &Sealed, bound_to: &str) -> Result<Sealed, SealError> {
        self.encrypt(&self.decrypt(sealed, bound_to)?, bound_to)
    }

    fn encrypt(&self, packed: &[u8], bound_to: &str) -> Result<Sealed, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: packed, aad: bound_to.as_bytes() };
        let cipher = self.cipher(&self.current)?;
        let ciphertext = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        let mut bytes = nonce.to_vec();
        bytes.extend(ciphertext);
        Ok(Sealed { bytes, key_id: self.current.clone() })
    }

    /// Opens what was sealed for the place `bound_to`.
    ///
    /// # Errors
    /// When the key is not there, or the text is not what was sealed for this place.
    pub fn open(&self, sealed: &Sealed, bound_to: &str) -> Result<Vec<u8>, SealError> {
        let packed = self.decrypt(sealed, bound_to)?;
        zstd::bulk::decompress(&packed, OPENED_BYTES_MAX).map_err(|_| SealError::Broken)
    }

    fn decrypt(&self, sealed: &Sealed, bound_to: &str) -> Result<Vec<u8>, SealError> {
        let (nonce, ciphertext) = sealed.bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::Broken)?;
        let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
        self.cipher(&sealed.key_id)?.decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)
    }

    /// A secret that only this installation can make, for `purpose`: the same each time, and kept
    /// nowhere.
    ///
    /// # Errors
    /// Never in practice: the current key is always there.
    pub fn derive(&self, purpose: &str) -> Result<String, SealError> {
        let key = self.keys.get(&self.current).ok_or_else(|| SealError::NoKey(self.current.clone()))?;
        derived(key, purpose)
    }

    /// What each of the keys makes of `purpose`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn derive_all(&self, purpose: &str) -> Result<Vec<String>, SealError> {
        self.keys.values().map(|key| derived(key, purpose)).collect()
    }

    fn cipher(&self, id: &str) -> Result<XChaCha20Poly1305, SealError> {
        let key = self.keys.get(id).ok_or_else(|| SealError::NoKey(id.to_owned()))?;
        Ok(XChaCha20Poly1305::new(&Key::from(*key)))
    }
}

fn derived(key: &[u8], purpose: &str) -> Result<String, SealError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SealError::Broken)?;
    mac.update(purpose.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    let mut key = [0_u8; KEY_BYTES];
    for (byte, at) in key.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}
