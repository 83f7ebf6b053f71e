//! HTTPS, with a certificate authority that exists for one test.

use std::{path::Path, sync::Arc, time::Duration};

use dlt_model::{program::Request, report::Measurements};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{
    job::{Job, get},
    server::{Behaviour, OK, Server},
};

/// A server with a certificate for `localhost`, and the authority's certificate in PEM.
fn secure_server() -> (Server, String) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).expect("signed");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("signed");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a valid pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    (Server::start_with(Behaviour::Answer(OK, Duration::ZERO), Some(acceptor)), certificate.pem())
}

/// Runs the real binary with these trusted certificates, which it reads once per process.
async fn run(url: &str, trusted: &Path) -> Measurements {
    let job = Job::new(vec![Request { timeout_ms: 2_000, ..get(url) }], 4, 500);
    job.assign();
    let child = job.spawn(0, &[("SSL_CERT_FILE", trusted)]);
    job.open().await;
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    job.reports().1
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_is_asked_by_name_and_by_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = folder.path().join("authority.pem");
    let (server, authority) = secure_server();
    std::fs::write(&trusted, authority).expect("written");
    let mut samples = 0;
    for host in ["localhost", "127.0.0.1"] {
        let whole = run(&format!("https://{host}:{}/", server.address.port()), &trusted).await;
        assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), ["200"]);
        assert_eq!(whole.connecting.count(), 4);
        samples += whole.samples();
    }
    assert_eq!(samples, server.seen.requests());
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_talked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = folder.path().join("authority.pem");
    let ((server, _), (_, other)) = (secure_server(), secure_server());
    std::fs::write(&trusted, other).expect("written");
    let whole = run(&format!("https://localhost:{}/", server.address.port()), &trusted).await;
    assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), ["tls failed"]);
    assert_eq!((whole.requests, server.seen.requests()), (0, 0));
}
