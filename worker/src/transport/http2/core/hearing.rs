//! Frames out of bytes: whole, or in pieces, and what must be true of every one.

use super::{
    super::frame::{self, HEAD_BYTES, PAYLOAD_BYTES, flag, kind},
    Core, MAX_IDLE_FRAMES,
};
use crate::{Fault, clock::Instant};

impl Core {
    pub(super) fn feed_frame(&mut self, input: &[u8], now: Instant) -> Result<usize, Fault> {
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

    pub(super) fn spill_is_complete(&mut self, has_payload: bool, now: Instant) -> Result<(), Fault> {
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
    pub(super) fn check(&self, head: frame::Head) -> Result<frame::Head, Fault> {
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
    pub(super) fn is_known(&self, stream: u32) -> bool {
        stream % 2 == 1 && stream < self.next_stream
    }

    pub(super) fn frame(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
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

    pub(super) fn note_idle_frame(&mut self) -> Result<(), Fault> {
        self.idle_frames += 1;
        if self.idle_frames > MAX_IDLE_FRAMES { Err(Fault::Http2Flood) } else { Ok(()) }
    }

    /// So much of what has come belongs to this stream.
    pub(super) fn credit_received(&mut self, id: u32, length: usize, now: Instant) {
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
    pub(super) fn judge(&mut self, id: u32, result: Result<(), Fault>) {
        if let (Err(fault), Some(stream)) = (result, self.stream(id)) {
            stream.finish(Err(fault));
        }
        if self.streams.iter().any(|stream| stream.id == id && stream.end.is_some()) {
            self.offer_room();
        }
    }
}
