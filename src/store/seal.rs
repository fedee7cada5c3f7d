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
/// zstd's own default.
const COMPRESSION_LEVEL: i32 = 3;
/// Bytes that a sealed text may have when it is opened.
const OPENED_BYTES_MAX: usize = 256 << 20;

/// The keys of an installation by their ids; new texts are sealed with the current one.
#[derive(Clone)]
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
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let packed = zstd::bulk::compress(text, COMPRESSION_LEVEL).map_err(|_| SealError::Broken)?;
        let payload = Payload { msg: &packed, aad: bound_to.as_bytes() };
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
        let (nonce, ciphertext) = sealed.bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::Broken)?;
        let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
        let packed =
            self.cipher(&sealed.key_id)?.decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        zstd::bulk::decompress(&packed, OPENED_BYTES_MAX).map_err(|_| SealError::Broken)
    }

    /// A secret that only this installation can make, for `purpose`: the same each time, and kept
    /// nowhere.
    ///
    /// # Errors
    /// Never in practice: the current key is always there.
    pub fn derive(&self, purpose: &str) -> Result<String, SealError> {
        let key = self.keys.get(&self.current).ok_or_else(|| SealError::NoKey(self.current.clone()))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SealError::Broken)?;
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn cipher(&self, id: &str) -> Result<XChaCha20Poly1305, SealError> {
        let key = self.keys.get(id).ok_or_else(|| SealError::NoKey(id.to_owned()))?;
        Ok(XChaCha20Poly1305::new(&Key::from(*key)))
    }
}
