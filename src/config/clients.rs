//! `[[server.clients]]`: who may do what with a token of his own.

use serde_json::Value;

use crate::domain::fields::Fields;
use crate::domain::name::Name;
use crate::domain::permission::{Permission, Rights};
use crate::domain::problem::Problems;

/// One client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Who he is, and what he may.
    pub rights: Rights,
    /// SHA-256 of his token: the token itself stands nowhere.
    pub token_sha256: [u8; 32],
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Vec<Client> {
    let clients = f.list("clients", client).unwrap_or_default();
    for (number, client) in clients.iter().enumerate() {
        let before = &clients[..number];
        if before.iter().any(|other| other.rights.name == client.rights.name) {
            f.problem(
                "clients",
                "duplicate",
                format!("`{}` is there twice; give each a name of its own", client.rights.name),
            );
        }
        if before.iter().any(|other| other.token_sha256 == client.token_sha256) {
            f.problem("clients", "duplicate", format!("`{}` has the token of another", client.rights.name));
        }
    }
    clients
}

fn client(value: &Value, at: &str, problems: &mut Problems) -> Option<Client> {
    let mut f = Fields::open(value, at, problems)?;
    let name = f.text("name");
    let name = f.required("name", name);
    let taken = |name: &&String| Name::parse(name).is_ok() && !["admin", "captd"].contains(&name.as_str());
    if name.as_ref().is_some_and(|name| !taken(&name)) {
        f.problem("name", "invalid_name", "is a DNS label such as `platform`, and neither `admin` nor `captd`");
    }
    let hash = f.text("token_sha256");
    let hash = f.required("token_sha256", hash);
    let token_sha256 = hash.as_deref().and_then(bytes_of);
    if hash.is_some() && token_sha256.is_none() {
        f.problem(
            "token_sha256",
            "invalid_value",
            "is the SHA-256 of the token in 64 hex digits: printf %s \"$TOKEN\" | sha256sum",
        );
    }
    let words = f.texts("may").unwrap_or_else(|| vec!["read".to_owned()]);
    let known = |word: &String| Permission::ALL.into_iter().find(|permission| permission.as_str() == word);
    if let Some(wrong) = words.iter().find(|word| known(word).is_none()) {
        let all: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        f.problem("may", "unknown_value", format!("`{wrong}` is none of {}", all.join(", ")));
    }
    let namespaces = f.texts("namespaces").unwrap_or_else(|| vec!["*".to_owned()]);
    f.finish();
    let rights = Rights { name: name?, may: words.iter().filter_map(known).collect(), namespaces };
    Some(Client { rights, token_sha256: token_sha256? })
}

fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> =
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok().filter(|_| hex.len() == 64)
}
