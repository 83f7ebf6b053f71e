//! One virtual user's connections, and a request and its response over one of them.

use std::{
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{Origin, Wire, alarm::Alarm, dial::fault_of, response::Response, stream::Stream};
use crate::{Fault, request::Rendered};

/// How many connections to different origins a virtual user keeps.
const MAX_KEPT_CONNECTIONS: usize = 8;

/// What went over the wire for one sample: redirects and retries included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Requests that were put on the wire, wholly or in part.
    pub requests: u64,
    /// How many of them were sent again on a new connection.
    pub retries: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Name resolution, TCP and TLS, when a connection was opened.
    pub connecting: Option<Duration>,
    /// From the first byte sent to the first byte received, of the last request.
    pub waiting: Option<Duration>,
    /// When the last byte arrived.
    pub last_byte_at: Option<Instant>,
}

/// What the layers above want to know of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
}

/// A virtual user's connections. Dropping it closes them.
pub struct Session {
    wire: Rc<Wire>,
    kept: Vec<(Origin, Stream)>,
    response: Response,
    alarm: Alarm,
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
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        if let Some(stream) = self.take_kept(&request.origin).await {
            let received = traffic.bytes_received;
            match self.converse(stream, request, timeout, traffic).await {
                // The peer closed an idle connection while the request was under way: it was never looked at.
                Err(Fault::ConnectionReset | Fault::ConnectionClosedEarly)
                    if request.is_idempotent && traffic.bytes_received == received =>
                {
                    traffic.retries += 1;
                }
                answer => return answer,
            }
        }
        let began = Instant::now();
        let dialled = self.wire.dial(&request.origin, timeout).await;
        *traffic.connecting.get_or_insert_default() += began.elapsed();
        self.converse(dialled?, request, timeout, traffic).await
    }

    /// The kept connection to this origin, if the peer has not closed it and sent nothing that was not asked for.
    async fn take_kept(&mut self, origin: &Origin) -> Option<Stream> {
        let place = self.kept.iter().position(|(other, _)| other == origin)?;
        let (_, mut stream) = self.kept.swap_remove(place);
        let wire = &self.wire;
        // Nothing to read is the usual case, and costs no system call.
        let is_quiet =
            poll_fn(|cx| Poll::Ready(stream.poll_read(cx, &mut wire.buffer.borrow_mut()).is_pending())).await;
        is_quiet.then_some(stream)
    }

    async fn converse(
        &mut self,
        mut stream: Stream,
        request: &Rendered,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        self.response.begin(request.is_head);
        let mut conversation = Conversation::new(&request.bytes);
        self.alarm.set(conversation.began + timeout);
        let (response, alarm, wire) = (&mut self.response, &mut self.alarm, &self.wire);
        let clean = poll_fn(|cx| {
            let mut buffer = wire.buffer.borrow_mut();
            match conversation.poll(cx, &mut stream, &mut buffer, response, traffic) {
                Poll::Pending => alarm.poll(cx).map(|()| Err(Fault::RequestTimeout)),
                ready => ready,
            }
        })
        .await?;
        let head = self.response.take_head().ok_or(Fault::MalformedResponse)?;
        if clean && head.reusable {
            self.keep(request.origin.clone(), stream);
        }
        Ok(Answer { status: head.status, location: head.location })
    }

    fn keep(&mut self, origin: Origin, stream: Stream) {
        if self.kept.len() == MAX_KEPT_CONNECTIONS {
            self.kept.remove(0);
        }
        self.kept.push((origin, stream));
    }
}

/// A request under way.
struct Conversation<'a> {
    began: Instant,
    unsent: &'a [u8],
    is_whole: bool,
    is_flushed: bool,
    has_answer: bool,
    /// Writing failed; the peer may have answered before it hung up.
    broken: Option<Fault>,
}

impl<'a> Conversation<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            began: Instant::now(),
            unsent: bytes,
            is_whole: true,
            is_flushed: false,
            has_answer: false,
            broken: None,
        }
    }

    /// Goes on until the response is complete, and says whether the connection was left clean.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        buffer: &mut [u8],
        response: &mut Response,
        traffic: &mut Traffic,
    ) -> Poll<Result<bool, Fault>> {
        self.poll_send(cx, stream, traffic);
        loop {
            let Poll::Ready(read) = stream.poll_read(cx, buffer) else { return Poll::Pending };
            let bytes = match read {
                Ok(0) => {
                    return Poll::Ready(response.end_of_stream().map(|()| false).map_err(|fault| self.cause(fault)));
                }
                Ok(length) => &buffer[..length],
                Err(error) => return Poll::Ready(self.failed(fault_of(&error), response)),
            };
            self.note_arrival(bytes.len(), traffic);
            match response.feed(bytes) {
                Ok(taken) if response.is_done() => {
                    let all_sent = self.is_flushed && self.broken.is_none();
                    return Poll::Ready(Ok(all_sent && taken == bytes.len()));
                }
                Ok(_) => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }

    /// A peer that ends a TLS session without saying so has still ended a response that lasts until the end.
    fn failed(&self, fault: Fault, response: &mut Response) -> Result<bool, Fault> {
        match fault {
            Fault::ConnectionClosedEarly => response.end_of_stream().map(|()| false).map_err(|fault| self.cause(fault)),
            other => Err(self.cause(other)),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, stream: &mut Stream, traffic: &mut Traffic) {
        while !self.unsent.is_empty() {
            match stream.poll_write(cx, self.unsent) {
                Poll::Ready(Ok(length)) if length > 0 => {
                    traffic.requests += u64::from(std::mem::take(&mut self.is_whole));
                    traffic.bytes_sent += length as u64;
                    self.unsent = &self.unsent[length..];
                }
                Poll::Ready(Ok(_)) => self.give_up(Fault::ConnectionClosedEarly),
                Poll::Ready(Err(error)) => self.give_up(fault_of(&error)),
                Poll::Pending => return,
            }
        }
        if !self.is_flushed {
            match stream.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_flushed = true,
                Poll::Ready(Err(error)) => self.give_up(fault_of(&error)),
                Poll::Pending => {}
            }
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.unsent = &[];
        self.is_flushed = true;
        self.broken = Some(fault);
    }

    fn cause(&self, fault: Fault) -> Fault {
        self.broken.unwrap_or(fault)
    }

    fn note_arrival(&mut self, length: usize, traffic: &mut Traffic) {
        let now = Instant::now();
        traffic.bytes_received += length as u64;
        traffic.last_byte_at = Some(now);
        if !std::mem::replace(&mut self.has_answer, true) {
            traffic.waiting = Some(now.saturating_duration_since(self.began));
        }
    }
}
