//! Whose token is shown.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Client;
use crate::domain::permission::{Permission, Rights};

/// The tokens that let in: the admin's, and those of clients, as hashes.
#[derive(Clone)]
pub struct Tokens(Arc<Vec<Client>>);

impl Tokens {
    /// Takes the admin's token, and the clients of the configuration.
    #[must_use]
    pub fn new(admin: &str, clients: &[Client]) -> Self {
        let admin = Client { rights: Rights::admin(), token_sha256: Sha256::digest(admin.as_bytes()).into() };
        Self(Arc::new(std::iter::once(admin).chain(clients.iter().cloned()).collect()))
    }

    /// Who shows a token as `Authorization: Bearer …`.
    pub(super) fn bearer(&self, headers: &HeaderMap) -> Option<&Rights> {
        let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = shown.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") { self.whose(token.trim()) } else { None }
    }

    /// Whose token is shown.
    fn whose(&self, shown: &str) -> Option<&Rights> {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        // All are compared, whichever it is.
        self.0.iter().fold(None, |found, client| {
            if bool::from(client.token_sha256.ct_eq(&shown)) { Some(&client.rights) } else { found }
        })
    }

    /// Whether it is the admin's.
    pub(super) fn is_admin(&self, shown: &str) -> bool {
        self.whose(shown).is_some_and(|rights| rights.may(Permission::Admin) && rights.is_everywhere())
    }
}

impl std::fmt::Debug for Tokens {
    /// Never a hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}
