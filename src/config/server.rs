//! `[server]`: where the HTTP API listens and how much it takes.

use std::net::SocketAddr;

use ipnet::IpNet;

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
    /// Connections at the same time.
    pub connections_max: u32,
    /// Connections of one peer; behind a trusted proxy, open requests of the one for whom it forwards.
    pub connections_by_peer_max: u32,
    /// Connections from this machine itself.
    pub connections_loopback_max: u32,
    /// Proxies whose `X-Forwarded-For` says who the peer is.
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds for the head of a request.
    pub head_seconds_max: u32,
    /// Seconds between two requests of a connection.
    pub idle_seconds_max: u32,
    /// Seconds in which a body that is sent, or an answer that is read, must get on.
    pub stall_seconds_max: u32,
    /// Followers of logs and events at the same time.
    pub followers_max: u32,
    /// Followers of one client.
    pub followers_by_client_max: u32,
    /// Followers of one log.
    pub followers_by_log_max: u32,
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
    let trusted_proxies = trusted_proxies(f);
    Some(Server {
        clients,
        trusted_proxies,
        body_bytes_max: super::number(f, "body_bytes_max", 1 << 20, 1 << 10, 1 << 28),
        connections_max: super::number(f, "connections_max", 1_024, 16, 65_536),
        connections_by_peer_max: super::number(f, "connections_by_peer_max", 128, 1, 65_536),
        connections_loopback_max: super::number(f, "connections_loopback_max", 512, 8, 65_536),
        head_seconds_max: super::number(f, "head_seconds_max", 10, 1, 300),
        idle_seconds_max: super::number(f, "idle_seconds_max", 60, 1, 3_600),
        stall_seconds_max: super::number(f, "stall_seconds_max", 30, 1, 3_600),
        followers_max: super::number(f, "followers_max", 512, 1, 65_536),
        followers_by_client_max: super::number(f, "followers_by_client_max", 256, 1, 65_536),
        followers_by_log_max: super::number(f, "followers_by_log_max", 256, 1, 65_536),
        listen: address?,
    })
}

fn trusted_proxies(f: &mut Fields<'_, '_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in f.texts("trusted_proxies").unwrap_or_default() {
        match text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address))) {
            Ok(network) => networks.push(network),
            Err(_) => f.problem(
                "trusted_proxies",
                "invalid_value",
                format!("`{text}` is not an address or network, such as 10.0.0.7 or 10.0.0.0/8"),
            ),
        }
    }
    networks
}
