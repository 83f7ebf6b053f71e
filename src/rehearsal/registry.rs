//! A registry on loopback that takes every image and keeps none: the one thing of `up` that is no call of an AWS client.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use tokio::{net::TcpListener, task::JoinHandle};

/// A registry that answers until it is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl Registry {
    /// Answers on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
        Ok(Self { address, server })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Nothing is there, and everything may be sent: OCI's distribution protocol, as far as a push speaks it.
async fn answer(method: Method, uri: Uri, body: Body) -> Response {
    let mut sent = body.into_data_stream();
    while let Some(Ok(_)) = sent.next().await {}
    let place = |path: &str| {
        let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/v2/"));
        HeaderMap::from_iter([(LOCATION, place)])
    };
    let path = uri.path().trim_end_matches('/');
    match method {
        Method::GET if path == "/v2" => StatusCode::OK.into_response(),
        Method::POST => (StatusCode::ACCEPTED, place(&format!("{path}/rehearsal"))).into_response(),
        Method::PATCH => (StatusCode::ACCEPTED, place(path)).into_response(),
        Method::PUT => (StatusCode::CREATED, place(path)).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
