//! TLS: whom we trust, who we are, and a handshake.

use std::sync::Arc;

use dlt_model::program::{Tls, TlsVersion, Version};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Origin, anyone, dial::fault_of, socket::Socket};
use crate::Fault;

/// How many sessions a thread remembers to resume.
const REMEMBERED_SESSIONS: usize = 256;

/// How each version of HTTP is called in a handshake.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

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

    /// None at all.
    #[cfg(test)]
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    fn with(&self, more: Option<&str>) -> Result<Arc<RootCertStore>, String> {
        let Some(pem) = more else { return Ok(Arc::clone(&self.0)) };
        let mut roots = RootCertStore::clone(&self.0);
        for certificate in certificates(pem).map_err(|why| format!("tls.ca: {why}"))? {
            roots.add(certificate).map_err(|error| format!("tls.ca: a certificate cannot be trusted: {error}"))?;
        }
        Ok(Arc::new(roots))
    }
}

/// Handshakes of one thread, for each version of HTTP that may be asked for.
pub struct Handshakes {
    auto: TlsConnector,
    http1: TlsConnector,
    http2: TlsConnector,
    bare: TlsConnector,
    server_name: Option<ServerName<'static>>,
}

/// What is said of HTTP in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// These versions.
    Http(Version),
    /// Nothing: what follows is no HTTP.
    Nothing,
}

impl Handshakes {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// Returns everything that is wrong with them.
    pub fn new(tls: &Tls, roots: &Roots) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let versions = versions(tls);
        if versions.is_empty() {
            problems.push("tls: the oldest version that is good is newer than the newest".to_owned());
        }
        let server_name = tls.server_name.as_ref().and_then(|name| {
            let parsed = ServerName::try_from(name.clone());
            parsed.map_err(|_| problems.push(format!("tls.serverName: `{name}` is not a host name"))).ok()
        });
        let roots = roots.with(tls.ca.as_deref()).map_err(|why| problems.push(why)).ok();
        let identity = identity(tls).map_err(|why| problems.push(why)).ok();
        let (Some(roots), Some(identity), true) = (roots, identity, problems.is_empty()) else { return Err(problems) };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = config(&provider, &versions, roots, identity, tls.insecure).map_err(|why| vec![why])?;
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            // A thread's own: nothing is shared with others.
            config.resumption = Resumption::in_memory_sessions(REMEMBERED_SESSIONS);
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self {
            auto: offering(&[HTTP2, HTTP1]),
            http1: offering(&[HTTP1]),
            http2: offering(&[HTTP2]),
            bare: offering(&[]),
            server_name,
        })
    }

    /// Shakes hands with the peer as the origin's host.
    pub async fn shake(&self, origin: &Origin, offer: Offer, stream: Socket) -> Result<TlsStream<Socket>, Fault> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(origin.host.to_string()).map_err(|_| Fault::TlsFailed)?,
        };
        let connector = match offer {
            Offer::Http(Version::Auto) => &self.auto,
            Offer::Http(Version::Http1) => &self.http1,
            Offer::Http(Version::Http2) => &self.http2,
            Offer::Nothing => &self.bare,
        };
        connector.connect(name, stream).await.map_err(|error| match fault_of(&error) {
            reset @ Fault::ConnectionReset => reset,
            _ if offer == Offer::Http(Version::Http2) && has_no_common_protocol(&error) => Fault::NotHttp2,
            _ => Fault::TlsFailed,
        })
    }
}

fn has_no_common_protocol(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)))
}

/// Whether both sides agreed on HTTP/2.
pub fn speaks_http2(stream: &TlsStream<Socket>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V1_2, &TLS12), (TlsVersion::V1_3, &TLS13)];
    let good = all.into_iter().filter(|(version, _)| {
        tls.min_version.is_none_or(|min| *version >= min) && tls.max_version.is_none_or(|max| *version <= max)
    });
    good.map(|(_, version)| version).collect()
}

type Identity = Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>;

fn identity(tls: &Tls) -> Result<Identity, String> {
    let (chain, key) = match (&tls.certificate, &tls.key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err("tls.key: the certificate's key is missing".to_owned()),
        (None, Some(_)) => return Err("tls.certificate: the key's certificate is missing".to_owned()),
        (Some(chain), Some(key)) => (chain, key),
    };
    let key = key.as_literal().ok_or("tls.key: it has variables that are not filled in")?;
    let chain = certificates(chain).map_err(|why| format!("tls.certificate: {why}"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| "tls.key: it is not a private key in PEM")?;
    Ok(Some((chain, key)))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("it has no certificate in PEM".to_owned()),
        Err(error) => Err(format!("it is not PEM: {error}")),
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    roots: Arc<RootCertStore>,
    identity: Identity,
    is_insecure: bool,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| format!("tls: {error}"))?;
    let builder = if is_insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(anyone::Anyone::new(provider)))
    } else {
        builder.with_root_certificates(roots)
    };
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("tls.key: it cannot be used: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::template::Template;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let tls = Tls {
            min_version: Some(TlsVersion::V1_3),
            max_version: Some(TlsVersion::V1_2),
            server_name: Some("not a name".to_owned()),
            ca: Some("nothing".to_owned()),
            key: Some(Template::literal("x")),
            ..Tls::default()
        };
        let problems = Handshakes::new(&tls, &Roots::none()).err().expect("refused");
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn versions_are_those_between_the_bounds() {
        let count = |min_version, max_version| versions(&Tls { min_version, max_version, ..Tls::default() }).len();
        assert_eq!(count(None, None), 2);
        assert_eq!(count(Some(TlsVersion::V1_3), None), 1);
        assert_eq!(count(None, Some(TlsVersion::V1_2)), 1);
    }
}
