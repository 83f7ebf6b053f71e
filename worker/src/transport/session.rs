//! One virtual user's connections, and a request and its response over one of them.

use std::{
    future::poll_fn,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use super::{
    Answer, Origin, Traffic, Want, Wire,
    alarm::Alarm,
    conversation::Conversation,
    inflate::{MAX_BODY_BYTES_KEPT, unpack},
    response::Response,
    stream::Stream,
    traffic::add,
};
use crate::{Fault, request::Rendered};

/// How many connections to different origins a virtual user keeps.
const MAX_KEPT_CONNECTIONS: usize = 8;

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
        want: Want,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        if let Some(stream) = self.take_kept(&request.origin).await {
            let received = traffic.bytes_received;
            match self.converse(stream, request, want, timeout, traffic).await {
                // The peer closed an idle connection while the request was under way. It has hardly looked at it, and
                // sending it again does no harm.
                Err(Fault::ConnectionReset | Fault::ConnectionClosedEarly)
                    if request.is_idempotent && traffic.bytes_received == received =>
                {
                    traffic.retries += 1;
                }
                answer => return answer,
            }
        }
        let began = Instant::now();
        let dialled = self.wire.dial(&request.origin, timeout, traffic).await;
        add(&mut traffic.connecting, began.elapsed());
        self.converse(dialled?, request, want, timeout, traffic).await
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
        want: Want,
        timeout: Duration,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        self.response.begin(request.is_head, want);
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
        let body =
            if want.body { unpack(&head.codings, self.response.take_body(), MAX_BODY_BYTES_KEPT)? } else { Vec::new() };
        Ok(Answer {
            status: head.status,
            version: head.version,
            location: head.location,
            sets_cookies: head.sets_cookies,
            headers: head.headers,
            body,
        })
    }

    /// Closes every connection: the next request opens a new one.
    pub fn close(&mut self) {
        self.kept.clear();
    }

    fn keep(&mut self, origin: Origin, stream: Stream) {
        if self.kept.len() == MAX_KEPT_CONNECTIONS {
            self.kept.remove(0);
        }
        self.kept.push((origin, stream));
    }
}
