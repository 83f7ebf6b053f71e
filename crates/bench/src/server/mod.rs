//! The servers that everybody is measured against: one thread per processor, a readiness loop, the same answer always.
//! They are lean so that the client is the bottleneck, and they count, so that no client's word is needed.

mod certificate;
mod connection;
mod event_loop;
mod http1;
mod http2;
mod site;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mio::{Poll, Waker, net::TcpListener};

pub use self::certificate::{Above, Certificate};
use self::event_loop::{EventLoop, Post, WAKE};
use crate::machine;

/// What is spoken to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 in the clear.
    Http1,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS.
    Http2,
}

/// A time during which the whole server does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    /// From the first request.
    pub after: Duration,
    pub lasts: Duration,
}

/// What the server saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub orders: u64,
    pub bad_orders: u64,
    pub connections: u64,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    /// From the beginning of the stall until whoever came meanwhile had been let in, which is part of what they wait for.
    pub away: Duration,
    /// Processor time of its threads.
    pub cpu: Duration,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.orders += other.orders;
        self.bad_orders += other.bad_orders;
        self.connections += other.connections;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.away = self.away.max(other.away);
        self.cpu += other.cpu;
    }

    /// From the first request to the last.
    pub fn span(&self) -> Duration {
        self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last.saturating_duration_since(first))
    }
}

/// A running server; it ends with [`Server::stop`] or when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    protocol: Protocol,
    stopping: Arc<AtomicBool>,
    progress: Arc<AtomicU64>,
    wakers: Vec<Arc<Waker>>,
    threads: Vec<JoinHandle<Tally>>,
}

/// How many connections may wait to be accepted: as many as Linux grants unless told otherwise.
const QUEUE: i32 = 4_096;

impl Server {
    /// Starts a thread on each of these processors; a connection is given to the one on the processor where it
    /// arrives, and to each in turn where there is none.
    ///
    /// # Errors
    /// Returns an error when there is no port or no thread for it.
    pub fn start(
        protocol: Protocol,
        certificate: &Certificate,
        processors: &[usize],
        stall: Option<Stall>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        // mio's own queue would be full within a stall, and who is turned away there comes back after a second.
        rustix::net::listen(&listener, QUEUE)?;
        let address = listener.local_addr()?;
        let tls = match protocol {
            Protocol::Http1 => None,
            Protocol::Tls => Some(certificate.config(Above::Http1)),
            Protocol::Http2 => Some(certificate.config(Above::Http2)),
        };
        let (stopping, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (mut wakers, mut polls, mut posts) = (Vec::new(), Vec::new(), Vec::new());
        for processor in processors.iter().copied() {
            let poll = Poll::new()?;
            let (sender, receiver) = mpsc::channel();
            let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
            wakers.push(Arc::clone(&waker));
            posts.push(Post { processor, sender, waker });
            polls.push((poll, receiver));
        }
        let mut listener = Some(listener);
        let mut server = Self { address, protocol, stopping, progress, wakers, threads: Vec::new() };
        for ((poll, adopted), processor) in polls.into_iter().zip(processors.iter().copied()) {
            // The first thread accepts for all.
            let door = listener.take().map(|listener| (listener, posts.clone()));
            let (stopping, progress) = (Arc::clone(&server.stopping), Arc::clone(&server.progress));
            let mut inside = EventLoop::new(poll, door, adopted, tls.clone(), protocol, stopping, progress, stall);
            let thread = std::thread::Builder::new().name(format!("server-{processor}")).spawn(move || {
                machine::pin_this_thread(&[processor]);
                inside.run()
            })?;
            server.threads.push(thread);
        }
        Ok(server)
    }

    /// Where to ask for this path.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.protocol == Protocol::Http1 { "http" } else { "https" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// How many requests there were until now, nearly.
    pub fn requests(&self) -> u64 {
        self.progress.load(Relaxed)
    }

    /// Ends it and says what it saw.
    pub fn stop(mut self) -> Tally {
        self.end()
    }

    fn end(&mut self) -> Tally {
        self.stopping.store(true, Relaxed);
        for waker in &self.wakers {
            // A thread that has gone needs no waking.
            let _ = waker.wake();
        }
        let mut sum = Tally::default();
        for thread in self.threads.drain(..) {
            sum.add(thread.join().unwrap_or_default());
        }
        sum
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
