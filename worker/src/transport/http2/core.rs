//! The rules of one HTTP/2 connection: pure, bytes in and bytes out, so that it can be tested at every byte.

mod control;
mod data;
mod fields;
mod hearing;
mod speech;

use std::{collections::VecDeque, task::Waker};

use super::{
    frame::{self, PAYLOAD_BYTES, PREFACE, code, kind, setting},
    hpack::Decoder,
    stream::Stream,
};
use crate::{
    Fault,
    clock::Instant,
    transport::{Want, head::MAX_HEAD_BYTES},
};

/// How much the peer may send before we renew its window, for each stream and for all together: so much that it is rare.
const WINDOW: u32 = 1 << 30;
/// The largest window there is, and the one that both sides begin with.
const MAX_WINDOW: i64 = (1 << 31) - 1;
const FIRST_WINDOW: u32 = 65_535;
/// How many streams we open before the peer has said how many it takes.
const FIRST_STREAMS: u32 = 100;
/// How many frames in a row may carry nothing.
const MAX_IDLE_FRAMES: u32 = 10_000;
/// How many pieces a header block may come in.
const MAX_CONTINUATIONS: u32 = 64;
/// How much of the requests' bodies is framed ahead of the socket.
const QUEUE_BYTES: usize = 256 * 1024;
/// The largest number that a stream can have.
const MAX_STREAM: u32 = (1 << 31) - 1;

/// One connection.
#[derive(Debug)]
pub struct Core {
    decoder: Decoder,
    streams: Vec<Stream>,
    next_stream: u32,
    /// Bytes that are to be sent, and from where on.
    out: Vec<u8>,
    sent: usize,
    /// Whose bytes these are, in order; stream 0 is the connection itself.
    parts: VecDeque<(u32, usize)>,
    peer: Peer,
    /// What the peer lets us send on all streams together.
    window: i64,
    /// What the peer has sent since we renewed its window.
    unrenewed: u64,
    input: Input,
    /// Bytes of the connection itself, which the next sample that ends takes on.
    unclaimed_sent: u64,
    unclaimed_received: u64,
    idle_frames: u32,
    /// When something came last.
    heard_at: Option<Instant>,
    /// Whether no new stream may be opened.
    is_leaving: bool,
    failed: Option<Fault>,
    /// Who waits for a free stream.
    waiting: VecDeque<Waker>,
}

/// What the peer has settled.
#[derive(Debug)]
struct Peer {
    has_settled: bool,
    max_streams: u32,
    first_window: i64,
    max_frame: usize,
}

/// What has come of a frame that is not complete.
#[derive(Debug, Default)]
struct Input {
    /// The head, and a payload that must be seen as a whole.
    spill: Vec<u8>,
    data: Option<Data>,
    block: Option<Block>,
}

/// A frame of a body, whose payload is passed on as it comes.
#[derive(Debug)]
struct Data {
    stream: u32,
    /// What comes before the padding's length is known, the data, and the padding.
    left: usize,
    padding: usize,
    is_padding_unknown: bool,
    is_end: bool,
}

/// A header block that is not complete.
#[derive(Debug)]
struct Block {
    stream: u32,
    bytes: Vec<u8>,
    pieces: u32,
    is_end: bool,
}

