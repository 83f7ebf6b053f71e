//! One connection of the server: bytes in, answers out, with or without TLS.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use super::{http1::Http1, http2::Http2, site::Site};

/// What is spoken.
#[derive(Debug)]
pub enum Speech {
    Http1(Http1),
    Http2(Http2),
}

impl Speech {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>, site: &mut Site) -> bool {
        match self {
            Self::Http1(reader) => reader.feed(bytes, out, site),
            Self::Http2(reader) => reader.feed(bytes, out, site),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    pub stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    speech: Speech,
    /// Answers that have not gone out.
    unsent: Vec<u8>,
}

impl Connection {
    /// A connection that has just been accepted.
    ///
    /// # Errors
    /// Returns an error when TLS cannot begin.
    pub fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>, speech: Speech) -> io::Result<Self> {
        // Without it answers wait for acknowledgements.
        stream.set_nodelay(true)?;
        let tls = tls.map(|config| ServerConnection::new(Arc::clone(config)).map(Box::new));
        let mut tls = tls.transpose().map_err(io::Error::other)?;
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(None);
        }
        Ok(Self { stream, tls, speech, unsent: Vec::new() })
    }

    /// Reads what is there and answers it; false when the connection is over.
    pub fn serve(&mut self, buffer: &mut [u8], plain: &mut Vec<u8>, site: &mut Site) -> bool {
        if !self.flush() {
            return false;
        }
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            let goes_on = match &mut self.tls {
                None => self.speech.feed(&buffer[..length], &mut self.unsent, site),
                Some(tls) => {
                    decrypt(tls, &buffer[..length], plain).is_ok()
                        && self.speech.feed(plain, &mut self.unsent, site)
                        && encrypt(tls, &mut self.unsent).is_ok()
                }
            };
            if !self.flush() || !goes_on {
                return false;
            }
            // Readiness is told once: a short read means that the kernel has no more.
            if length < buffer.len() {
                return true;
            }
        }
    }

    /// Sends what there is to send; false when the connection is over.
    fn flush(&mut self) -> bool {
        let Self { stream, tls, unsent, .. } = self;
        let written = match tls {
            Some(tls) => drain(|| if tls.wants_write() { tls.write_tls(stream).map(|_| true) } else { Ok(false) }),
            None => drain(|| {
                if unsent.is_empty() {
                    return Ok(false);
                }
                let length = stream.write(unsent)?;
                unsent.drain(..length);
                Ok(true)
            }),
        };
        written.is_ok()
    }
}

/// Repeats until there is nothing left, or no room for it now.
fn drain(mut step: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    loop {
        match step() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn decrypt(tls: &mut ServerConnection, mut wire: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
    plain.clear();
    while !wire.is_empty() {
        tls.read_tls(&mut wire)?;
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let start = plain.len();
        plain.resize(start + state.plaintext_bytes_to_read(), 0);
        tls.reader().read_exact(&mut plain[start..])?;
    }
    Ok(())
}

fn encrypt(tls: &mut ServerConnection, unsent: &mut Vec<u8>) -> io::Result<()> {
    if !unsent.is_empty() {
        tls.writer().write_all(unsent)?;
        unsent.clear();
    }
    Ok(())
}
