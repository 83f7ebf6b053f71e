//! Servers that mean harm: each is counted under its name, none stalls the worker, and other requests go on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use dlt_model::{
    program::{Client, Request, Version},
    report::Measurements,
    template::Template,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    job::{Job, get},
    peers::{Manners, Peer},
    server::{Behaviour, OK, Server},
};

/// How long a request may take that nothing else ends, and one that ends by what it hears.
const SHORT_TIMEOUT_MS: u64 = 300;
const LONG_TIMEOUT_MS: u64 = 5_000;
/// How late a busy machine may be.
const GRACE_MS: u64 = 2_000;

/// What a server does with a connection once something was asked.
#[derive(Clone, Debug)]
struct Harm {
    /// Said once.
    first: Vec<u8>,
    /// Said again and again, with pauses, until the peer has gone.
    then: Vec<u8>,
    pause: Duration,
    /// Whether the connection is closed after that.
    closes: bool,
}

impl Harm {
    fn of(first: impl Into<Vec<u8>>) -> Self {
        Self { first: first.into(), then: Vec::new(), pause: Duration::ZERO, closes: false }
    }

    fn then(self, then: impl Into<Vec<u8>>, pause_ms: u64) -> Self {
        Self { then: then.into(), pause: Duration::from_millis(pause_ms), ..self }
    }

    fn and_closes(self) -> Self {
        Self { closes: true, ..self }
    }
}

/// A server that does harm, on a thread of its own.
fn start(harm: Harm) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(do_harm(stream, harm.clone()));
            }
        });
    });
    address
}

async fn do_harm(mut stream: TcpStream, harm: Harm) {
    let _ = stream.set_nodelay(true);
    let mut asked = vec![0; 65_536];
    let _ = stream.read(&mut asked).await;
    if stream.write_all(&harm.first).await.is_err() {
        return;
    }
    if harm.closes {
        // Only our side: what the peer still says must not turn the end into a reset.
        let _ = stream.shutdown().await;
    }
    while !harm.then.is_empty() {
        if stream.write_all(&harm.then).await.is_err() {
            return;
        }
        if !harm.pause.is_zero() {
            tokio::time::sleep(harm.pause).await;
        }
    }
    // Half open: nothing more is said, and nothing is closed.
    while stream.read(&mut asked).await.is_ok_and(|length| length > 0) {}
}

/// Two users ask the hostile server and then a good one, in turn.
async fn beside_a_good_one(harm: Harm, version: Version, timeout_ms: u64) -> (Measurements, Measurements) {
    let hostile = start(harm);
    let (good_url, seen): (String, Box<dyn Fn() -> u64>) = match version {
        Version::Http2 => {
            let peer = Peer::start(Manners::default(), None);
            (peer.url(), Box::new(move || peer.seen.requests()))
        }
        _ => {
            let server = Server::start(Behaviour::Answer(OK, Duration::ZERO));
            (server.url(), Box::new(move || server.seen.requests()))
        }
    };
    let bad = Request { label: Template::literal("bad"), timeout_ms, ..get(&format!("http://{hostile}/")) };
    let good = Request { label: Template::literal("good"), ..get(&good_url) };
    let mut job = Job::new(vec![bad, good], 2, 700);
    job.assignment.program.client = Client { version, ..Client::default() };
    let began = Instant::now();
    let (reports, _) = job.run().await;
    assert!(began.elapsed() < Duration::from_secs(15), "the worker was held up");
    let mut labels = reports.into_iter().next().expect("a report").labels;
    let (bad, good) = (labels.remove("bad").expect("samples"), labels.remove("good").expect("samples"));
    assert_eq!(good.outcomes.keys().collect::<Vec<_>>(), ["200"]);
    assert_eq!((good.samples(), good.samples()), (seen(), bad.samples()));
    (bad, good)
}

