//! One request: counted for whom it is, its body timed, its answer followed to its end.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::{Counted, Peer, Slot};
use super::guarded::{Held, Timed, UnderWay};
use super::{Bounds, RETRY_AFTER_SECONDS, problem};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Answers a request, or refuses it where too many of its kind are open.
pub(super) async fn answer(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
    slot: Arc<Slot>,
) -> Result<Response<Held>, Infallible> {
    let mut under_way = UnderWay::begin(Arc::clone(&slot));
    match counted(&slot, request.headers()) {
        Ok(counted) => under_way.counted = counted,
        Err(why) => {
            return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, problem(&why)).map(|body| Held::new(body, under_way)));
        }
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let stall = slot.bounds().stall;
    let request = request.map(|body| Body::new(Timed::new(body, stall, Arc::clone(&is_late))));
    let Ok(mut response) = router.call(request).await;
    if is_late.load(Ordering::Relaxed) {
        let why = format!("the body came too slowly: {} s are given for it to get on", stall.as_secs());
        let body = serde_json::json!({
            "type": "about:blank", "title": "Request Timeout", "status": 408, "detail": why, "code": "body_too_slow",
        });
        response = refusal(StatusCode::REQUEST_TIMEOUT, body.to_string());
    }
    Ok(response.map(|body| Held::new(body, under_way)))
}

/// Counts a request for whom it is.
fn counted(slot: &Arc<Slot>, headers: &HeaderMap) -> Result<Vec<Counted>, String> {
    let (bounds, connections) = (slot.bounds(), slot.connections());
    let mut counted = Vec::new();
    if bounds.trusts(slot.address()) {
        let peer = Peer::of(forwarded_for(bounds, headers).unwrap_or(slot.address()));
        let max = if peer == Peer::Loopback { bounds.loopback_max } else { bounds.by_peer_max };
        counted.push(connections.request(peer, max)?);
    }
    if let (Some(max), Some(shown)) = (bounds.by_credentials_max, headers.get(header::AUTHORIZATION)) {
        counted.push(connections.request(Peer::with_credentials(shown.as_bytes()), max)?);
    }
    Ok(counted)
}

/// For whom a proxy forwards: the last one in the list who is no trusted proxy. What stands before that
/// one, anybody could have written.
fn forwarded_for(bounds: &Bounds, headers: &HeaderMap) -> Option<IpAddr> {
    let lists: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let names = lists.iter().rev().flat_map(|list| list.rsplit(','));
    let mut addresses = names.map_while(|name| address(name.trim()));
    addresses.find(|address| !bounds.trusts(*address))
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`
fn address(name: &str) -> Option<IpAddr> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let found = bare.parse().ok().or_else(|| name.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|address: IpAddr| address.to_canonical())
}

fn refusal(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