impl Core {
    /// A connection that has said what a client says first.
    pub fn new() -> Self {
        let mut core = Self {
            decoder: Decoder::default(),
            streams: Vec::new(),
            next_stream: 1,
            out: PREFACE.to_vec(),
            sent: 0,
            parts: VecDeque::new(),
            peer: Peer {
                has_settled: false,
                max_streams: FIRST_STREAMS,
                first_window: FIRST_WINDOW.into(),
                max_frame: PAYLOAD_BYTES,
            },
            window: FIRST_WINDOW.into(),
            unrenewed: 0,
            input: Input::default(),
            unclaimed_sent: 0,
            unclaimed_received: 0,
            idle_frames: 0,
            heard_at: None,
            is_leaving: false,
            failed: None,
            waiting: VecDeque::new(),
        };
        let list = u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX);
        let settings =
            [(setting::ENABLE_PUSH, 0), (setting::INITIAL_WINDOW_SIZE, WINDOW), (setting::MAX_HEADER_LIST_SIZE, list)];
        frame::settings(&mut core.out, &settings);
        frame::number(&mut core.out, kind::WINDOW_UPDATE, 0, WINDOW - FIRST_WINDOW);
        core.parts.push_back((0, core.out.len()));
        core
    }

    /// Whether a new stream may ever be opened.
    pub fn is_usable(&self) -> bool {
        self.failed.is_none() && !self.is_leaving && self.next_stream < MAX_STREAM - 1
    }

    /// Whether nobody waits for anything.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.unsent().is_empty()
    }

    /// Opens a stream, when there is one.
    pub fn open(&mut self, request: Request<'_>, now: Instant) -> Option<u32> {
        let open = self.streams.iter().filter(|stream| stream.end.is_none()).count();
        if open >= self.peer.max_streams as usize {
            return None;
        }
        let id = self.next_stream;
        self.next_stream += 2;
        let mut stream = Stream::new(id, request.is_head, request.want, self.peer.first_window, now);
        let before = self.out.len();
        frame::headers(&mut self.out, id, request.block, request.body.is_empty(), self.peer.max_frame);
        stream.queued = self.out.len() - before;
        stream.is_framed = request.body.is_empty();
        stream.unframed = request.body.to_vec();
        self.parts.push_back((id, stream.queued));
        self.streams.push(stream);
        self.frame_bodies();
        Some(id)
    }

    /// Remembers who waits for a free stream.
    pub fn wait_for_room(&mut self, waker: Waker) {
        self.waiting.push_back(waker);
    }

    /// A free stream is there, or was not taken: the next one who waits may try.
    pub fn offer_room(&mut self) {
        if let Some(waker) = self.waiting.pop_front() {
            waker.wake();
        }
    }

    /// The stream of this number.
    pub fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    /// Takes a stream away, with what it and the connection itself have cost; what is under way is cancelled.
    pub fn remove(&mut self, id: u32) -> Option<Stream> {
        let place = self.streams.iter().position(|stream| stream.id == id)?;
        let mut stream = self.streams.swap_remove(place);
        stream.cost.bytes_sent += if stream.cost.bytes_sent > 0 { std::mem::take(&mut self.unclaimed_sent) } else { 0 };
        stream.cost.bytes_received += std::mem::take(&mut self.unclaimed_received);
        if stream.cost.bytes_sent == 0 {
            self.unsay(id);
        } else if self.failed.is_none() && !is_closed(&stream) {
            self.say(|out| frame::number(out, kind::RST_STREAM, id, code::CANCEL));
        }
        self.offer_room();
        Some(stream)
    }

    /// A request sent after this instant has heard nothing in time: the peer is not there any more.
    pub fn doubt(&mut self, since: Instant) {
        if self.heard_at.is_none_or(|at| at < since) {
            self.is_leaving = true;
        }
    }

    /// Says goodbye: the last user has gone.
    pub fn leave(&mut self) {
        if self.failed.is_none() && !std::mem::replace(&mut self.is_leaving, true) {
            self.say(|out| {
                frame::head(out, 8, kind::GOAWAY, 0, 0);
                out.extend_from_slice(&[0; 8]);
            });
        }
    }

    /// The connection is over: whoever still waits for an answer gets none.
    pub fn fail(&mut self, fault: Fault) {
        self.failed.get_or_insert(fault);
        for stream in &mut self.streams {
            stream.finish(Err(fault));
        }
        self.waiting.drain(..).for_each(Waker::wake);
    }

    /// Takes what has come.
    ///
    /// # Errors
    /// Returns why the connection cannot go on; the caller fails it.
    pub fn feed(&mut self, mut input: &[u8], now: Instant) -> Result<(), Fault> {
        self.heard_at = Some(now);
        self.unclaimed_received += input.len() as u64;
        while !input.is_empty() {
            let taken = match self.input.data {
                Some(_) => self.feed_data(input, now)?,
                None => self.feed_frame(input, now)?,
            };
            input = &input[taken..];
        }
        Ok(())
    }
}

/// A request as the connection needs it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub block: &'a [u8],
    pub body: &'a [u8],
    pub is_head: bool,
    pub want: Want,
}

/// Whether both sides know that the stream is over.
fn is_closed(stream: &Stream) -> bool {
    match stream.end {
        Some(Ok(())) => stream.is_framed,
        Some(Err(fault)) => matches!(fault, Fault::StreamReset | Fault::StreamRefused),
        None => false,
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
pub mod tests;
