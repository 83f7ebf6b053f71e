//! The servers, asked by the plainest clients there are.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn answer(mut stream: impl Read + Write, request: &[u8], until: &[u8]) -> Vec<u8> {
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(until) {
        let mut part = [0; 4_096];
        let length = stream.read(&mut part).expect("an answer");
        assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..length]);
    }
    answer
}

fn start(protocol: Protocol, processors: &[usize]) -> (Server, RootCertStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("authority.pem");
    let certificate = Certificate::make(&file).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&file).expect("PEM")).expect("an authority");
    (Server::start(protocol, &certificate, processors, None).expect("a server"), roots)
}

fn secure(server: &Server, roots: RootCertStore, protocol: &[u8]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, TcpStream::connect(server.address).expect("connected"))
}

#[test]
fn connections_are_dealt_out_and_every_request_is_counted() {
    let first = machine::processors()[0];
    let (server, _) = start(Protocol::Http1, &[first, first]);
    let streams: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(server.address).expect("connected")).collect();
    for stream in streams.iter().chain(&streams) {
        let text = answer(stream, GET, b"}");
        assert!(text.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&text));
    }
    let tally = server.stop();
    assert_eq!((tally.requests, tally.connections), (10, 5));
    assert!(tally.span() > Duration::ZERO && tally.cpu > Duration::ZERO);
}

#[test]
fn both_protocols_are_spoken_over_tls() {
    let first = machine::processors()[0];
    let (server, roots) = start(Protocol::Tls, &[first]);
    assert!(answer(secure(&server, roots, b"http/1.1"), GET, b"}").starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(server.stop().requests, 1);
    let (server, roots) = start(Protocol::Http2, &[first]);
    // The preface, settings without a word, and a header block that ends its stream.
    let request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x82";
    assert!(answer(secure(&server, roots, b"h2"), request, b"}").starts_with(b"\0\0\0\x04"));
    assert_eq!(server.stop().requests, 1);
}

#[test]
fn a_stall_holds_everybody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = Certificate::make(&folder.path().join("authority.pem")).expect("a certificate");
    let stall = Stall { after: Duration::ZERO, lasts: Duration::from_millis(200) };
    let first = machine::processors()[0];
    let server = Server::start(Protocol::Http1, &certificate, &[first], Some(stall)).expect("a server");
    let stream = TcpStream::connect(server.address).expect("connected");
    answer(&stream, GET, b"}");
    let before = Instant::now();
    answer(&stream, GET, b"}");
    let waited = before.elapsed();
    assert!(waited >= stall.lasts - Duration::from_millis(10), "{waited:?}");
    // Nobody came meanwhile, so it was away for as long as it stalled.
    let away = server.stop().away;
    assert!(stall.lasts <= away && away <= waited + Duration::from_millis(10), "{away:?} {waited:?}");
}
