//! A TCP connection, read and written with no more than it takes.
//!
//! A call is tried at once and waits only when it would block, and goes to the kernel directly, not through the C library,
//! which makes every call a point at which a thread may be cancelled. Who waits does so at the [`Reactor`].

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use rustix::{
    io::{Errno, IoSlice, retry_on_intr},
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags, SocketType, bind, connect,
        recv, send, sendmsg, shutdown, socket_with, sockopt,
    },
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::reactor::{Reactor, Registration};

/// A connection at the reactor.
pub struct Socket {
    place: Registration,
    descriptor: OwnedFd,
}

impl Socket {
    /// Connects to a peer, from this address of ours if there is one.
    pub async fn connect(reactor: &Rc<Reactor>, source: Option<IpAddr>, peer: SocketAddr) -> io::Result<Self> {
        let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let descriptor = socket_with(family, SocketType::STREAM, flags, None)?;
        // A request is one write; waiting for more would only delay it. Failing means no more than that.
        let _ = sockopt::set_tcp_nodelay(&descriptor, true);
        if let Some(source) = source {
            bind(&descriptor, &SocketAddr::new(source, 0))?;
        }
        // A peer on this machine has agreed before the call is over; the queue says so, too.
        match connect(&descriptor, &peer) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let place = reactor.register(descriptor.as_fd())?;
        poll_fn(|cx| place.poll_writable(cx)).await;
        sockopt::socket_error(&descriptor)??;
        Ok(Self { place, descriptor })
    }

    /// Reads what is there into `buffer`; 0 means that the peer sends no more.
    ///
    /// It never yields while there is something to read: whoever reads in a loop does.
    pub fn poll_read(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.place.poll_readable(cx));
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Reads what is there, or fails with [`io::ErrorKind::WouldBlock`].
    ///
    /// Less than the buffer holds means that nothing is left, and no second read has to fail to find that out.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.place.readiness().is_readable() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = self.receive(buffer, RecvFlags::empty())?;
        if 0 < length && length < buffer.len() {
            self.place.readiness().note_short_read();
        }
        Ok(length)
    }

    /// Looks at what is there and leaves it there.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            loop {
                ready!(self.place.poll_readable(cx));
                match self.receive(buffer, RecvFlags::PEEK) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            }
        })
        .await
    }

    fn receive(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        match retry_on_intr(|| recv(&self.descriptor, &mut *buffer, flags)) {
            Ok((_, length)) => Ok(length),
            Err(error) => {
                if error == Errno::AGAIN {
                    self.place.readiness().note_empty();
                }
                Err(error.into())
            }
        }
    }

    /// Whether a read might find something; costs no system call.
    pub fn may_have_something(&self) -> bool {
        self.place.readiness().is_readable()
    }

    /// Writes the front of `bytes`.
    pub fn poll_write(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || send(&self.descriptor, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_send(
        &self,
        cx: &Context<'_>,
        mut call: impl FnMut() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.place.poll_writable(cx));
            match retry_on_intr(&mut call) {
                Err(Errno::AGAIN) => self.place.readiness().note_full(),
                done => return Poll::Ready(done.map_err(io::Error::from)),
            }
        }
    }
}

/// For libraries, which leave it to the stream that others have their turn.
impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.place.poll_turn(cx));
        let length = ready!(Self::poll_read(&self, cx, buffer.initialize_unfilled()))?;
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.place.poll_turn(cx));
        Self::poll_write(&self, cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.place.poll_turn(cx));
        let call = || sendmsg(&self.descriptor, slices, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL);
        self.poll_send(cx, call)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is the kernel's.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&self.descriptor, Shutdown::Write).map_err(io::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task::{JoinHandle, spawn_local},
    };

    use super::*;

    /// Both ends of a connection, and what must go on for the near one to be told anything.
    async fn pair() -> (Socket, TcpStream, JoinHandle<io::Error>) {
        let reactor = Rc::new(Reactor::new().expect("a descriptor"));
        let reacting = spawn_local(Rc::clone(&reactor).run());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let peer = listener.local_addr().expect("an address");
        let (near, far) = tokio::join!(Socket::connect(&reactor, None, peer), listener.accept());
        (near.expect("connected"), far.expect("accepted").0, reacting)
    }

    #[tokio::test(flavor = "local")]
    async fn what_is_there_is_read_to_the_last_byte_and_the_end_is_seen() {
        let (near, mut far, _reacting) = pair().await;
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let writing = async {
            for (turn, piece) in sent.chunks(777).enumerate() {
                far.write_all(piece).await.expect("written");
                // Now and then the reader has read everything and waits.
                if turn % 16 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            drop(far);
        };
        let reading = async {
            // As long as a piece, so that reads are short, full and followed by nothing.
            let (mut got, mut buffer) = (Vec::new(), [0; 777]);
            loop {
                match poll_fn(|cx| near.poll_read(cx, &mut buffer)).await.expect("read") {
                    0 => return got,
                    length => got.extend_from_slice(&buffer[..length]),
                }
            }
        };
        let ((), got) = tokio::join!(writing, reading);
        assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
    }

    #[tokio::test(flavor = "local")]
    async fn nothing_to_read_would_block_and_is_known_without_asking_the_kernel() {
        let (near, mut far, _reacting) = pair().await;
        let mut buffer = [0; 16];
        far.write_all(b"abc").await.expect("written");
        assert_eq!(poll_fn(|cx| near.poll_read(cx, &mut buffer)).await.ok(), Some(3));
        assert!(!near.may_have_something());
        assert_eq!(near.try_read(&mut buffer).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
        far.write_all(b"d").await.expect("written");
        poll_fn(|cx| near.place.poll_readable(cx)).await;
        assert!(near.may_have_something());
        assert_eq!(near.try_read(&mut buffer).ok(), Some(1));
    }

    #[tokio::test(flavor = "local")]
    async fn what_does_not_fit_is_written_when_there_is_room_also_in_slices() {
        let (mut near, mut far, _reacting) = pair().await;
        let sent = vec![7_u8; 4_000_000];
        let writing = async {
            near.write_all(&sent).await.expect("written");
            let slices = [IoSlice::new(b"one "), IoSlice::new(b"two")];
            assert_eq!(near.write_vectored(&slices).await.ok(), Some(7));
            near.shutdown().await.expect("shut down");
        };
        let mut got = Vec::new();
        let ((), read) = tokio::join!(writing, far.read_to_end(&mut got));
        assert_eq!(read.ok(), Some(sent.len() + 7));
        assert!(got.ends_with(b"\x07one two"));
    }

    #[tokio::test(flavor = "local")]
    async fn a_peer_that_is_gone_is_an_error_and_no_signal() {
        let (near, far, _reacting) = pair().await;
        drop(far);
        let mut buffer = [0; 4];
        assert_eq!(poll_fn(|cx| near.poll_read(cx, &mut buffer)).await.ok(), Some(0));
        let failed = async {
            while poll_fn(|cx| near.poll_write(cx, b"hello")).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), failed).await.expect("writing fails some time");
    }
}
