//! Clients with tokens of their own: how one is configured, and what it is answered.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Daemon};

/// The lines of the configuration that let a client in.
pub fn client(name: &str, may: &[&str], namespaces: &[&str]) -> String {
    let hash: String = Sha256::digest(token_of(name)).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "[[server.clients]]\nname = \"{name}\"\ntoken_sha256 = \"{hash}\"\nmay = {}\nnamespaces = {}\n",
        json!(may),
        json!(namespaces)
    )
}

/// The token of a client.
pub fn token_of(name: &str) -> String {
    format!("token-of-{name}")
}

impl Daemon {
    /// A request of a client.
    pub async fn ask_as(&self, who: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(ToString::to_string).unwrap_or_default();
        self.request_with(&token_of(who), method, path, &[("content-type", "application/json")], text.into()).await
    }
}
