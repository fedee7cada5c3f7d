//! One connection of terraform: what it asks, and who answers.

use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response};

use super::source::{Backend, Source};
use crate::grpc::{self, Body, Cause};
use crate::protocol::{Asked, Call, asked};

/// One connection of terraform.
pub(super) struct Connection {
    source: Arc<Source>,
    backend: tokio::sync::Mutex<Option<Backend>>,
}

impl Connection {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, backend: tokio::sync::Mutex::new(None) }
    }

    /// Answers one request, come what may.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let answered = match asked(&path) {
            Asked::Own(call) => self.own(call, request.into_body()).await,
            Asked::Stream => Ok(grpc::silence()),
            // `SERVING`
            Asked::Health => Ok(grpc::answer(&[0x08, 0x01])),
            // A shared process is not ended by one of those that share it.
            Asked::Shutdown => Ok(grpc::answer(&[])),
            Asked::Provider => self.forward(request).await,
        };
        answered.unwrap_or_else(|error| grpc::refuse(&format!("captd: provider lost: {path}: {}", chain(&*error))))
    }

    async fn own(&self, call: Call, body: Incoming) -> Result<Response<Body>, Cause> {
        let (request, _) = grpc::message(body).await?;
        Ok(match call {
            Call::Schema => grpc::answer(&self.source.schema().await?),
            Call::Check => grpc::answer(&self.source.check(&request).await?),
            Call::Configure => {
                let configured = self.source.configure(&request).await?;
                *self.backend.lock().await = configured.backend;
                grpc::answer(&configured.answer)
            }
            Call::Stop => grpc::answer(&[]),
        })
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, Cause> {
        let (mut sender, socket) = self.sender().await?;
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let asked = async {
            sender.ready().await?;
            Ok::<_, Cause>(sender.send_request(request).await?)
        };
        let answered = tokio::select! {
            answered = asked => answered,
            () = self.source.until_it_hangs(&socket) => Err("it hangs: it does not answer any more".into()),
        };
        if answered.is_err() {
            self.source.lost();
        }
        Ok(answered?.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    async fn sender(&self) -> Result<(SendRequest<Body>, PathBuf), Cause> {
        let mut backend = self.backend.lock().await;
        if backend.is_none() {
            *backend = Some(self.source.any().await?);
        }
        let found = backend.as_ref().map(|backend| (backend.sender.clone(), backend.socket.clone()));
        found.ok_or_else(|| "no process".into())
    }
}

/// An error and its causes, as one text.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
