//! HTTP/2 servers that are not ours, over TLS and without, counting what they see.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// What the server saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub requests: AtomicU64,
    pub connections: AtomicU64,
    pub body_bytes: AtomicU64,
    pub most_at_once: AtomicU64,
    at_once: AtomicU64,
}

impl Seen {
    pub fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    pub fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }
}

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub delay: Duration,
    pub answer_bytes: usize,
    pub max_streams: u32,
    /// After so many milliseconds a connection is told goodbye.
    pub goodbye_after_ms: Option<u64>,
}

impl Default for Manners {
    fn default() -> Self {
        Self { delay: Duration::ZERO, answer_bytes: 5, max_streams: 100, goodbye_after_ms: None }
    }
}

pub struct Peer {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Peer {
    /// A server on a thread of its own, until the test process ends.
    pub fn start(manners: Manners, tls: Option<TlsAcceptor>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let peer = Self { address, seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, manners, tls, seen));
        });
        peer
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn accept(listener: std::net::TcpListener, manners: Manners, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        seen.connections.fetch_add(1, SeqCst);
        let (tls, seen) = (tls.clone(), Arc::clone(&seen));
        tokio::spawn(async move { connection(stream, manners, tls, seen).await });
    }
}

async fn connection(stream: TcpStream, manners: Manners, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, manners, seen).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, manners, seen).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, manners: Manners, seen: Arc<Seen>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            seen.requests.fetch_add(1, SeqCst);
            let now = seen.at_once.fetch_add(1, SeqCst) + 1;
            seen.most_at_once.fetch_max(now, SeqCst);
            let body = request.into_body().collect().await.map(|body| body.to_bytes().len()).unwrap_or_default();
            seen.body_bytes.fetch_add(body as u64, SeqCst);
            tokio::time::sleep(manners.delay).await;
            seen.at_once.fetch_sub(1, SeqCst);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![b'x'; manners.answer_bytes]))))
        }
    });
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(manners.max_streams).initial_stream_window_size(16_384);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let Some(ms) = manners.goodbye_after_ms else {
        let _ = connection.await;
        return;
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// A certificate authority of one test's own, and what it has signed.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).expect("signed").pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    /// A certificate for this name, and its key.
    pub fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        (parameters.signed_by(&key, &self.issuer).expect("signed"), key)
    }

    /// A server's side of handshakes: its name, what it speaks, and whose clients it lets in.
    pub fn acceptor(&self, name: &str, protocols: &[&str], clients: Option<&Self>) -> TlsAcceptor {
        let (certificate, key) = self.sign(name);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("known versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(authority.pem.as_bytes());
                roots.add(certificate.expect("PEM")).expect("a certificate");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("roots"))
            }
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).expect("a valid pair");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}
