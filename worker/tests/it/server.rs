//! A small real HTTP server that counts, and behaves as badly as it is told to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the server does with a request it has read to its end.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with these bytes, after a while.
    Answer(&'static str, Duration),
    /// Answers and closes the connection without having announced it.
    AnswerAndClose(&'static str),
    /// Answers one byte at a time.
    Drip(&'static str),
    /// Resets the connection.
    Reset,
    /// Closes the connection.
    Close,
    /// Says nothing for ever.
    Stall,
}

/// What the server saw.
#[derive(Debug, Default)]
pub struct Seen {
    requests: AtomicU64,
    connections: Mutex<Vec<Instant>>,
    last_head: Mutex<String>,
    peers: Mutex<Vec<IpAddr>>,
}

impl Seen {
    pub fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// When each connection came.
    pub fn connections(&self) -> Vec<Instant> {
        self.connections.lock().expect("no panic in the server").clone()
    }

    /// Where each connection came from.
    pub fn peers(&self) -> Vec<IpAddr> {
        self.peers.lock().expect("no panic in the server").clone()
    }

    pub fn last_head(&self) -> String {
        self.last_head.lock().expect("no panic in the server").clone()
    }
}

/// A server that runs until the test process ends, on a thread of its own so that it is never late.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

impl Server {
    pub fn start(behaviour: Behaviour) -> Self {
        Self::start_with(behaviour, None)
    }

    pub fn start_with(behaviour: Behaviour, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let server = Self { address, seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, behaviour, tls, seen));
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn accept(
    listener: std::net::TcpListener,
    behaviour: Behaviour,
    tls: Option<tokio_rustls::TlsAcceptor>,
    seen: Arc<Seen>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        seen.peers.lock().expect("no panic in the server").push(peer.ip());
        seen.connections.lock().expect("no panic in the server").push(Instant::now());
        let (behaviour, seen, tls) = (behaviour.clone(), Arc::clone(&seen), tls.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let _ = match tls {
                None if matches!(behaviour, Behaviour::Reset) => reset(stream, &seen).await,
                None => serve(stream, &behaviour, &seen).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, &behaviour, &seen).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

async fn reset(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    read_request(&mut stream, &mut Vec::new(), seen).await?;
    stream.set_zero_linger()
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, behaviour: &Behaviour, seen: &Seen) -> io::Result<()> {
    let mut rest = Vec::new();
    while read_request(&mut stream, &mut rest, seen).await? {
        match behaviour {
            Behaviour::Answer(bytes, delay) => {
                if !delay.is_zero() {
                    tokio::time::sleep(*delay).await;
                }
                stream.write_all(bytes.as_bytes()).await?;
            }
            Behaviour::AnswerAndClose(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Behaviour::Drip(bytes) => {
                for byte in bytes.as_bytes() {
                    stream.write_all(&[*byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            Behaviour::Reset | Behaviour::Close => return Ok(()),
            Behaviour::Stall => std::future::pending().await,
        }
    }
    Ok(())
}

/// Reads one request with its body and counts it; false when the peer has closed the connection.
async fn read_request(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>, seen: &Seen) -> io::Result<bool> {
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
            let whole = end + 4 + length;
            if rest.len() >= whole {
                rest.drain(..whole);
                seen.requests.fetch_add(1, SeqCst);
                *seen.last_head.lock().expect("no panic in the server") = head;
                return Ok(true);
            }
        }
        if stream.read_buf(rest).await? == 0 {
            return Ok(false);
        }
    }
}
