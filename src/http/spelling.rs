//! One spelling of a path: what is percent-encoded and need not be stands for itself (RFC 3986, 6.2.2.2), so that the
//! same path is the same route, with the same rights, however it is written.
//!
//! **Invariant:** nothing is decoded twice: an encoded `%`, `/` or `?` stays as it is.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::Response;

/// Rewrites the path of a request.
pub(super) async fn plain(mut request: Request, next: Next) -> Response {
    if request.uri().path().contains('%')
        && let Some(uri) = rewritten(request.uri())
    {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn rewritten(uri: &Uri) -> Option<Uri> {
    let mut text = decoded(uri.path());
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path with its unreserved characters as themselves.
fn decoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            _ => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}