async fn is_called(name: &str, version: Version, harm: Harm) {
    let what = format!("{:?}", &harm.first[..harm.first.len().min(60)]);
    let timeout_ms = if name == "request timeout" { SHORT_TIMEOUT_MS } else { LONG_TIMEOUT_MS };
    let (bad, _) = beside_a_good_one(harm, version, timeout_ms).await;
    assert_eq!(bad.outcomes.keys().collect::<Vec<_>>(), [name], "{what}");
    assert_eq!(bad.failed, bad.samples());
    assert!(
        bad.latency.percentile_us(100.0).expect("samples") < (SHORT_TIMEOUT_MS + GRACE_MS) * 1_000,
        "held up by {what}"
    );
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

#[tokio::test]
async fn http1_servers_that_never_end_run_into_the_timeout() {
    let http1 = Version::Http1;
    is_called("request timeout", http1, Harm::of(HEAD).then("X", 20)).await;
    is_called("request timeout", http1, Harm::of(format!("{HEAD}Content-Length: 999999999\r\n\r\n")).then("x", 10))
        .await;
    is_called("request timeout", http1, Harm::of(format!("{HEAD}Content-Length: 5\r\n\r\nhalf"))).await;
    is_called(
        "request timeout",
        http1,
        Harm::of("HTTP/1.1 100 Continue\r\n\r\n").then("HTTP/1.1 100 Continue\r\n\r\n", 1),
    )
    .await;
    is_called("request timeout", http1, Harm::of(format!("{HEAD}\r\n")).then(vec![b'x'; 60_000], 1)).await;
    is_called("request timeout", http1, Harm::of("")).await;
}

#[tokio::test]
async fn http1_servers_that_break_the_rules_are_found_out() {
    let http1 = Version::Http1;
    is_called("head too large", http1, Harm::of(HEAD).then("X-Header: value\r\n", 0)).await;
    is_called("head too large", http1, Harm::of(format!("{HEAD}X: ")).then(vec![b'y'; 9_000], 0)).await;
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    is_called("malformed response", http1, Harm::of(format!("{chunked}1;")).then(vec![b'z'; 9_000], 0)).await;
    is_called("malformed response", http1, Harm::of(format!("{chunked}zz\r\n"))).await;
    is_called("malformed response", http1, Harm::of(vec![0x15, 3, 3, 0, 2, 2, 40])).await;
    is_called("connection closed early", http1, Harm::of(format!("{HEAD}Content-Length: 9\r\n\r\nshort")).and_closes())
        .await;
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settled(more: &[Vec<u8>]) -> Vec<u8> {
    [frame(4, 0, 0, &[]), more.concat()].concat()
}

#[tokio::test]
async fn http2_servers_that_never_end_run_into_the_timeout() {
    let http2 = Version::Http2;
    let head = || frame(1, 4, 1, &[0x88]);
    is_called("request timeout", http2, Harm::of(settled(&[]))).await;
    is_called("request timeout", http2, Harm::of("")).await;
    is_called("request timeout", http2, Harm::of(settled(&[head()])).then(frame(0, 0, 1, b"x"), 5)).await;
    is_called("request timeout", http2, Harm::of(settled(&[])).then(frame(1, 4, 1, &[0x48, 3, b'1', b'0', b'0']), 5))
        .await;
    is_called("request timeout", http2, Harm::of(settled(&[head()])).then(frame(0, 0, 1, &[0; 16_000]), 1)).await;
}

#[tokio::test]
async fn http2_floods_bombs_and_violations_are_found_out() {
    let http2 = Version::Http2;
    is_called("http2 flood", http2, Harm::of(settled(&[])).then(frame(6, 0, 0, &[0; 8]).repeat(100), 0)).await;
    is_called("http2 flood", http2, Harm::of(settled(&[])).then(frame(4, 0, 0, &[]).repeat(100), 0)).await;
    is_called("http2 flood", http2, Harm::of(settled(&[frame(1, 0, 1, &[])])).then(frame(9, 0, 1, &[]), 0)).await;
    is_called(
        "head too large",
        http2,
        Harm::of(settled(&[frame(1, 0, 1, &[])])).then(frame(9, 0, 1, &[0x88; 9_000]), 0),
    )
    .await;
    let bomb = [&[0x88, 0x40, 1, b'a', 0x7f, 0xa1, 0x1e][..], &[b'x'; 4_000], &[0xbe; 60]].concat();
    is_called("head too large", http2, Harm::of(settled(&[frame(1, 4, 1, &bomb)]))).await;
    let overflow = frame(8, 0, 0, &0x7fff_ffff_u32.to_be_bytes());
    is_called("http2 protocol error", http2, Harm::of(settled(&[overflow]))).await;
    is_called("http2 protocol error", http2, Harm::of(settled(&[frame(5, 4, 1, &[0, 0, 0, 2])]))).await;
    is_called("not http2", http2, Harm::of("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    is_called("http2 protocol error", http2, Harm::of("SSH-2.0-OpenSSH_9.9\r\n")).await;
}

#[tokio::test]
async fn http2_servers_that_hang_up_or_refuse_are_named() {
    let http2 = Version::Http2;
    is_called("connection closed early", http2, Harm::of(settled(&[frame(1, 4, 1, &[0x88])])).and_closes()).await;
    is_called(
        "stream refused",
        http2,
        Harm::of(settled(&[frame(3, 0, 1, &7_u32.to_be_bytes()), frame(7, 0, 0, &[0; 8])])),
    )
    .await;
    is_called("stream refused", http2, Harm::of(settled(&[frame(7, 0, 0, &[0; 8])]))).await;
    is_called(
        "malformed response",
        http2,
        Harm::of(settled(&[frame(1, 5, 1, &[0x88, 0x0f, 13, 1, b'5']), frame(7, 0, 0, &[0; 8])])).and_closes(),
    )
    .await;
}

#[tokio::test]
async fn a_refused_connection_costs_one_attempt_per_sample() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    for version in [Version::Http1, Version::Http2] {
        let mut job = Job::new(vec![get(&format!("http://{free}/"))], 4, 300);
        let client = Client { version, ..Client::default() };
        job.assignment.program.client =
            Client { http2: dlt_model::program::Http2 { users_per_connection: 4 }, ..client };
        let (_, whole) = job.run().await;
        assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), ["connect refused"]);
        assert_eq!((whole.requests, whole.connecting.count()), (0, whole.samples()));
    }
}
