//! Every protocol by every way: over TLS, over IPv6, through a proxy, from a chosen address; and cookies of a handshake.

use std::{net::SocketAddr, time::Duration};

use dlt_model::{
    program::{Client, Grpc, Request, Step, Tcp, Version, WebSocket},
    report::{Measurements, Report},
    template::Template,
};

use crate::{
    client::{proxy, trusting},
    fronts::Front,
    job::{Job, get},
    peers::{Authority, Manners, Peer},
    protocols::{bytes, call, chat, grpc, receive, says, tcp, websocket},
    server::{Behaviour, OK, Server, answer},
    steps::{ask, each, step, template},
    talkers::Talker,
};

/// A server of each protocol, and by which addresses they are known.
struct Town {
    http1: Server,
    http2: Peer,
    chat: Talker,
    stock: Talker,
    echo: Talker,
    fronts: [Front; 5],
    tls: bool,
}

const LABELS: [&str; 5] = ["http1", "http2", "chat", "stock", "echo"];

impl Town {
    fn new(listen: &str, authority: Option<(&Authority, &str)>) -> Self {
        let (http1, http2) =
            (Server::start(Behaviour::Answer(OK, Duration::ZERO)), Peer::start(Manners::default(), None));
        let (chat, stock, echo) = (Talker::chat(), Talker::stock(), Talker::echo());
        let front = |protocols: &[&str], target: SocketAddr| {
            Front::start(listen, authority.map(|(authority, name)| authority.acceptor(name, protocols, None)), target)
        };
        let fronts = [
            front(&["http/1.1"], http1.address),
            front(&["h2"], http2.address),
            front(&[], chat.address),
            front(&["h2"], stock.address),
            front(&[], echo.address),
        ];
        Self { http1, http2, chat, stock, echo, fronts, tls: authority.is_some() }
    }

    /// Asks everybody once in their own way, by this name of the machine.
    fn steps(&self, host: &str) -> Vec<Step> {
        let at = |place: usize| format!("{host}:{}", self.fronts[place].address.port());
        let secure = if self.tls { "s" } else { "" };
        let page = |place: usize, version: Version| {
            let url = template(&format!("http{secure}://{}/", at(place)));
            step(Request { label: LABELS[place].into(), url, version: Some(version), ..get("http://x.test/") })
        };
        vec![
            page(0, Version::Http1),
            page(1, Version::Http2),
            chat(WebSocket {
                url: template(&format!("ws{secure}://{}/chat", at(2))),
                ..websocket("chat", "x", vec![says("hello"), receive(Vec::new(), Vec::new())])
            }),
            call(Grpc { url: template(&format!("http{secure}://{}", at(3))), ..grpc("stock", "x", "pen") }),
            bytes(Tcp { tls: self.tls, ..tcp("echo", &at(4), "hello\n") }),
        ]
    }

    async fn visit(&self, host: &str, client: Client) -> (Report, Measurements) {
        let mut job = Job::of_steps(self.steps(host), each(2, 3));
        job.assignment.program.client = client;
        let (mut reports, whole) = job.run().await;
        (reports.remove(0), whole)
    }

    /// What each server saw: the requests over HTTP, and what was said otherwise.
    fn heard(&self) -> [u64; 5] {
        let said = |talker: &Talker, line: &str| talker.heard.count(line);
        let (chat, echo) = (said(&self.chat, "hello"), said(&self.echo, "hello\n"));
        [self.http1.seen.requests(), self.http2.seen.requests(), chat, self.stock.heard.calls(), echo]
    }

    fn came(&self) -> Vec<String> {
        self.fronts.iter().flat_map(Front::came).collect()
    }
}

fn all_went_well(report: &Report, whole: &Measurements, town: &Town) {
    assert_eq!((whole.failed, town.heard()), (0, [6; 5]), "{:?}", whole.outcomes);
    // A conversation is one sample for the handshake and one for the answer.
    assert_eq!(LABELS.map(|label| report.labels[label].succeeded), [6, 6, 12, 6, 6]);
    assert_eq!(whole.requests, 30);
    assert_eq!(whole.connecting.count() as usize, town.came().len());
}

#[tokio::test]
async fn every_protocol_goes_over_tls() {
    let authority = Authority::new();
    let town = Town::new("127.0.0.1:0", Some((&authority, "localhost")));
    let client = Client { tls: trusting(&authority), ..Client::default() };
    let (report, whole) = town.visit("localhost", client).await;
    all_went_well(&report, &whole, &town);
    assert!(town.http1.seen.last_head().contains("Host: localhost:"));
}

#[tokio::test]
async fn nothing_is_said_over_tls_to_whom_is_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let town = Town::new("127.0.0.1:0", Some((&authority, "localhost")));
    let unknown = Client { tls: trusting(&other), ..Client::default() };
    // The authority is trusted, but it does not say that this is the address's certificate.
    let misnamed = Client { tls: trusting(&authority), ..Client::default() };
    for (host, client) in [("localhost", unknown), ("127.0.0.1", misnamed)] {
        let (report, whole) = town.visit(host, client).await;
        assert_eq!((whole.succeeded, whole.requests), (0, 0));
        for label in LABELS {
            assert_eq!(report.labels[label].outcomes.get("tls failed"), Some(&6), "{host} {label}");
        }
    }
    assert_eq!(town.heard(), [0; 5]);
}

