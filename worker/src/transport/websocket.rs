//! A conversation over a WebSocket (RFC 6455): the handshake and the frames are a library's, connecting is ours.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, SET_COOKIE, UPGRADE},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout_at,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message as Frame, error::ProtocolError, handshake::client::generate_key, protocol::WebSocketConfig,
    },
};
use url::Url;

use super::{
    Origin, Traffic, Wire,
    dial::{Purpose, fault_of},
    inflate::MAX_BODY_BYTES_KEPT,
    stream::Stream,
    traffic::add,
};
use crate::{Fault, clock::Instant};

/// How long we wait for the peer to agree that the conversation is over.
const CLOSING: Duration = Duration::from_secs(1);

/// What is said in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// An open conversation. Dropping it closes the connection without a word.
pub struct WebSocketSession {
    socket: WebSocketStream<Counted>,
    count: Rc<Count>,
    cookies: Vec<String>,
}

impl WebSocketSession {
    /// Connects and shakes hands with a `ws` or `wss` URL. The timeout is for connecting, and again for the handshake.
    ///
    /// # Errors
    /// [`Fault::NoAddress`] for another kind of URL or a header that is none, [`Fault::WebSocketRefused`] when the peer
    /// answers with anything but an agreement.
    pub async fn connect(
        wire: &Wire,
        url: &Url,
        headers: &[(String, String)],
        protocols: &[String],
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Self, Fault> {
        let (origin, request) = handshake(url, headers, protocols).ok_or(Fault::NoAddress)?;
        let (stream, _) = wire.dial(&origin, Purpose::Other, timeout, traffic).await?;
        let began = Instant::now();
        let count = Rc::new(Count::default());
        let bill = Bill::new(&count, traffic, true);
        let counted = Counted { stream, count: Rc::clone(&count) };
        let shaking = client_async_with_config(request, counted, Some(bounds()));
        let shaken = timeout_at((began + timeout).into(), shaking).await.map_err(|_| Fault::RequestTimeout)?;
        add(&mut bill.traffic.waiting, began.elapsed());
        match shaken {
            Ok((socket, agreed)) => Ok(Self { socket, count, cookies: cookies_of(agreed.headers()) }),
            Err(Error::Io(error)) => Err(fault_of(&error)),
            Err(Error::Protocol(ProtocolError::HandshakeIncomplete)) => Err(Fault::ConnectionClosedEarly),
            Err(_) => Err(Fault::WebSocketRefused),
        }
    }

    /// The cookies that the peer set when it agreed, each as its header says; they are given once.
    pub fn take_cookies(&mut self) -> Vec<String> {
        std::mem::take(&mut self.cookies)
    }

    /// Says something.
    ///
    /// # Errors
    /// [`Fault::WebSocketClosed`] when the peer has closed the conversation.
    pub async fn send(&mut self, message: Message, timeout: Duration, traffic: &mut Traffic) -> Result<(), Fault> {
        let frame = match message {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        let began = Instant::now();
        let bill = Bill::new(&self.count, traffic, false);
        let sent = timeout_at((began + timeout).into(), self.socket.send(frame)).await;
        add(&mut bill.traffic.sending, began.elapsed());
        sent.map_err(|_| Fault::RequestTimeout)?.map_err(|error| fault_of_talk(&error))
    }

    /// Waits for the next message; pings are answered meanwhile.
    ///
    /// # Errors
    /// [`Fault::RequestTimeout`] when none came in time, [`Fault::WebSocketClosed`] when none will.
    pub async fn receive(&mut self, timeout: Duration, traffic: &mut Traffic) -> Result<Message, Fault> {
        let began = Instant::now();
        let bill = Bill::new(&self.count, traffic, false);
        let received = timeout_at((began + timeout).into(), self.next()).await;
        let message = received.map_err(|_| Fault::RequestTimeout)??;
        let now = Instant::now();
        add(&mut bill.traffic.waiting, now - began);
        bill.traffic.last_byte_at = Some(now);
        Ok(message)
    }

    /// Lets time pass, answering pings, and says how many messages came meanwhile, and whether the peer closed the
    /// conversation before the time was up.
    pub async fn idle(&mut self, pause: Duration, traffic: &mut Traffic) -> (u64, Result<(), Fault>) {
        let until = Instant::now() + pause;
        let _bill = Bill::new(&self.count, traffic, false);
        let mut messages = 0;
        loop {
            match timeout_at(until.into(), self.next()).await {
                Err(_) => return (messages, Ok(())),
                Ok(Err(fault)) => return (messages, Err(fault)),
                Ok(Ok(_)) => messages += 1,
            }
        }
    }

    /// Says goodbye and waits a moment for the peer's goodbye.
    pub async fn close(mut self, traffic: &mut Traffic) {
        let _bill = Bill::new(&self.count, traffic, false);
        let goodbye = async {
            if self.socket.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // Whether the peer answers is its own affair.
        let _ = tokio::time::timeout(CLOSING, goodbye).await;
    }

    async fn next(&mut self) -> Result<Message, Fault> {
        loop {
            match self.socket.next().await {
                Some(Ok(Frame::Text(text))) => return Ok(Message::Text(text.as_str().to_owned())),
                Some(Ok(Frame::Binary(bytes))) => return Ok(Message::Binary(bytes.to_vec())),
                Some(Ok(Frame::Close(_))) | None => return Err(Fault::WebSocketClosed),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(fault_of_talk(&error)),
            }
        }
    }
}

/// How much the peer may say in one piece.
fn bounds() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MAX_BODY_BYTES_KEPT)).max_frame_size(Some(MAX_BODY_BYTES_KEPT))
}

