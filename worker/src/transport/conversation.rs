//! One request over HTTP/1.1 and its response, as far as the connection lets us go at any moment.

use std::task::{Context, Poll};

use super::{
    dial::fault_of,
    heads::Heads,
    response::Response,
    stream::Stream,
    traffic::{Traffic, add},
};
use crate::{Fault, clock::Instant};

/// After so many reads without waiting, others have their turn.
const READS_AT_ONCE: usize = 32;

/// A request under way.
pub struct Conversation<'a> {
    pub began: Instant,
    unsent: &'a [u8],
    is_whole: bool,
    /// When the last byte was on its way.
    sent_at: Option<Instant>,
    first_byte_at: Option<Instant>,
    /// Writing failed; the peer may have answered before it hung up.
    broken: Option<Fault>,
}

impl<'a> Conversation<'a> {
    /// Begins now.
    pub fn new(bytes: &'a [u8], now: Instant) -> Self {
        Self { began: now, unsent: bytes, is_whole: true, sent_at: None, first_byte_at: None, broken: None }
    }

    /// Goes on until the response is complete, reading with what the thread reads with, and says whether the connection was left clean.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        (buffer, heads): (&mut [u8], &mut Heads),
        response: &mut Response,
        traffic: &mut Traffic,
    ) -> Poll<Result<bool, Fault>> {
        self.poll_send(cx, stream, traffic);
        for _ in 0..READS_AT_ONCE {
            let Poll::Ready(read) = stream.poll_read(cx, buffer) else { return Poll::Pending };
            let bytes = match read {
                Ok(0) => {
                    return Poll::Ready(response.end_of_stream().map(|()| false).map_err(|fault| self.cause(fault)));
                }
                Ok(length) => &buffer[..length],
                Err(error) => return Poll::Ready(self.failed(fault_of(&error), response)),
            };
            self.note_arrival(bytes.len(), traffic);
            match response.feed(bytes, heads) {
                Ok(taken) if response.is_done() => {
                    let all_sent = self.sent_at.is_some() && self.broken.is_none();
                    return Poll::Ready(Ok(all_sent && taken == bytes.len()));
                }
                Ok(_) => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
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
        if self.sent_at.is_none() {
            match stream.poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    self.sent_at = Some(now);
                    add(&mut traffic.sending, now.saturating_duration_since(self.began));
                }
                Poll::Ready(Err(error)) => self.give_up(fault_of(&error)),
                Poll::Pending => {}
            }
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.unsent = &[];
        self.sent_at.get_or_insert_with(Instant::now);
        self.broken = Some(fault);
    }

    fn cause(&self, fault: Fault) -> Fault {
        self.broken.unwrap_or(fault)
    }

    fn note_arrival(&mut self, length: usize, traffic: &mut Traffic) {
        let now = Instant::now();
        traffic.bytes_received += length as u64;
        match self.first_byte_at {
            None => {
                self.first_byte_at = Some(now);
                let from = self.sent_at.unwrap_or(now);
                add(&mut traffic.waiting, now.saturating_duration_since(from));
                traffic.receiving.get_or_insert_default();
            }
            Some(_) => {
                let before = traffic.last_byte_at.unwrap_or(now);
                add(&mut traffic.receiving, now.saturating_duration_since(before));
            }
        }
        traffic.last_byte_at = Some(now);
        traffic.now = Some(now);
    }
}
