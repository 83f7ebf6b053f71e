//! One thread of a server: readiness in, answers out.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use rustls::ServerConfig;

use super::{
    Protocol, Stall, Tally,
    connection::{Connection, Speech},
    http1::Http1,
    http2::Http2,
    site::Site,
};
use crate::machine;

/// Somebody has something for this thread.
pub const WAKE: Token = Token(usize::MAX);
const DOOR: Token = Token(usize::MAX - 1);
/// How much is read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// How many connections are looked at between two waits.
const EVENTS: usize = 1_024;

/// How a thread is given connections: where it runs, where to leave one, and how to say so.
#[derive(Clone)]
pub struct Post {
    pub processor: usize,
    pub sender: Sender<TcpStream>,
    pub waker: Arc<Waker>,
}

/// One thread's state.
pub struct EventLoop {
    poll: Poll,
    /// The listener and everybody's post, if this thread accepts.
    door: Option<(TcpListener, Vec<Post>)>,
    adopted: Receiver<TcpStream>,
    tls: Option<Arc<ServerConfig>>,
    protocol: Protocol,
    stopping: Arc<AtomicBool>,
    progress: Arc<AtomicU64>,
    stall: Option<Stall>,
    /// Since when this thread has stalled, until it has let somebody in again.
    away_since: Option<Instant>,
    connections: Vec<Option<Box<Connection>>>,
    free: Vec<usize>,
    tally: Tally,
    site: Site,
}

/// The processor where the kernel works for this connection. Served by a thread that is there, too, no packet of it has to
/// go to another; a network card with a queue for each processor does the same.
fn arrives_at(stream: &TcpStream) -> Option<usize> {
    usize::try_from(rustix::net::sockopt::socket_incoming_cpu(stream).ok()?).ok()
}

impl EventLoop {
    #[expect(clippy::too_many_arguments, reason = "each is a part of one thread, named once in `Server::start`")]
    pub fn new(
        poll: Poll,
        door: Option<(TcpListener, Vec<Post>)>,
        adopted: Receiver<TcpStream>,
        tls: Option<Arc<ServerConfig>>,
        protocol: Protocol,
        stopping: Arc<AtomicBool>,
        progress: Arc<AtomicU64>,
        stall: Option<Stall>,
    ) -> Self {
        Self {
            poll,
            door,
            adopted,
            tls,
            protocol,
            stopping,
            progress,
            stall,
            away_since: None,
            connections: Vec::new(),
            free: Vec::new(),
            tally: Tally::default(),
            site: Site::default(),
        }
    }

    /// Serves until it is told to stop, and says what it saw.
    pub fn run(&mut self) -> Tally {
        if let Some((listener, _)) = &mut self.door {
            self.poll.registry().register(listener, DOOR, Interest::READABLE).expect("a fresh listener is registered");
        }
        let mut events = Events::with_capacity(EVENTS);
        let (mut buffer, mut plain) = (vec![0; BUFFER_BYTES], Vec::new());
        while !self.stopping.load(Relaxed) {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.expect("the kernel can be waited for"),
            }
            self.stall_when_due();
            let before = self.site.requests;
            for event in &events {
                match event.token() {
                    DOOR => self.accept(),
                    WAKE => self.adopt(),
                    Token(place) => self.serve(place, &mut buffer, &mut plain),
                }
            }
            self.note(before);
        }
        Tally {
            requests: self.site.requests,
            orders: self.site.orders,
            bad_orders: self.site.bad_orders,
            cpu: machine::cpu_of_this_thread(),
            ..self.tally
        }
    }

    fn note(&mut self, before: u64) {
        let new = self.site.requests - before;
        if new > 0 {
            let now = Instant::now();
            self.tally.first.get_or_insert(now);
            self.tally.last = Some(now);
            self.progress.fetch_add(new, Relaxed);
        }
    }

    fn stall_when_due(&mut self) {
        let Some((stall, first)) = self.stall.zip(self.tally.first) else { return };
        if first.elapsed() >= stall.after {
            self.stall = None;
            let began = Instant::now();
            self.away_since = Some(began);
            machine::rest(stall.lasts);
            self.tally.away = began.elapsed();
        }
    }

    fn accept(&mut self) {
        let Some((listener, posts)) = &self.door else { return };
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let turn = usize::try_from(self.tally.connections).unwrap_or(0) % posts.len();
                    self.tally.connections += 1;
                    let home = arrives_at(&stream);
                    let chosen = posts.iter().position(|post| Some(post.processor) == home).unwrap_or(turn);
                    let post = &posts[chosen];
                    // Threads end together.
                    if post.sender.send(stream).is_ok() && chosen > 0 {
                        let _ = post.waker.wake();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nobody else is at the door, or the one who was has gone.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("the server cannot accept a connection: {error}"),
            }
        }
        self.adopt();
        if let Some(began) = self.away_since.take() {
            self.tally.away = began.elapsed();
        }
    }

    fn adopt(&mut self) {
        while let Ok(stream) = self.adopted.try_recv() {
            let speech = match self.protocol {
                Protocol::Http1 | Protocol::Tls => Speech::Http1(Http1::default()),
                Protocol::Http2 => Speech::Http2(Http2::default()),
            };
            // A peer that has gone already is none.
            let Ok(mut connection) = Connection::new(stream, self.tls.as_ref(), speech) else { continue };
            let place = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let interest = Interest::READABLE | Interest::WRITABLE;
            match self.poll.registry().register(&mut connection.stream, Token(place), interest) {
                Ok(()) => self.connections[place] = Some(Box::new(connection)),
                Err(_) => self.free.push(place),
            }
        }
    }

    fn serve(&mut self, place: usize, buffer: &mut [u8], plain: &mut Vec<u8>) {
        let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else { return };
        if !connection.serve(buffer, plain, &mut self.site) {
            // Dropping it closes it, and the kernel forgets it.
            self.connections[place] = None;
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener as Listener, TcpStream as Stream};

    use super::*;

    #[test]
    fn a_connection_arrives_where_its_client_is() {
        let home = *machine::processors().last().expect("a test runs on some processor");
        let listener = Listener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it has one");
        let client = std::thread::spawn(move || {
            machine::pin_this_thread(&[home]);
            Stream::connect(address).expect("somebody listens")
        });
        let _client = client.join().expect("the thread ends");
        let accepted = TcpStream::from_std(listener.accept().expect("somebody came").0);
        assert_eq!(arrives_at(&accepted), Some(home));
    }
}
