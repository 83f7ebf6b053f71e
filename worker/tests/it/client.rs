//! What a program's client says about connections: TLS, names, proxies, local addresses, and how long they are kept.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use dlt_model::{
    program::{Client, Dns, Reuse, Tls, TlsVersion, Version},
    report::Measurements,
    template::Template,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    job::{Job, get},
    peers::{Authority, Manners, Peer},
    server::{Behaviour, OK, Server},
};

async fn run(url: &str, client: Client) -> Measurements {
    let mut job = Job::new(vec![get(url)], 2, 300);
    job.assignment.program.client = client;
    job.run().await.1
}

fn outcomes(whole: &Measurements) -> Vec<&str> {
    whole.outcomes.keys().map(String::as_str).collect()
}

pub fn trusting(authority: &Authority) -> Tls {
    Tls { ca: Some(authority.pem.clone()), ..Tls::default() }
}

#[tokio::test]
async fn http2_is_spoken_where_tls_agrees_on_it_and_http1_otherwise() {
    let authority = Authority::new();
    let both = Peer::start(Manners::default(), Some(authority.acceptor("localhost", &["h2", "http/1.1"], None)));
    let url = format!("https://localhost:{}/", both.address.port());
    for version in [Version::Auto, Version::Http2] {
        let whole = run(&url, Client { version, tls: trusting(&authority), ..Client::default() }).await;
        assert_eq!(outcomes(&whole), ["200"]);
    }
    let tls = authority.acceptor("localhost", &["http/1.1"], None);
    let old = Server::start_with(Behaviour::Answer(OK, Duration::ZERO), Some(tls));
    let url = format!("https://localhost:{}/", old.address.port());
    let whole = run(&url, Client { version: Version::Auto, tls: trusting(&authority), ..Client::default() }).await;
    assert_eq!((outcomes(&whole), whole.samples()), (vec!["200"], old.seen.requests()));
    let whole = run(&url, Client { version: Version::Http2, tls: trusting(&authority), ..Client::default() }).await;
    assert_eq!(outcomes(&whole), ["not http2"]);
}

#[tokio::test]
async fn tls_trusts_names_and_shows_what_the_client_says() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = |name: &str, clients: Option<&Authority>| {
        let tls = authority.acceptor(name, &[], clients);
        let server = Server::start_with(Behaviour::Answer(OK, Duration::ZERO), Some(tls));
        (format!("https://127.0.0.1:{}/", server.address.port()), server)
    };
    let with = |tls: Tls| Client { tls, ..Client::default() };
    let (url, _) = server("shop.test", None);
    assert_eq!(outcomes(&run(&url, Client::default()).await), ["tls failed"]);
    assert_eq!(outcomes(&run(&url, with(trusting(&authority))).await), ["tls failed"]);
    let named = Tls { server_name: Some("shop.test".to_owned()), ..trusting(&authority) };
    assert_eq!(outcomes(&run(&url, with(named)).await), ["200"]);
    assert_eq!(outcomes(&run(&url, with(Tls { insecure: true, ..Tls::default() })).await), ["200"]);
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let only = Tls { insecure: true, min_version: Some(version), max_version: Some(version), ..Tls::default() };
        assert_eq!(outcomes(&run(&url, with(only)).await), ["200"]);
    }
    let (url, _) = server("127.0.0.1", Some(&clients));
    assert_ne!(outcomes(&run(&url, with(trusting(&authority))).await), ["200"]);
    let (certificate, key) = clients.sign("me");
    let me = Tls {
        certificate: Some(certificate.pem()),
        key: Some(Template::literal(key.serialize_pem())),
        ..trusting(&authority)
    };
    assert_eq!(outcomes(&run(&url, with(me)).await), ["200"]);
}

#[tokio::test]
async fn hosts_of_the_clients_own_need_no_name_server_and_source_addresses_are_taken_in_turn() {
    let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let address: IpAddr = "127.0.0.1".parse().expect("an address");
    let sources = ["127.0.0.2", "127.0.0.3"].map(|source| source.parse().expect("an address")).to_vec();
    let dns = Dns { hosts: BTreeMap::from([("shop.test".to_owned(), address)]), ..Dns::default() };
    let client = Client { dns, source_addresses: sources, reuse: Reuse::Never, ..Client::default() };
    let whole = run(&format!("http://shop.test:{}/", server.address.port()), client).await;
    assert_eq!((outcomes(&whole), whole.samples()), (vec!["200"], server.seen.requests()));
    assert_eq!(server.seen.connections().len() as u64, whole.samples(), "every request has a connection of its own");
    assert!(server.seen.last_head().contains(&format!("Host: shop.test:{}", server.address.port())));
    let peers = server.seen.peers();
    assert!(peers.iter().all(|peer| ["127.0.0.2", "127.0.0.3"].contains(&peer.to_string().as_str())));
    assert!(peers.len() < 3 || peers.iter().any(|peer| *peer != peers[0]));
}

/// A proxy that notes what it is asked for and does it, or refuses.
pub async fn proxy(refuses: bool) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (asked, heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.expect("a connection");
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    if near.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                let authority = text.split(' ').nth(1).unwrap_or_default().to_owned();
                let is_tunnel = text.starts_with("CONNECT ");
                let _ = asked.send(text);
                if refuses {
                    let _ = near.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n").await;
                    return;
                }
                if !is_tunnel {
                    let _ = near.write_all(OK.as_bytes()).await;
                    return;
                }
                let Ok(mut far) = TcpStream::connect(authority).await else { return };
                let _ = near.write_all(b"HTTP/1.1 200 Go ahead\r\n\r\n").await;
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (port, heard)
}

#[tokio::test]
async fn a_proxy_is_asked_with_absolute_urls_and_for_tunnels() {
    let (port, mut heard) = proxy(false).await;
    let proxy = Some(Template::literal(format!("http://me:secret@127.0.0.1:{port}")));
    let whole = run("http://nowhere.invalid/x", Client { proxy: proxy.clone(), ..Client::default() }).await;
    assert_eq!(outcomes(&whole), ["200"]);
    let asked = heard.recv().await.expect("asked");
    assert!(asked.starts_with("GET http://nowhere.invalid/x HTTP/1.1\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    let authority = Authority::new();
    let tls = authority.acceptor("127.0.0.1", &[], None);
    let server = Server::start_with(Behaviour::Answer(OK, Duration::ZERO), Some(tls));
    let client = Client { proxy, tls: trusting(&authority), ..Client::default() };
    let whole = run(&format!("https://{}/", server.address), client).await;
    assert_eq!((outcomes(&whole), whole.samples()), (vec!["200"], server.seen.requests()));
    assert!(!server.seen.last_head().contains("Proxy-Authorization"), "what is for the proxy stays there");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_counted_as_such() {
    let (port, _heard) = proxy(true).await;
    let proxy = Some(Template::literal(format!("http://127.0.0.1:{port}")));
    let whole = run("https://127.0.0.1:9/", Client { proxy, ..Client::default() }).await;
    assert_eq!((outcomes(&whole), whole.requests), (vec!["proxy refused"], 0));
}

#[tokio::test]
async fn a_client_that_cannot_be_built_is_refused_before_the_start() {
    let tls = Tls { ca: Some("nothing".to_owned()), ..Tls::default() };
    let mut job = Job::new(vec![get("http://127.0.0.1:9/")], 1, 100);
    job.assignment.program.client = Client { tls, ..Client::default() };
    job.assign();
    let refused = job.live(0, std::future::pending(), std::io::sink()).await;
    assert!(refused.expect_err("refused").to_string().contains("tls.ca"));
}
