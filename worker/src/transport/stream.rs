//! A connection, with TLS or without.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;

/// A byte stream to a peer.
pub enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    /// Reads what is there into `buffer`; 0 means that the peer sends no more.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_read(cx, buffer),
            Self::Tls(stream) => {
                let mut read = ReadBuf::new(buffer);
                Pin::new(stream).poll_read(cx, &mut read).map_ok(|()| read.filled().len())
            }
        }
    }

    /// Whether the peer has neither closed the connection nor said anything that was not asked for.
    ///
    /// Nothing to read is the usual case, and costs neither a system call nor a place among those who wait.
    pub fn is_quiet(&mut self, buffer: &mut [u8]) -> bool {
        match self {
            Self::Plain(stream) => {
                matches!(stream.try_read(buffer), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(stream) if has_nothing(stream) => true,
            // What arrives besides answers is the session's own, such as tickets: it is taken, and says nothing.
            Self::Tls(_) => self.poll_read(&mut Context::from_waker(Waker::noop()), buffer).is_pending(),
        }
    }

    /// Writes the front of `bytes`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => stream.poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Sees to it that what was written is on its way.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
}

/// Whether neither the socket nor the session above it has anything to read.
fn has_nothing(stream: &TlsStream<Socket>) -> bool {
    let (socket, session) = stream.get_ref();
    session.wants_read() && !socket.may_have_something()
}

/// For libraries that speak over a connection themselves.
impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => AsyncRead::poll_read(Pin::new(stream), cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flush(self.get_mut(), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