fn cookies_of(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(SET_COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn fault_of_talk(error: &Error) -> Fault {
    match error {
        Error::Io(error) => fault_of(error),
        Error::ConnectionClosed | Error::AlreadyClosed => Fault::WebSocketClosed,
        Error::Protocol(ProtocolError::SendAfterClosing | ProtocolError::ReceivedAfterClosing) => {
            Fault::WebSocketClosed
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Fault::ConnectionClosedEarly,
        Error::Capacity(_) => Fault::BodyTooLarge,
        _ => Fault::WebSocketFailed,
    }
}

fn handshake(url: &Url, headers: &[(String, String)], protocols: &[String]) -> Option<(Origin, Request<()>)> {
    let tls = match url.scheme() {
        "ws" => false,
        "wss" => true,
        _ => return None,
    };
    let port = url.port_or_known_default()?;
    let origin = Origin::of_address(&format!("{}:{port}", url.host_str()?), tls)?;
    let mut request = Request::get(url.as_str())
        .header(HOST, origin.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key());
    if !protocols.is_empty() {
        request = request.header(SEC_WEBSOCKET_PROTOCOL, protocols.join(", "));
    }
    let mut request = request.body(()).ok()?;
    for (name, value) in headers {
        let name: HeaderName = name.parse().ok()?;
        // A `Host` of the user's own takes the place of ours; anything else may come more than once.
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        if name == HOST {
            request.headers_mut().insert(name, value);
        } else {
            request.headers_mut().append(name, value);
        }
    }
    Some((origin, request))
}

/// What has gone over a connection.
#[derive(Debug, Default)]
struct Count {
    sent: Cell<u64>,
    received: Cell<u64>,
}

/// A connection that is counted.
struct Counted {
    stream: Stream,
    count: Rc<Count>,
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = AsyncRead::poll_read(Pin::new(&mut this.stream), cx, buffer);
        this.count.received.set(this.count.received.get() + (buffer.filled().len() - before) as u64);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = this.stream.poll_write(cx, bytes);
        if let Poll::Ready(Ok(length)) = &polled {
            this.count.sent.set(this.count.sent.get() + *length as u64);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.get_mut().stream), cx)
    }
}

/// Writes down what has gone over the connection when it is dropped: also when whoever waited does so no more.
struct Bill<'a> {
    traffic: &'a mut Traffic,
    count: Rc<Count>,
    from: (u64, u64),
    /// Whether what is sent is a request.
    is_request: bool,
}

impl<'a> Bill<'a> {
    fn new(count: &Rc<Count>, traffic: &'a mut Traffic, is_request: bool) -> Self {
        Self { traffic, count: Rc::clone(count), from: (count.sent.get(), count.received.get()), is_request }
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        let sent = self.count.sent.get() - self.from.0;
        self.traffic.requests += u64::from(self.is_request && sent > 0);
        self.traffic.bytes_sent += sent;
        self.traffic.bytes_received += self.count.received.get() - self.from.1;
    }
}

/// How many messages a peer says in these pieces, and how it ends: by our bounds, from the first byte after the handshake.
#[cfg(test)]
pub fn fate(pieces: &[&[u8]]) -> (u32, Fault) {
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    /// What comes in pieces; what is said to it is nobody's business.
    struct Ear<'a>(Vec<&'a [u8]>);
    impl io::Read for Ear<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(next) = self.0.pop() else { return Ok(0) };
            let (here, rest) = next.split_at(next.len().min(buffer.len()));
            buffer[..here.len()].copy_from_slice(here);
            if !rest.is_empty() {
                self.0.push(rest);
            }
            Ok(here.len())
        }
    }
    impl io::Write for Ear<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut socket =
        WebSocket::from_raw_socket(Ear(pieces.iter().rev().copied().collect()), Role::Client, Some(bounds()));
    let mut messages = 0;
    loop {
        match socket.read() {
            Ok(_) => messages += 1,
            Err(error) => return (messages, fault_of_talk(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_has_what_it_must_and_what_the_user_says() {
        let url = Url::parse("ws://a.test:81/chat?x=1").expect("a URL");
        let headers = [("X-A".to_owned(), "b".to_owned()), ("Host".to_owned(), "other".to_owned())];
        let (origin, request) = handshake(&url, &headers, &["p".to_owned(), "q".to_owned()]).expect("valid");
        assert_eq!((origin.tls, &*origin.host, origin.port), (false, "a.test", 81));
        let header = |name: &str| request.headers()[name].to_str().expect("text").to_owned();
        assert_eq!([header("x-a"), header("host"), header("sec-websocket-protocol")], ["b", "other", "p, q"]);
        assert!(handshake(&Url::parse("http://a.test/").expect("a URL"), &[], &[]).is_none());
        let (secure, _) = handshake(&Url::parse("wss://a.test/").expect("a URL"), &[], &[]).expect("valid");
        assert_eq!((secure.tls, secure.port), (true, 443));
    }
}
