//! Header blocks, in one frame or in several.

use super::{
    super::{
        frame::{self, HEAD_BYTES, flag},
        stream::FieldReader,
    },
    Block, Core, MAX_CONTINUATIONS,
};
use crate::{Fault, clock::Instant, transport::head::MAX_HEAD_BYTES};

impl Core {
    pub(super) fn headers(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
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

    pub(super) fn continuation(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
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
    pub(super) fn fields(&mut self, id: u32, block: &[u8], is_end: bool) -> Result<(), Fault> {
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
}

fn unpadded(head: frame::Head, payload: &[u8]) -> Result<&[u8], Fault> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let (padding, rest) = payload.split_first().ok_or(Fault::Http2Violation)?;
    let length = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::Http2Violation)?;
    Ok(&rest[..length])
}
