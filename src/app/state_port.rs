//! The port on which runs reach their state: on the loopback, of its own, and the same after a
//! restart, whatever becomes of the API's address. A terraform that is at work knows no other.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::supervisor::write_whole;

const FILE: &str = "state.port";

/// Listens on the port of the last start. When that is taken, on another one, unless a run is at
/// work that knows only the first.
pub(super) async fn listen(data_dir: &Path, a_run_is_at_work: bool) -> Result<TcpListener> {
    let path = data_dir.join(FILE);
    let known = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u16>().ok());
    if let Some(port) = known {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Ok(listener) => return Ok(listener),
            Err(error) if a_run_is_at_work => {
                return Err(error).with_context(|| {
                    format!("cannot listen on 127.0.0.1:{port}, where a run that is at work hands in its state; end what has taken the port")
                });
            }
            Err(_) => {}
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port on the loopback can be had")?;
    let port = listener.local_addr().context("the port that was bound cannot be read")?.port();
    write_whole(&path, port.to_string().as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(listener)
}
