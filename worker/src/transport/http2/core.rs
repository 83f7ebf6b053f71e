//! The rules of one HTTP/2 connection: pure, bytes in and bytes out, so that it can be tested at every byte.

use std::{collections::VecDeque, task::Waker, time::Instant};

use super::{
    frame::{self, HEAD_BYTES, PAYLOAD_BYTES, PREFACE, code, flag, kind, setting},
    hpack::Decoder,
    stream::{FieldReader, Stream},
};
use crate::{
    Fault,
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

    /// Nothing of this stream has left yet, and nothing will.
    fn unsay(&mut self, id: u32) {
        let mut at = self.sent;
        let mut kept = VecDeque::with_capacity(self.parts.len());
        for (owner, length) in std::mem::take(&mut self.parts) {
            if owner == id {
                self.out.drain(at..at + length);
            } else {
                at += length;
                kept.push_back((owner, length));
            }
        }
        self.parts = kept;
    }

    /// A request sent after this instant has heard nothing in time: the peer is not there any more.
    pub fn doubt(&mut self, since: Instant) {
        if self.heard_at.is_none_or(|at| at < since) {
            self.is_leaving = true;
        }
    }

    /// What is to be sent.
    pub fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// So much was sent.
    pub fn note_sent(&mut self, mut length: usize, now: Instant) {
        self.sent += length;
        while length > 0 {
            let Some((owner, part)) = self.parts.front_mut() else { break };
            let here = length.min(*part);
            length -= here;
            *part -= here;
            let (owner, is_over) = (*owner, *part == 0);
            if is_over {
                self.parts.pop_front();
            }
            self.credit_sent(owner, here, now);
        }
        if self.sent == self.out.len() {
            self.out.clear();
            self.out.shrink_to(2 * PAYLOAD_BYTES);
            self.sent = 0;
            self.frame_bodies();
        }
    }

    fn credit_sent(&mut self, owner: u32, length: usize, now: Instant) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == owner) else {
            self.unclaimed_sent += length as u64;
            return;
        };
        self.idle_frames = 0;
        stream.cost.bytes_sent += length as u64;
        stream.queued -= length;
        if stream.queued == 0 && stream.is_framed {
            stream.cost.sent_at = Some(now);
        }
    }

    /// Frames as much of the bodies as the windows and our own bound allow.
    fn frame_bodies(&mut self) {
        for stream in self.streams.iter_mut().filter(|stream| !stream.is_framed && stream.end.is_none()) {
            while !stream.is_framed && self.out.len() - self.sent < QUEUE_BYTES {
                let left = stream.unframed.len() - stream.framed;
                let allowed = usize::try_from(self.window.min(stream.window)).unwrap_or(0);
                let here = left.min(allowed).min(self.peer.max_frame).min(QUEUE_BYTES);
                if here == 0 {
                    break;
                }
                let is_end = here == left;
                let before = self.out.len();
                frame::head(&mut self.out, here, kind::DATA, if is_end { flag::END_STREAM } else { 0 }, stream.id);
                self.out.extend_from_slice(&stream.unframed[stream.framed..stream.framed + here]);
                let queued = self.out.len() - before;
                self.parts.push_back((stream.id, queued));
                stream.queued += queued;
                stream.framed += here;
                stream.is_framed = is_end;
                stream.window -= here as i64;
                self.window -= here as i64;
            }
            if stream.is_framed {
                stream.unframed = Vec::new();
            }
        }
    }

    /// The connection itself says something.
    fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.out.len();
        write(&mut self.out);
        self.parts.push_back((0, self.out.len() - before));
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

    fn feed_frame(&mut self, input: &[u8], now: Instant) -> Result<usize, Fault> {
        let spilled = self.input.spill.len();
        if spilled == 0
            && let Some((bytes, rest)) = input.split_first_chunk()
        {
            let head = self.check(frame::Head::of(*bytes))?;
            if head.kind == kind::DATA {
                self.begin_data(head, HEAD_BYTES, now)?;
                return Ok(HEAD_BYTES);
            }
            if let Some(payload) = rest.get(..head.length) {
                self.frame(head, payload, now)?;
                return Ok(HEAD_BYTES + head.length);
            }
        }
        // A frame in pieces: first its head, then its payload.
        let head = self.input.spill.first_chunk().map(|bytes| frame::Head::of(*bytes));
        let missing = head.map_or(HEAD_BYTES, |head| HEAD_BYTES + head.length) - spilled;
        let taken = missing.min(input.len());
        self.input.spill.extend_from_slice(&input[..taken]);
        if !self.peer.has_settled && self.input.spill.starts_with(b"HTTP/") {
            return Err(Fault::NotHttp2);
        }
        if taken == missing {
            self.spill_is_complete(head.is_some(), now)?;
        }
        Ok(taken)
    }

    fn spill_is_complete(&mut self, has_payload: bool, now: Instant) -> Result<(), Fault> {
        let Some(bytes) = self.input.spill.first_chunk() else { return Ok(()) };
        let head = self.check(frame::Head::of(*bytes))?;
        if head.kind == kind::DATA {
            self.input.spill.clear();
            return self.begin_data(head, HEAD_BYTES, now);
        }
        if !has_payload && head.length > 0 {
            return Ok(());
        }
        let spill = std::mem::take(&mut self.input.spill);
        self.frame(head, &spill[HEAD_BYTES..], now)
    }

    /// What must be true of every frame.
    fn check(&self, head: frame::Head) -> Result<frame::Head, Fault> {
        let is_first = !self.peer.has_settled;
        if is_first && head.length == 0x0048_5454 {
            return Err(Fault::NotHttp2);
        }
        let is_settled = !is_first || (head.kind == kind::SETTINGS && !head.has(flag::ACK));
        let is_in_order = self
            .input
            .block
            .as_ref()
            .is_none_or(|block| head.kind == kind::CONTINUATION && head.stream == block.stream);
        let is_ours = match head.kind {
            kind::DATA | kind::HEADERS | kind::CONTINUATION => self.is_known(head.stream),
            _ => true,
        };
        if is_settled && is_in_order && is_ours && head.length <= PAYLOAD_BYTES {
            Ok(head)
        } else {
            Err(Fault::Http2Violation)
        }
    }

    /// Whether a stream of this number was ever opened.
    fn is_known(&self, stream: u32) -> bool {
        stream % 2 == 1 && stream < self.next_stream
    }

    fn frame(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
        match head.kind {
            kind::HEADERS | kind::CONTINUATION => {}
            _ => self.note_idle_frame()?,
        }
        match head.kind {
            kind::HEADERS => self.headers(head, payload, now),
            kind::CONTINUATION => self.continuation(head, payload, now),
            kind::SETTINGS => self.settings(head, payload),
            kind::PING => self.ping(head, payload),
            kind::GOAWAY => self.goaway(head, payload),
            kind::WINDOW_UPDATE => self.window_update(head, payload),
            kind::RST_STREAM => self.reset(head, payload, now),
            kind::PRIORITY if head.stream == 0 || payload.len() != 5 => Err(Fault::Http2Violation),
            kind::PUSH_PROMISE => Err(Fault::Http2Violation),
            _ => Ok(()),
        }
    }

    fn note_idle_frame(&mut self) -> Result<(), Fault> {
        self.idle_frames += 1;
        if self.idle_frames > MAX_IDLE_FRAMES { Err(Fault::Http2Flood) } else { Ok(()) }
    }

    /// So much of what has come belongs to this stream.
    fn credit_received(&mut self, id: u32, length: usize, now: Instant) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) else { return };
        if stream.end.is_none() {
            // The beginning of a frame that came in pieces may have been claimed already.
            let here = self.unclaimed_received.min(length as u64);
            self.unclaimed_received -= here;
            stream.cost.bytes_received += here;
            stream.cost.first_byte_at.get_or_insert(now);
            stream.cost.last_byte_at = Some(now);
        }
    }

    /// Something about one stream is wrong, or right; only the former ends it.
    fn judge(&mut self, id: u32, result: Result<(), Fault>) {
        if let (Err(fault), Some(stream)) = (result, self.stream(id)) {
            stream.finish(Err(fault));
        }
        if self.streams.iter().any(|stream| stream.id == id && stream.end.is_some()) {
            self.offer_room();
        }
    }

    fn headers(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
        self.credit_received(head.stream, HEAD_BYTES + payload.len(), now);
        let mut block = unpadded(head, payload)?;
        if head.has(flag::PRIORITY) {
            block = block.get(5..).ok_or(Fault::Http2Violation)?;
        }
        let is_end = head.has(flag::END_STREAM);
        if head.has(flag::END_HEADERS) {
            return self.fields(head.stream, block, is_end);
        }
        self.input.block = Some(Block { stream: head.stream, bytes: block.to_vec(), pieces: 0, is_end });
        Ok(())
    }

    fn continuation(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
        self.credit_received(head.stream, HEAD_BYTES + payload.len(), now);
        let mut block = self.input.block.take().ok_or(Fault::Http2Violation)?;
        block.bytes.extend_from_slice(payload);
        block.pieces += 1;
        if block.bytes.len() > MAX_HEAD_BYTES {
            return Err(Fault::HeadTooLarge);
        }
        if block.pieces > MAX_CONTINUATIONS {
            return Err(Fault::Http2Flood);
        }
        if head.has(flag::END_HEADERS) {
            return self.fields(block.stream, &block.bytes, block.is_end);
        }
        self.input.block = Some(block);
        Ok(())
    }

    /// A whole header block; it is read also when nobody waits for it, because the table must be kept.
    fn fields(&mut self, id: u32, block: &[u8], is_end: bool) -> Result<(), Fault> {
        let live = self.streams.iter().position(|stream| stream.id == id && stream.end.is_none());
        let mut fields = live.map_or_else(FieldReader::default, |place| self.streams[place].reader());
        self.decoder.decode(block, &mut fields)?;
        match live {
            Some(place) => {
                self.idle_frames = 0;
                let result = self.streams[place].take_fields(fields, is_end);
                self.judge(id, result);
            }
            None => self.note_idle_frame()?,
        }
        Ok(())
    }

    fn begin_data(&mut self, head: frame::Head, head_bytes: usize, now: Instant) -> Result<(), Fault> {
        self.credit_received(head.stream, head_bytes, now);
        self.unrenewed += head.length as u64;
        if self.unrenewed > u64::from(WINDOW) / 2 {
            let renewed = u32::try_from(std::mem::take(&mut self.unrenewed)).unwrap_or(WINDOW);
            self.say(|out| frame::number(out, kind::WINDOW_UPDATE, 0, renewed));
        }
        let is_end = head.has(flag::END_STREAM);
        let Some(stream) = self.stream(head.stream).filter(|stream| stream.end.is_none()) else {
            self.note_idle_frame()?;
            return self.expect_data(head, false);
        };
        stream.unrenewed += head.length as u64;
        if stream.unrenewed > u64::from(WINDOW) / 2 && !is_end {
            let renewed = u32::try_from(std::mem::take(&mut stream.unrenewed)).unwrap_or(WINDOW);
            self.say(|out| frame::number(out, kind::WINDOW_UPDATE, head.stream, renewed));
        }
        if head.length > usize::from(head.has(flag::PADDED)) {
            self.idle_frames = 0;
        } else if !is_end {
            self.note_idle_frame()?;
        }
        self.expect_data(head, is_end)
    }

    fn expect_data(&mut self, head: frame::Head, is_end: bool) -> Result<(), Fault> {
        let is_padding_unknown = head.has(flag::PADDED);
        if is_padding_unknown && head.length == 0 {
            return Err(Fault::Http2Violation);
        }
        let data = Data { stream: head.stream, left: head.length, padding: 0, is_padding_unknown, is_end };
        self.data_goes_on(data);
        Ok(())
    }

    fn feed_data(&mut self, input: &[u8], now: Instant) -> Result<usize, Fault> {
        let Some(mut data) = self.input.data.take() else { return Ok(0) };
        let here = if data.is_padding_unknown { 1 } else { data.left.min(input.len()) };
        self.credit_received(data.stream, here, now);
        data.left -= here;
        if std::mem::take(&mut data.is_padding_unknown) {
            data.padding = usize::from(input[0]);
            if data.padding > data.left {
                return Err(Fault::Http2Violation);
            }
        } else {
            // What is left after these bytes may be padding, and so may their end.
            let padding = data.padding.saturating_sub(data.left);
            let bytes = &input[..here - padding.min(here)];
            data.padding -= padding.min(here);
            if let Some(stream) = self.stream(data.stream).filter(|stream| stream.end.is_none() && !bytes.is_empty()) {
                let result = stream.take_data(bytes);
                self.judge(data.stream, result);
            }
        }
        self.data_goes_on(data);
        Ok(here)
    }

    fn data_goes_on(&mut self, data: Data) {
        if data.left > 0 {
            self.input.data = Some(data);
        } else if data.is_end
            && let Some(stream) = self.stream(data.stream).filter(|stream| stream.end.is_none())
        {
            let result = stream.complete();
            self.judge(data.stream, result);
        }
    }

    fn settings(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
        let is_ack = head.has(flag::ACK);
        if head.stream != 0 || !payload.len().is_multiple_of(6) || (is_ack && !payload.is_empty()) {
            return Err(Fault::Http2Violation);
        }
        if is_ack {
            return Ok(());
        }
        for entry in payload.chunks_exact(6) {
            let name = u16::from_be_bytes([entry[0], entry[1]]);
            self.setting(name, u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))?;
        }
        self.peer.has_settled = true;
        self.say(|out| frame::head(out, 0, kind::SETTINGS, flag::ACK, 0));
        self.frame_bodies();
        (0..self.waiting.len()).for_each(|_| self.offer_room());
        Ok(())
    }

    fn setting(&mut self, name: u16, value: u32) -> Result<(), Fault> {
        match name {
            setting::MAX_CONCURRENT_STREAMS => self.peer.max_streams = value,
            setting::INITIAL_WINDOW_SIZE => {
                let change = i64::from(value) - self.peer.first_window;
                self.peer.first_window = value.into();
                for stream in &mut self.streams {
                    stream.window += change;
                }
                let is_too_large = |window: i64| window > MAX_WINDOW;
                if is_too_large(value.into()) || self.streams.iter().any(|stream| is_too_large(stream.window)) {
                    return Err(Fault::Http2Violation);
                }
            }
            setting::MAX_FRAME_SIZE => {
                self.peer.max_frame = value as usize;
                if !(PAYLOAD_BYTES..1 << 24).contains(&self.peer.max_frame) {
                    return Err(Fault::Http2Violation);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ping(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
        if head.stream != 0 || payload.len() != 8 {
            return Err(Fault::Http2Violation);
        }
        if !head.has(flag::ACK) {
            self.say(|out| {
                frame::head(out, 8, kind::PING, flag::ACK, 0);
                out.extend_from_slice(payload);
            });
        }
        Ok(())
    }

    fn goaway(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
        let Some((last, _)) = payload.split_first_chunk().filter(|(_, rest)| rest.len() >= 4 && head.stream == 0)
        else {
            return Err(Fault::Http2Violation);
        };
        let last = u32::from_be_bytes(*last) & MAX_STREAM;
        self.is_leaving = true;
        // What comes after the last stream was never looked at.
        for stream in self.streams.iter_mut().filter(|stream| stream.id > last) {
            stream.finish(Err(Fault::StreamRefused));
        }
        self.waiting.drain(..).for_each(Waker::wake);
        Ok(())
    }

    fn window_update(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
        let bytes: [u8; 4] = payload.try_into().map_err(|_| Fault::Http2Violation)?;
        let more = i64::from(u32::from_be_bytes(bytes) & MAX_STREAM);
        if head.stream == 0 {
            self.window += more;
            if more == 0 || self.window > MAX_WINDOW {
                return Err(Fault::Http2Violation);
            }
        } else if !self.is_known(head.stream) {
            return Err(Fault::Http2Violation);
        } else if let Some(stream) = self.stream(head.stream) {
            stream.window += more;
            if more == 0 || stream.window > MAX_WINDOW {
                self.judge(head.stream, Err(Fault::Http2Violation));
            }
        }
        self.frame_bodies();
        Ok(())
    }

    fn reset(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
        let bytes: [u8; 4] = payload.try_into().map_err(|_| Fault::Http2Violation)?;
        if !self.is_known(head.stream) {
            return Err(Fault::Http2Violation);
        }
        self.credit_received(head.stream, HEAD_BYTES + payload.len(), now);
        let is_refused = u32::from_be_bytes(bytes) == code::REFUSED_STREAM;
        self.judge(head.stream, Err(if is_refused { Fault::StreamRefused } else { Fault::StreamReset }));
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

fn unpadded(head: frame::Head, payload: &[u8]) -> Result<&[u8], Fault> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let (padding, rest) = payload.split_first().ok_or(Fault::Http2Violation)?;
    let length = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::Http2Violation)?;
    Ok(&rest[..length])
}

#[cfg(test)]
#[path = "core_tests.rs"]
pub mod tests;