#[tokio::test]
async fn every_protocol_goes_over_ipv6() {
    let town = Town::new("[::1]:0", None);
    let (report, whole) = town.visit("[::1]", Client::default()).await;
    all_went_well(&report, &whole, &town);
    let host = format!("Host: [::1]:{}", town.fronts[0].address.port());
    assert!(town.http1.seen.last_head().contains(&host), "{}", town.http1.seen.last_head());
    assert!(town.came().iter().all(|peer| peer == "::1"));
}

#[tokio::test]
async fn every_protocol_goes_over_tls_over_ipv6() {
    let authority = Authority::new();
    let town = Town::new("[::1]:0", Some((&authority, "::1")));
    let client = Client { tls: trusting(&authority), ..Client::default() };
    let (report, whole) = town.visit("[::1]", client).await;
    all_went_well(&report, &whole, &town);
}

/// Everything that a proxy was asked for so far, first lines only, each once.
fn asked(heard: &mut tokio::sync::mpsc::UnboundedReceiver<String>) -> Vec<String> {
    let mut lines: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok())
        .map(|head| head.lines().next().unwrap_or_default().to_owned())
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[tokio::test]
async fn every_protocol_but_plain_http1_goes_through_a_proxys_tunnel() {
    let authority = Authority::new();
    let (port, mut heard) = proxy(false).await;
    let through = || Some(Template::literal(format!("http://127.0.0.1:{port}")));
    for (listen, host, secure) in [("127.0.0.1:0", "127.0.0.1", true), ("[::1]:0", "[::1]", false)] {
        let name = host.trim_matches(['[', ']']);
        let town = Town::new(listen, secure.then_some((&authority, name)));
        let client = Client { proxy: through(), tls: trusting(&authority), ..Client::default() };
        let (_, whole) = town.visit(host, client).await;
        assert_eq!(whole.failed, 0, "{:?}", whole.outcomes);
        // Over plain HTTP/1.1 the proxy answers itself.
        assert_eq!(town.heard(), [if secure { 6 } else { 0 }, 6, 6, 6, 6]);
        let at = |place: usize| format!("{host}:{}", town.fronts[place].address.port());
        let mut expected: Vec<_> = (0..5).map(|place| format!("CONNECT {} HTTP/1.1", at(place))).collect();
        if !secure {
            expected[0] = format!("GET http://{}/ HTTP/1.1", at(0));
        }
        expected.sort();
        assert_eq!(asked(&mut heard), expected);
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_whatever_was_to_go_through_it() {
    let (port, _heard) = proxy(true).await;
    let authority = Authority::new();
    let town = Town::new("127.0.0.1:0", Some((&authority, "127.0.0.1")));
    let proxy = Some(Template::literal(format!("http://127.0.0.1:{port}")));
    let client = Client { proxy, tls: trusting(&authority), ..Client::default() };
    let (report, _) = town.visit("127.0.0.1", client).await;
    for label in LABELS {
        assert_eq!(report.labels[label].outcomes.get("proxy refused"), Some(&6), "{label}");
    }
    assert_eq!((town.heard(), town.came().len()), ([0; 5], 0));
}

#[tokio::test]
async fn each_family_is_reached_from_a_source_address_of_its_own() {
    let sources = ["127.0.0.7", "::1"].map(|source| source.parse().expect("an address")).to_vec();
    for (listen, host, source) in [("127.0.0.1:0", "127.0.0.1", "127.0.0.7"), ("[::1]:0", "[::1]", "::1")] {
        let town = Town::new(listen, None);
        let client = Client { source_addresses: sources.clone(), ..Client::default() };
        let (report, whole) = town.visit(host, client).await;
        all_went_well(&report, &whole, &town);
        assert!(town.came().iter().all(|peer| peer == source), "{:?}", town.came());
    }
}

#[tokio::test]
async fn a_cookie_of_a_handshake_goes_with_the_next_handshake_and_the_next_request() {
    let http = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let talker = Talker::chat();
    let host = talker.address.to_string();
    let room = WebSocket {
        url: template(&format!("ws://{host}/chat?room")),
        ..websocket("room", &host, vec![says("first"), receive(Vec::new(), Vec::new())])
    };
    let steps = vec![
        chat(room),
        chat(websocket("next", &host, vec![says("second"), receive(Vec::new(), Vec::new())])),
        step(ask(&http, "page", "GET", "/")),
    ];
    let (_, whole) = Job::of_steps(steps, each(2, 1)).run().await;
    assert_eq!((whole.failed, talker.heard.count("first"), talker.heard.count("second")), (0, 2, 2));
    // Nobody had a cookie at first; each user has its own afterwards.
    assert_eq!(talker.heard.count("cookie: room=7"), 2);
    let asked = http.seen.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.header("cookie") == Some("room=7")));
}
