//! Opening a connection: name, TCP, proxy, TLS, each under the same deadline.

use std::{
    cell::{Cell, RefCell},
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    rc::Rc,
    time::Duration,
};

use dlt_model::program::{Client, Reuse, Version};
use tokio::time::timeout_at;

use super::{
    Origin, Roots, Traffic,
    dns::Names,
    heads::Heads,
    http2::Pools,
    proxy::Proxy,
    socket::Socket,
    stream::Stream,
    tls::{Handshakes, Offer, speaks_http2},
    traffic::add,
};
use crate::{Fault, clock::Instant, reactor::Reactor};

/// How much is read at once, by all connections of a thread in turn.
const READ_BYTES: usize = 64 * 1024;

/// `EMFILE`, `ENFILE` and `EADDRNOTAVAIL`: no descriptor, or no local port is left.
const OUT_OF_SOCKETS: [i32; 3] = [24, 23, 99];

/// What the connections of one thread share.
pub struct Wire {
    /// Where sockets are waited for.
    pub reactor: Rc<Reactor>,
    names: Names,
    handshakes: Handshakes,
    proxy: Option<Proxy>,
    sources: Vec<IpAddr>,
    /// How often a source address was chosen.
    turns: Cell<usize>,
    /// Which version of HTTP is spoken, unless a request says so itself.
    pub version: Version,
    /// How many users share an HTTP/2 connection.
    pub users_per_connection: u32,
    /// Whether a connection is used for more than one request.
    pub keeps: bool,
    /// Connections that are shared.
    pub pools: Pools,
    /// Where responses are read to, and parsed in place.
    pub buffer: RefCell<Box<[u8]>>,
    /// Heads that were read from it.
    pub heads: RefCell<Heads>,
}

/// What follows once a connection is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Requests over this version of HTTP.
    Http(Version),
    /// Something else.
    Other,
}

impl Wire {
    /// For a thread that trusts these roots, besides what the client says. The templates of the client must have been
    /// filled in: secrets are not ours to know.
    ///
    /// # Errors
    /// Returns all that is wrong with the client.
    pub fn new(client: &Client, roots: &Roots, reactor: &Rc<Reactor>) -> Result<Self, String> {
        let mut problems = Vec::new();
        let handshakes = Handshakes::new(&client.tls, roots).map_err(|more| problems.extend(more)).ok();
        let proxy = client.proxy.as_ref().map(|proxy| {
            let text = proxy.as_literal().ok_or_else(|| "the proxy has variables that are not filled in".to_owned());
            text.and_then(Proxy::new)
        });
        let proxy = proxy.transpose().map_err(|why| problems.push(why)).ok();
        for source in &client.source_addresses {
            if UdpSocket::bind(SocketAddr::new(*source, 0)).is_err() {
                problems.push(format!("the source address {source} is not an address of this machine"));
            }
        }
        let (Some(handshakes), Some(proxy), true) = (handshakes, proxy, problems.is_empty()) else {
            return Err(problems.join("; "));
        };
        Ok(Self {
            reactor: Rc::clone(reactor),
            names: Names::new(&client.dns),
            handshakes,
            proxy,
            sources: client.source_addresses.clone(),
            turns: Cell::new(0),
            version: client.version,
            users_per_connection: client.http2.users_per_connection.max(1),
            keeps: client.reuse != Reuse::Never,
            pools: Pools::default(),
            heads: RefCell::default(),
            buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        })
    }

    /// The proxy that a request over HTTP/1.1 must be written for.
    pub fn proxy_of(&self, origin: &Origin) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| !origin.tls)
    }

    /// A new connection to the origin, ready for a request, and whether HTTP/2 is spoken.
    pub async fn dial(
        &self,
        origin: &Origin,
        purpose: Purpose,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<(Stream, bool), Fault> {
        let began = Instant::now();
        let dialled = self.dial_by(origin, purpose, began + timeout, traffic).await;
        add(&mut traffic.connecting, began.elapsed());
        dialled
    }

    async fn dial_by(
        &self,
        origin: &Origin,
        purpose: Purpose,
        deadline: Instant,
        traffic: &mut Traffic,
    ) -> Result<(Stream, bool), Fault> {
        let deadline = deadline.into();
        let next = self.proxy.as_ref().map_or(origin, |proxy| &proxy.origin);
        let addresses = timed(&mut traffic.dns, timeout_at(deadline, self.names.addresses(next))).await;
        let addresses = addresses.map_err(|_| Fault::DnsFailed)??;
        let connecting = timeout_at(deadline, self.connect(origin, purpose, next.port, &addresses));
        let stream = timed(&mut traffic.connect, connecting).await.map_err(|_| Fault::ConnectTimeout)??;
        if !origin.tls {
            return Ok((Stream::Plain(stream), purpose == Purpose::Http(Version::Http2)));
        }
        let offer = match purpose {
            Purpose::Http(version) => Offer::Http(version),
            Purpose::Other => Offer::Nothing,
        };
        let shaking = timeout_at(deadline, self.handshakes.shake(origin, offer, stream));
        let stream = timed(&mut traffic.tls, shaking).await.map_err(|_| Fault::ConnectTimeout)??;
        let is_http2 = speaks_http2(&stream);
        if purpose == Purpose::Http(Version::Http2) && !is_http2 {
            return Err(Fault::NotHttp2);
        }
        Ok((Stream::Tls(Box::new(stream)), is_http2))
    }

    /// TCP, and the proxy's tunnel when one is needed.
    async fn connect(
        &self,
        origin: &Origin,
        purpose: Purpose,
        port: u16,
        addresses: &[IpAddr],
    ) -> Result<Socket, Fault> {
        let mut last = Fault::DnsFailed;
        for address in addresses {
            match self.connect_to(SocketAddr::new(*address, port)).await {
                Ok(mut stream) => {
                    let needs_tunnel = origin.tls || !matches!(purpose, Purpose::Http(Version::Auto | Version::Http1));
                    if let Some(proxy) = self.proxy.as_ref().filter(|_| needs_tunnel) {
                        proxy.tunnel(&mut stream, origin).await?;
                    }
                    return Ok(stream);
                }
                Err(error) => last = fault_of_connect(&error),
            }
        }
        Err(last)
    }

    async fn connect_to(&self, peer: SocketAddr) -> io::Result<Socket> {
        let own: Vec<_> = self.sources.iter().filter(|source| source.is_ipv4() == peer.is_ipv4()).collect();
        let source = (!own.is_empty()).then(|| {
            let turn = self.turns.replace(self.turns.get().wrapping_add(1));
            *own[turn % own.len()]
        });
        Socket::connect(&self.reactor, source, peer).await
    }
}

/// Notes how long something takes, also when it fails.
async fn timed<T>(phase: &mut Option<Duration>, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    add(phase, began.elapsed());
    done
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

#[cfg(test)]
mod tests {
    use dlt_model::template::Template;

    use super::*;

    #[test]
    fn a_client_is_refused_with_everything_that_is_wrong_with_it() {
        let client = Client {
            proxy: Some(Template::literal("socks5://x")),
            source_addresses: vec!["203.0.113.9".parse().expect("an address")],
            ..Client::default()
        };
        let reactor = Rc::new(Reactor::new().expect("a descriptor"));
        let why = Wire::new(&client, &Roots::none(), &reactor).err().expect("refused");
        assert!(why.contains("socks5") && why.contains("203.0.113.9"), "{why}");
    }
}
