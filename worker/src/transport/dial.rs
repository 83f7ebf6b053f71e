//! Opening a connection: name, TCP, TLS, each under the same deadline.

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use dlt_model::program::Client;
use tokio::{net::TcpStream, time::timeout_at};
use tokio_rustls::TlsConnector;

use super::{Origin, Roots, Traffic, dns::Names, stream::Stream, tls, traffic::add};
use crate::Fault;

/// How much is read at once, by all connections of a thread in turn.
const READ_BYTES: usize = 64 * 1024;

/// `EMFILE`, `ENFILE` and `EADDRNOTAVAIL`: no descriptor, or no local port is left.
const OUT_OF_SOCKETS: [i32; 3] = [24, 23, 99];

/// What the connections of one thread share.
pub struct Wire {
    names: Names,
    tls: TlsConnector,
    /// Where responses are read to, and parsed in place.
    pub buffer: RefCell<Box<[u8]>>,
}

impl Wire {
    /// For a thread that trusts these roots, besides what the client says.
    ///
    /// # Errors
    /// Returns all that is wrong with the client.
    pub fn new(client: &Client, roots: &Roots) -> Result<Self, String> {
        if *client != Client::default() {
            return Err("a client with settings of its own cannot be run".to_owned());
        }
        let buffer = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
        Ok(Self { names: Names::default(), tls: roots.connector(), buffer })
    }

    /// A new connection to the origin, ready for a request.
    pub async fn dial(&self, origin: &Origin, timeout: Duration, traffic: &mut Traffic) -> Result<Stream, Fault> {
        let deadline = (Instant::now() + timeout).into();
        let addresses = timed(&mut traffic.dns, timeout_at(deadline, self.names.addresses(origin))).await;
        let addresses = addresses.map_err(|_| Fault::DnsFailed)??;
        let connected = timed(&mut traffic.connect, timeout_at(deadline, connect(origin, &addresses))).await;
        let stream = connected.map_err(|_| Fault::ConnectTimeout)??;
        if !origin.tls {
            return Ok(Stream::Plain(stream));
        }
        let secured = timed(&mut traffic.tls, timeout_at(deadline, tls::handshake(&self.tls, origin, stream))).await;
        Ok(Stream::Tls(Box::new(secured.map_err(|_| Fault::ConnectTimeout)??)))
    }
}

/// Notes how long something takes, also when it fails.
async fn timed<T>(phase: &mut Option<Duration>, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    add(phase, began.elapsed());
    done
}

async fn connect(origin: &Origin, addresses: &[IpAddr]) -> Result<TcpStream, Fault> {
    let mut last = Fault::DnsFailed;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(*address, origin.port)).await {
            Ok(stream) => {
                // A request is one write; waiting for more would only delay it. Failing means the peer has gone already, and the
                // write will say so.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = fault_of_connect(&error),
        }
    }
    Err(last)
}

fn fault_of_connect(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::ConnectRefused,
        io::ErrorKind::TimedOut => Fault::ConnectTimeout,
        io::ErrorKind::ConnectionReset => Fault::ConnectionReset,
        _ if error.raw_os_error().is_some_and(|code| OUT_OF_SOCKETS.contains(&code)) => Fault::OutOfSockets,
        _ => Fault::ConnectFailed,
    }
}

/// What an error of an open connection is called.
pub fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::ConnectionClosedEarly,
        io::ErrorKind::TimedOut => Fault::RequestTimeout,
        // What rustls finds wrong with the peer's bytes comes as invalid data.
        io::ErrorKind::InvalidData => Fault::TlsFailed,
        _ => Fault::ConnectionReset,
    }
}
