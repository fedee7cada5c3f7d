//! The HTTP client: one daemon, one token, JSON both ways.
//!
//! **Invariant:** goes straight to the address that was said: no proxy and no redirect gets to see
//! the token.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Usage;
use super::problem::Problem;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a silent connection is kept: less than a daemon keeps it, so that nothing is asked on one that is being closed.
const IDLE: Duration = Duration::from_secs(20);
/// How often a daemon that does not listen is asked again, and how long after.
const KNOCKS: u32 = 15;
const BETWEEN_KNOCKS: Duration = Duration::from_millis(200);
/// How long an answer may take; no request but an upload waits for Terraform.
const ANSWER: Duration = Duration::from_mins(1);
/// How long it may take where uploads may be among what is handed in: they wait for their turns, and
/// Terraform may have to fetch a provider for each.
const ANSWER_TO_UPLOADS: Duration = Duration::from_mins(30);

/// Parameters of a query.
pub(super) type Query<'a> = &'a [(&'a str, String)];

/// Why there is no answer of use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Nobody listens there.
    #[error("no captd at {0}; start it with `captd serve`, or say where it is with --addr or CAPTD_ADDR")]
    NotThere(String),
    /// The way there is closed, or it broke off.
    #[error("cannot talk to captd at {0}: {1}")]
    Broken(String, String),
    /// Somebody else listens there.
    #[error("{0} answers, but not as captd does: {1}")]
    Stranger(String, String),
    /// It says no.
    #[error("{0}")]
    Refused(Problem),
}

impl Error {
    /// Whether the daemon may be back in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::NotThere(_) | Self::Broken(..))
    }

    /// What the daemon refused, if it did.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether what was asked for does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.is(404, "not_found"))
    }
}

/// Result of a request.
pub(super) type Result<T> = std::result::Result<T, Error>;

/// Talks to one daemon.
#[derive(Debug, Clone)]
pub(super) struct Client {
    base: Url,
    http: reqwest::Client,
}

