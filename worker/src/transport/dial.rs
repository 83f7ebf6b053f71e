//! Opening a connection: name, TCP, TLS, each under the same deadline.

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::timeout_at};
use tokio_rustls::TlsConnector;

use super::{Origin, Roots, dns::Names, stream::Stream, tls};
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
    /// For a thread that trusts these roots.
    pub fn new(roots: &Roots) -> Self {
        let buffer = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
        Self { names: Names::default(), tls: roots.connector(), buffer }
    }

    /// A new connection to the origin, ready for a request.
    pub async fn dial(&self, origin: &Origin, timeout: Duration) -> Result<Stream, Fault> {
        let deadline = (Instant::now() + timeout).into();
        let addresses = timeout_at(deadline, self.names.addresses(origin)).await.map_err(|_| Fault::DnsFailed)??;
        timeout_at(deadline, self.connect(origin, &addresses)).await.map_err(|_| Fault::ConnectTimeout)?
    }

    async fn connect(&self, origin: &Origin, addresses: &[IpAddr]) -> Result<Stream, Fault> {
        let mut last = Fault::DnsFailed;
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(*address, origin.port)).await {
                Ok(stream) => return self.secure(origin, stream).await,
                Err(error) => last = fault_of_connect(&error),
            }
        }
        Err(last)
    }

    async fn secure(&self, origin: &Origin, stream: TcpStream) -> Result<Stream, Fault> {
        // A request is one write; waiting for more would only delay it. Failing means the peer has gone already, and the
        // write will say so.
        let _ = stream.set_nodelay(true);
        if !origin.tls {
            return Ok(Stream::Plain(stream));
        }
        Ok(Stream::Tls(Box::new(tls::handshake(&self.tls, origin, stream).await?)))
    }
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
