//! TLS: whom we trust, and a handshake.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Origin, dial::fault_of};
use crate::Fault;

/// How many sessions a thread remembers to resume.
const REMEMBERED_SESSIONS: usize = 256;

/// The certificate authorities that are trusted, read once.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The machine's own (`SSL_CERT_FILE`, `SSL_CERT_DIR` or the system's store); the Mozilla list when it has none.
    pub fn load() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Self(Arc::new(roots))
    }

    /// A connector of a thread's own: it shares certificates and nothing else.
    pub fn connector(&self) -> TlsConnector {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(REMEMBERED_SESSIONS);
        TlsConnector::from(Arc::new(config))
    }
}

/// Shakes hands with the peer as the origin's host.
pub async fn handshake(
    connector: &TlsConnector,
    origin: &Origin,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Fault> {
    let name = ServerName::try_from(origin.host.to_string()).map_err(|_| Fault::TlsFailed)?;
    connector.connect(name, stream).await.map_err(|error| match fault_of(&error) {
        reset @ Fault::ConnectionReset => reset,
        _ => Fault::TlsFailed,
    })
}
