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
    /// Answers, but from an instant on for a while nobody.
    Pause(&'static str, Instant, Duration),
    /// Says nothing for ever.
    Stall,
    /// Answers as this function says.
    Routes(fn(&Asked) -> String),
}

/// A request as the server read it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    /// Method and target: `GET /x?y=z`.
    pub fn line(&self) -> &str {
        self.head.lines().next().and_then(|line| line.strip_suffix(" HTTP/1.1")).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer with a body.
pub fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What the server saw.
#[derive(Debug, Default)]
pub struct Seen {
    requests: AtomicU64,
    connections: Mutex<Vec<Instant>>,
    last_head: Mutex<String>,
    /// Those that were answered by a function.
    asked: Mutex<Vec<Asked>>,
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

    /// Everything that was asked of a server with routes.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic in the server").clone()
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
    while let Some(asked) = read_request(&mut stream, &mut rest, seen).await? {
        match behaviour {
            Behaviour::Routes(route) => {
                let answer = route(&asked);
                seen.asked.lock().expect("no panic in the server").push(asked);
                stream.write_all(answer.as_bytes()).await?;
            }
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
            Behaviour::Pause(bytes, begin, length) => {
                if Instant::now() >= *begin {
                    tokio::time::sleep_until((*begin + *length).into()).await;
                }
                stream.write_all(bytes.as_bytes()).await?;
            }
            Behaviour::Stall => std::future::pending().await,
        }
    }
    Ok(())
}

/// Reads one request with its body and counts it; `None` when the peer has closed the connection.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    rest: &mut Vec<u8>,
    seen: &Seen,
) -> io::Result<Option<Asked>> {
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let length = head.lines().find_map(length_of).unwrap_or(0);
            let whole = end + 4 + length;
            if rest.len() >= whole {
                let body = rest[end + 4..whole].to_vec();
                rest.drain(..whole);
                seen.requests.fetch_add(1, SeqCst);
                *seen.last_head.lock().expect("no panic in the server") = head.clone();
                return Ok(Some(Asked { head, body }));
            }
        }
        if stream.read_buf(rest).await? == 0 {
            return Ok(None);
        }
    }
}

fn length_of(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}
