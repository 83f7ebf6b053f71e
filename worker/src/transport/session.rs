//! One virtual user's connections, and a request and its response over one of them.

use std::{
    borrow::Cow,
    future::poll_fn,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use dlt_model::program::Version;
use tokio::time::timeout_at;

use super::{
    Answer, Origin, Traffic, Want, Wire,
    alarm::Alarm,
    conversation::Conversation,
    dial::Purpose,
    http2::{Hold, Link},
    inflate::{MAX_BODY_BYTES_KEPT, unpack},
    response::Response,
    stream::Stream,
    traffic::add,
};
use crate::{Fault, request::Rendered};

/// How many connections to different origins a virtual user keeps.
const MAX_KEPT_CONNECTIONS: usize = 8;
/// How often a request is put on the wire, when sending it again does no harm.
const MAX_ATTEMPTS: u32 = 3;

/// A virtual user's connections. Dropping it closes them.
pub struct Session {
    wire: Rc<Wire>,
    kept: Vec<(Origin, Connection)>,
    response: Response,
    alarm: Alarm,
}

/// A connection, by what is spoken over it.
enum Connection {
    Http1(Stream),
    Http2(Hold),
}

/// A connection that is about to be used.
enum Ready {
    Http1(Stream),
    Http2(Rc<Link>),
}

impl Session {
    /// A session without connections. Needs a runtime, and a set of local tasks for HTTP/2.
    pub fn new(wire: Rc<Wire>) -> Self {
        Self { wire, kept: Vec::new(), response: Response::new(), alarm: Alarm::new() }
    }

    /// Sends a request and reads its response to the end, over the kept connection when there is one.
    ///
    /// `traffic` is true at every moment, so that whoever drops this half-way knows what was sent.
    pub async fn exchange(
        &mut self,
        request: &Rendered,
        want: Want,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        let version = request.version.unwrap_or(self.wire.version);
        let mut attempts = 1;
        loop {
            let (sent, heard_at) = (traffic.requests, traffic.last_byte_at);
            let kept = self.take_kept(&request.origin, version);
            let was_kept = kept.is_some();
            let ready = match kept {
                Some(ready) => ready,
                None => {
                    traffic.now = None;
                    // It is done seldom and takes much memory, which a user that is connected need not hold.
                    Box::pin(self.open(&request.origin, version, timeout, traffic)).await?
                }
            };
            let answer = match ready {
                Ready::Http1(stream) => self.converse(stream, request, want, timeout, traffic).await,
                Ready::Http2(link) => link.exchange(request, want, timeout, &mut self.alarm, traffic).await,
            };
            let may_repeat = match answer {
                // The peer has not looked at it.
                Err(Fault::StreamRefused) => true,
                // The peer closed an idle connection while the request was under way. It has hardly looked at it, and
                // sending it again does no harm.
                Err(Fault::ConnectionReset | Fault::ConnectionClosedEarly) => {
                    was_kept && request.is_idempotent && traffic.last_byte_at == heard_at
                }
                _ => false,
            };
            if !may_repeat || attempts == MAX_ATTEMPTS {
                if !self.wire.keeps {
                    self.close();
                }
                return answer;
            }
            attempts += 1;
            traffic.retries += traffic.requests - sent;
        }
    }

    /// Closes every connection: the next request opens a new one.
    pub fn close(&mut self) {
        self.kept.clear();
    }

    /// The kept connection to this origin, if the peer has not closed it and sent nothing that was not asked for.
    fn take_kept(&mut self, origin: &Origin, version: Version) -> Option<Ready> {
        let place = self.kept.iter().position(|(other, connection)| {
            other == origin
                && match connection {
                    Connection::Http1(_) => version != Version::Http2,
                    Connection::Http2(_) => version != Version::Http1,
                }
        })?;
        if let Connection::Http2(hold) = &self.kept[place].1
            && hold.link().is_usable()
        {
            return Some(Ready::Http2(Rc::clone(hold.link())));
        }
        let Connection::Http1(mut stream) = self.kept.swap_remove(place).1 else { return None };
        let is_quiet = stream.is_quiet(&mut self.wire.buffer.borrow_mut());
        is_quiet.then_some(Ready::Http1(stream))
    }

    /// A new connection, or another user's that has room.
    async fn open(
        &mut self,
        origin: &Origin,
        version: Version,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Ready, Fault> {
        let may_be_http2 = version == Version::Http2 || (version == Version::Auto && origin.tls);
        let users = self.wire.users_per_connection;
        if users == 1 || !may_be_http2 {
            return self.dial(origin, version, timeout, traffic).await;
        }
        let (gate, began) = (self.wire.pools.gate(origin), Instant::now());
        if let Some(hold) = self.wire.pools.find(origin, users) {
            return Ok(self.keep_link(origin, hold));
        }
        let opening = timeout_at((began + timeout).into(), gate.lock()).await.map_err(|_| Fault::ConnectTimeout)?;
        add(&mut traffic.blocked, began.elapsed());
        if let Some(hold) = self.wire.pools.find(origin, users) {
            return Ok(self.keep_link(origin, hold));
        }
        let ready = self.dial(origin, version, timeout.saturating_sub(began.elapsed()), traffic).await?;
        if let Some((_, Connection::Http2(hold))) = self.kept.last()
            && matches!(ready, Ready::Http2(_))
        {
            self.wire.pools.share(origin, hold);
        }
        drop(opening);
        Ok(ready)
    }

    async fn dial(
        &mut self,
        origin: &Origin,
        version: Version,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Ready, Fault> {
        match self.wire.dial(origin, Purpose::Http(version), timeout, traffic).await? {
            (stream, false) => Ok(Ready::Http1(stream)),
            (stream, true) => Ok(self.keep_link(origin, Hold::start(stream, &self.wire))),
        }
    }

    async fn converse(
        &mut self,
        mut stream: Stream,
        request: &Rendered,
        want: Want,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        self.response.begin(request.is_head, want);
        let bytes = match self.wire.proxy_of(&request.origin) {
            None => Cow::Borrowed(&*request.bytes),
            Some(proxy) => Cow::Owned(proxy.rewritten(&request.bytes, &request.origin)),
        };
        let mut conversation = Conversation::new(&bytes, traffic.now());
        self.alarm.set(conversation.began + timeout);
        let (response, alarm, wire) = (&mut self.response, &mut self.alarm, &self.wire);
        let clean = poll_fn(|cx| {
            let (mut buffer, mut heads) = (wire.buffer.borrow_mut(), wire.heads.borrow_mut());
            match conversation.poll(cx, &mut stream, (&mut buffer, &mut heads), response, traffic) {
                Poll::Pending => alarm.poll(cx).map(|()| Err(Fault::RequestTimeout)),
                ready => ready,
            }
        })
        .await?;
        let head = self.response.take_head().ok_or(Fault::MalformedResponse)?;
        if clean && head.reusable && self.wire.keeps {
            self.keep(request.origin.clone(), Connection::Http1(stream));
        }
        let body = match want.body {
            true => unpack(&head.codings, self.response.take_body(), MAX_BODY_BYTES_KEPT)?,
            false => Vec::new(),
        };
        Ok(Answer {
            status: head.status,
            version: head.version,
            location: head.location,
            sets_cookies: head.sets_cookies,
            headers: head.headers,
            body,
        })
    }

    fn keep_link(&mut self, origin: &Origin, hold: Hold) -> Ready {
        let link = Rc::clone(hold.link());
        self.keep(origin.clone(), Connection::Http2(hold));
        Ready::Http2(link)
    }

    fn keep(&mut self, origin: Origin, connection: Connection) {
        if self.kept.len() == MAX_KEPT_CONNECTIONS {
            self.kept.remove(0);
        }
        self.kept.push((origin, connection));
    }
}
