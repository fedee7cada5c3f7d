//! `[server]`: where the HTTP API listens and how much it takes.

use std::net::SocketAddr;

use super::clients::Client;
use crate::domain::fields::Fields;

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Clients with tokens of their own.
    pub clients: Vec<Client>,
    /// Bytes of a request's body.
    pub body_bytes_max: u32,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Server> {
    let listen = f.text("listen").unwrap_or_else(|| "127.0.0.1:8420".to_owned());
    let address = listen.parse().ok();
    if address.is_none() {
        f.problem(
            "listen",
            "invalid_value",
            format!("`{listen}` is no address with a port, such as 127.0.0.1:8420 or [::1]:8420"),
        );
    }
    let clients = super::clients::parse(f);
    Some(Server {
        clients,
        body_bytes_max: super::number(f, "body_bytes_max", 1 << 20, 1 << 10, 1 << 28),
        listen: address?,
    })
}
