//! One virtual user's connections, and a request and its response over one of them.

use std::{borrow::Cow, future::poll_fn, rc::Rc, task::Poll, time::Duration};

use dlt_model::program::Version;
use tokio::time::timeout_at;

use super::{
    Answer, Origin, Traffic, Want, Wire,
    alarm::Alarm,
    answer::Details,
    conversation::Conversation,
    dial::Purpose,
    head::{Head, More, Plain},
    http2::{Hold, Link},
    inflate::{MAX_BODY_BYTES_KEPT, unpack},
    response::Response,
    stream::Stream,
    traffic::add,
};
use crate::{Fault, clock::Instant, request::Rendered};

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
    /// In this place.
    Http1(usize),
    Http2(Rc<Link>),
}

/// A connection in use, where it is kept. Dropping this closes it, unless it was left clean.
struct Lease<'a> {
    kept: &'a mut Vec<(Origin, Connection)>,
    place: usize,
    is_clean: bool,
}

impl Lease<'_> {
    fn stream(&mut self) -> Option<&mut Stream> {
        match &mut self.kept[self.place].1 {
            Connection::Http1(stream) => Some(stream),
            Connection::Http2(_) => None,
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.is_clean {
            self.kept.remove(self.place);
        } else if self.place + 1 < self.kept.len() {
            // Who was used last goes last.
            self.kept[self.place..].rotate_left(1);
        }
    }
}

impl Session {
    /// A session without connections. Needs a runtime.
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
            let kept = self.find_kept(&request.origin, version);
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
                Ready::Http1(place) => self.converse(place, request, want, timeout, traffic).await,
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
    fn find_kept(&mut self, origin: &Origin, version: Version) -> Option<Ready> {
        let place = self.kept.iter().position(|(other, connection)| {
            other == origin
                && match connection {
                    Connection::Http1(_) => version != Version::Http2,
                    Connection::Http2(_) => version != Version::Http1,
                }
        })?;
        let ready = match &mut self.kept[place].1 {
            Connection::Http1(stream) => {
                let is_quiet = stream.is_quiet(&mut self.wire.buffer.borrow_mut());
                is_quiet.then_some(Ready::Http1(place))
            }
            Connection::Http2(hold) => hold.link().is_usable().then(|| Ready::Http2(Rc::clone(hold.link()))),
        };
        if ready.is_none() {
            self.kept.remove(place);
        }
        ready
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
            (stream, false) => {
                self.keep(origin.clone(), Connection::Http1(stream));
                Ok(Ready::Http1(self.kept.len() - 1))
            }
            (stream, true) => Ok(self.keep_link(origin, Hold::start(stream, &self.wire))),
        }
    }

    async fn converse(
        &mut self,
        place: usize,
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
        let mut lease = Lease { kept: &mut self.kept, place, is_clean: false };
        let clean = poll_fn(|cx| {
            let (mut buffer, mut heads) = (wire.buffer.borrow_mut(), wire.heads.borrow_mut());
            let Some(stream) = lease.stream() else { return Poll::Ready(Err(Fault::Interrupted)) };
            match conversation.poll(cx, stream, (&mut buffer, &mut heads), response, traffic) {
                Poll::Pending => alarm.poll(cx).map(|()| Err(Fault::RequestTimeout)),
                ready => ready,
            }
        })
        .await?;
        let Head { plain, more } = response.take_head().ok_or(Fault::MalformedResponse)?;
        lease.is_clean = clean && plain.reusable && wire.keeps;
        drop(lease);
        let details = match more {
            None if !want.body => None,
            more => Some(Box::new(self.details(more.map(|more| *more).unwrap_or_default(), want, traffic)?)),
        };
        let Plain { status, version, sets_cookies, .. } = plain;
        Ok(Answer { status, version, sets_cookies, details })
    }

    fn details(&mut self, more: More, want: Want, traffic: &mut Traffic) -> Result<Details, Fault> {
        let More { location, codings, headers } = more;
        let body = match want.body {
            true => {
                // Unpacking it, and looking at it, takes time.
                traffic.now = None;
                unpack(&codings, self.response.take_body(), MAX_BODY_BYTES_KEPT)?
            }
            false => Vec::new(),
        };
        Ok(Details { location, headers, body })
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
        // Nearly every user has one, and there are many users.
        self.kept.reserve_exact(1);
        self.kept.push((origin, connection));
    }
}