impl Client {
    /// A client of the daemon at `address`: a URL, or host and port.
    ///
    /// # Errors
    /// When the address or the token cannot be used; nothing is sent yet.
    pub(super) fn new(address: &str, token: &str) -> anyhow::Result<Self> {
        let base = parse_address(address)?;
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            anyhow::anyhow!("the token cannot be used: it holds line breaks or other control characters")
        })?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("captd/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build()?;
        Ok(Self { base, http })
    }

    /// Where the daemon is.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for a resource.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str], query: Query<'_>) -> Result<T> {
        self.json(self.request(Method::GET, path, query)).await
    }

    /// Asks for all pages of a list.
    pub(super) async fn list(&self, path: &[&str], query: Query<'_>) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut go_on: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(go_on.take().map(|cursor| ("continue", cursor)));
            let page: Page = self.get(path, &query).await?;
            items.extend(page.items);
            match page.go_on {
                Some(cursor) => go_on = Some(cursor),
                None => return Ok(items),
            }
        }
    }

    /// Asks for something to be done.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: Option<&Value>) -> Result<T> {
        let request = self.request(Method::POST, path, &[]);
        self.json(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// Asks for something that is said in the query.
    pub(super) async fn ask<T: DeserializeOwned>(&self, path: &[&str], query: Query<'_>) -> Result<T> {
        self.json(self.request(Method::POST, path, query)).await
    }

    /// Hands in declarations as they are written.
    pub(super) async fn declare<T: DeserializeOwned>(
        &self,
        query: Query<'_>,
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<T> {
        let request = self.request(Method::POST, &["v1", "apply"], query);
        self.json_within(ANSWER_TO_UPLOADS, request.header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// Hands in a template as it is written.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<T> {
        let request = self.request(Method::PUT, path, &[]);
        self.json_within(ANSWER_TO_UPLOADS, request.header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// Asks what there is in the cloud.
    pub(super) async fn discover<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<T> {
        self.json_within(ANSWER_TO_UPLOADS, self.request(Method::POST, path, &[]).json(body)).await
    }

    /// Hands in declarations, to be turned into captd's own form.
    pub(super) async fn convert<T: DeserializeOwned>(
        &self,
        query: Query<'_>,
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<T> {
        let request = self.request(Method::POST, &["v1", "convert"], query);
        self.json(request.header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// Asks for something to be so.
    pub(super) async fn put<T: DeserializeOwned>(&self, path: &[&str], body: Option<&Value>) -> Result<T> {
        let request = self.request(Method::PUT, path, &[]);
        self.json(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// Hands in bytes as they are.
    pub(super) async fn send<T: DeserializeOwned>(&self, path: &[&str], query: Query<'_>, body: Vec<u8>) -> Result<T> {
        let request = self.request(Method::POST, path, query);
        self.json(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Asks for bytes as they are.
    pub(super) async fn bytes(&self, path: &[&str], query: Query<'_>) -> Result<Vec<u8>> {
        let request = self.request(Method::GET, path, query).timeout(ANSWER);
        let answer = self.accepted(request.send().await.map_err(|error| self.broken(&error))?).await?;
        Ok(answer.bytes().await.map_err(|error| self.broken(&error))?.to_vec())
    }

    /// Asks for a deletion.
    pub(super) async fn delete(&self, path: &[&str], query: Query<'_>) -> Result<Value> {
        self.json::<Value>(self.request(Method::DELETE, path, query)).await
    }

    /// Asks for a text that may go on for a long time.
    pub(super) async fn stream(&self, path: &[&str], query: Query<'_>) -> Result<Stream> {
        let answer = self.request(Method::GET, path, query).send().await.map_err(|error| self.broken(&error))?;
        let answer = self.accepted(answer).await?;
        Ok(Stream { client: self.clone(), answer })
    }

    /// Whether anybody listens there.
    pub(super) async fn knock(&self) -> Result<()> {
        let request = self.request(Method::GET, &["healthz"], &[]).timeout(ANSWER);
        self.sent(request).await.map(drop)
    }

    /// Whether the daemon can do its work.
    pub(super) async fn ready(&self) -> Result<()> {
        let request = self.request(Method::GET, &["readyz"], &[]).timeout(ANSWER);
        let answer = request.send().await.map_err(|error| self.broken(&error))?;
        let text = self.accepted(answer).await?.text().await.map_err(|error| self.broken(&error))?;
        if text.trim() == "ok" { Ok(()) } else { Err(self.stranger("its /readyz says something else".to_owned())) }
    }

    /// Sends a request. A daemon that was started a moment ago may not listen yet: nothing was sent
    /// then, and it is tried again for a short while.
    async fn sent(&self, request: RequestBuilder) -> Result<Response> {
        for _ in 0..KNOCKS {
            let Some(again) = request.try_clone() else { break };
            match again.send().await {
                Err(error) if error.is_connect() => tokio::time::sleep(BETWEEN_KNOCKS).await,
                sent => return sent.map_err(|error| self.broken(&error)),
            }
        }
        request.send().await.map_err(|error| self.broken(&error))
    }

    fn request(&self, method: Method, path: &[&str], query: Query<'_>) -> RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("invariant: the scheme is http, which has a path").pop_if_empty().extend(path);
        let request = self.http.request(method, url);
        if query.is_empty() { request } else { request.query(query) }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        self.json_within(ANSWER, request).await
    }

    async fn json_within<T: DeserializeOwned>(&self, limit: Duration, request: RequestBuilder) -> Result<T> {
        let answer = self.sent(request.timeout(limit)).await?;
        let answer = self.accepted(answer).await?;
        let bytes = answer.bytes().await.map_err(|error| self.broken(&error))?;
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes).map_err(|error| self.stranger(format!("its JSON is another one ({error})")))
    }

    /// Takes an answer of success, and makes an error of any other.
    async fn accepted(&self, answer: Response) -> Result<Response> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let is_problem = answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
        let bytes = answer.bytes().await.map_err(|error| self.broken(&error))?;
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) if is_problem => Err(Error::Refused(problem)),
            _ => Err(self.stranger(format!("with {status} and no problem+json"))),
        }
    }

    fn stranger(&self, how: String) -> Error {
        Error::Stranger(self.address().to_owned(), how)
    }

    fn broken(&self, error: &reqwest::Error) -> Error {
        // The innermost error is the telling one; the others repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::ConnectionRefused) {
            return Error::NotThere(self.address().to_owned());
        }
        let cause = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
        Error::Broken(self.address().to_owned(), cause)
    }
}

/// A text that comes piece by piece.
#[derive(Debug)]
pub(super) struct Stream {
    client: Client,
    answer: Response,
}

impl Stream {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let chunk = self.answer.chunk().await.map_err(|error| self.client.broken(&error))?;
        Ok(chunk.map(|bytes| bytes.to_vec()))
    }
}

#[derive(serde::Deserialize)]
struct Page {
    items: Vec<Value>,
    #[serde(rename = "continue")]
    go_on: Option<String>,
}

fn parse_address(text: &str) -> anyhow::Result<Url> {
    let text = text.trim();
    let wrong = |why: &str| Usage::error(format!("--addr: `{text}` {why}"));
    if text.starts_with("https://") {
        return Err(wrong(
            "asks for TLS, which captd does not speak yet; use a tunnel (ssh -L) or a proxy beside the client, and say its http:// address",
        ));
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    match Url::parse(&full) {
        Ok(url) if url.scheme() == "http" && url.query().is_none() && url.fragment().is_none() => Ok(url),
        _ => Err(wrong("is no address; write host:port or http://host:port")),
    }
}
