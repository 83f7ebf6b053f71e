//! One stream of an HTTP/2 connection: a request on its way out, its response on its way in, and what both cost.

use std::task::Waker;

use http::Version;

use super::hpack::Visitor;
use crate::{
    Fault,
    clock::Instant,
    transport::{
        Answer, Details, Traffic, Want,
        body::Body,
        head::codings,
        inflate::{MAX_BODY_BYTES_KEPT, unpack},
        traffic::add,
    },
};

/// A stream that somebody waits for.
#[derive(Debug)]
pub struct Stream {
    pub id: u32,
    is_head: bool,
    want: Want,
    /// What the peer lets us send.
    pub window: i64,
    /// What of the request's body is not framed yet, and from where on.
    pub unframed: Vec<u8>,
    pub framed: usize,
    /// Bytes that stand in the connection's queue and are not sent yet.
    pub queued: usize,
    pub is_framed: bool,
    /// What the peer may still send before we renew its window.
    pub unrenewed: u64,
    head: Option<Head>,
    trailers: Vec<(Box<str>, Box<str>)>,
    body: Body,
    received: u64,
    /// How it ended; then nothing more happens to it.
    pub end: Option<Result<(), Fault>>,
    pub waker: Option<Waker>,
    pub began: Instant,
    pub cost: Cost,
}

/// What a stream has cost so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub sent_at: Option<Instant>,
    pub first_byte_at: Option<Instant>,
    pub last_byte_at: Option<Instant>,
}

impl Cost {
    /// Adds it to what the sample has cost.
    pub fn add_to(&self, traffic: &mut Traffic, began: Instant) {
        traffic.requests += u64::from(self.bytes_sent > 0);
        traffic.bytes_sent += self.bytes_sent;
        traffic.bytes_received += self.bytes_received;
        if let Some(sent_at) = self.sent_at {
            add(&mut traffic.sending, sent_at.saturating_duration_since(began));
        }
        if let (Some(first), Some(last)) = (self.first_byte_at, self.last_byte_at) {
            let from = self.sent_at.unwrap_or(first);
            add(&mut traffic.waiting, first.saturating_duration_since(from));
            add(&mut traffic.receiving, last.saturating_duration_since(first));
            traffic.last_byte_at = Some(last);
        }
    }
}

/// What is kept of a response's head.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    location: Option<Box<str>>,
    sets_cookies: bool,
    length: Option<u64>,
    packed: Option<Box<[u8]>>,
    headers: Vec<(Box<str>, Box<str>)>,
}

impl Stream {
    /// A request that begins now.
    pub fn new(id: u32, is_head: bool, want: Want, window: i64, began: Instant) -> Self {
        let mut body = Body::default();
        body.begin(want.body);
        Self {
            id,
            is_head,
            want,
            window,
            unframed: Vec::new(),
            framed: 0,
            queued: 0,
            is_framed: false,
            unrenewed: 0,
            head: None,
            trailers: Vec::new(),
            body,
            received: 0,
            end: None,
            waker: None,
            began,
            cost: Cost::default(),
        }
    }

    /// It ends; who waits for it is told. The first end counts.
    pub fn finish(&mut self, end: Result<(), Fault>) {
        if self.end.is_none() {
            self.end = Some(end);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// Where the fields of the next header block go.
    pub fn reader(&self) -> FieldReader {
        FieldReader { want: self.want, ..FieldReader::default() }
    }

    /// A header block has come: the head, an interim one, or trailers.
    pub fn take_fields(&mut self, fields: FieldReader, is_end: bool) -> Result<(), Fault> {
        if fields.is_malformed {
            return Err(Fault::MalformedResponse);
        }
        match (&self.head, fields.status) {
            (Some(_), 0) if is_end => self.trailers = fields.head.headers,
            (None, 100..=199) if !is_end => return Ok(()),
            (None, status @ 200..) => {
                if let Some(length) = fields.head.length.filter(|_| self.has_body(status)) {
                    self.body.expect(length)?;
                }
                self.head = Some(Head { status, ..fields.head });
            }
            _ => return Err(Fault::MalformedResponse),
        }
        if is_end { self.complete() } else { Ok(()) }
    }

    /// A part of the body has come.
    pub fn take_data(&mut self, data: &[u8]) -> Result<(), Fault> {
        if self.head.is_none() {
            return Err(Fault::MalformedResponse);
        }
        self.received += data.len() as u64;
        self.body.keep(data)
    }

    /// The peer has said all.
    pub fn complete(&mut self) -> Result<(), Fault> {
        let head = self.head.as_ref().ok_or(Fault::MalformedResponse)?;
        if head.length.is_some_and(|length| length != self.received) && self.has_body(head.status) {
            return Err(Fault::MalformedResponse);
        }
        self.finish(Ok(()));
        Ok(())
    }

    fn has_body(&self, status: u16) -> bool {
        !self.is_head && status != 204 && status != 304
    }

    /// The answer of a stream that ended well.
    pub fn into_answer(mut self) -> Result<Answer, Fault> {
        let head = self.head.ok_or(Fault::MalformedResponse)?;
        let body = match self.want.body {
            true => unpack(&codings(head.packed.as_deref())?, self.body.take(), MAX_BODY_BYTES_KEPT)?,
            false => Vec::new(),
        };
        let mut headers = head.headers;
        headers.append(&mut self.trailers);
        let location = head.location.filter(|_| (300..400).contains(&head.status)).map(Into::into);
        let details = Details { location, headers, body };
        Ok(Answer {
            status: head.status,
            version: Version::HTTP_2,
            sets_cookies: head.sets_cookies,
            details: (details != Details::default()).then(|| Box::new(details)),
        })
    }
}

/// Collects what matters of a header block.
#[derive(Debug, Default)]
pub struct FieldReader {
    want: Want,
    status: u16,
    head: Head,
    is_malformed: bool,
}

impl Visitor for FieldReader {
    fn wants(&self, name: &[u8]) -> bool {
        self.want.headers
            || matches!(name, b":status" | b"location" | b"content-length" | b"set-cookie" | b"content-encoding")
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b":status" => match number(value) {
                Some(status @ 100..=999) if self.status == 0 => self.status = status as u16,
                _ => self.is_malformed = true,
            },
            b"location" => self.head.location = str::from_utf8(value).ok().map(Into::into),
            b"content-length" => match number(value) {
                Some(length) if self.head.length.is_none_or(|other| other == length) => self.head.length = Some(length),
                _ => self.is_malformed = true,
            },
            b"set-cookie" => self.head.sets_cookies = true,
            b"content-encoding" if self.want.body => self.head.packed = Some(value.into()),
            _ => {}
        }
        let is_pseudo = name.first() == Some(&b':');
        if !is_pseudo && str::from_utf8(name).is_ok_and(|name| self.want.takes(name)) {
            let text = |bytes| String::from_utf8_lossy(bytes).into();
            self.head.headers.push((text(name), text(value)));
        }
    }
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}
