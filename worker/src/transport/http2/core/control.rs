//! What the peer says about the connection and its streams: settings, pings, windows, resets, goodbye.

use std::task::Waker;

use super::{
    super::frame::{self, HEAD_BYTES, PAYLOAD_BYTES, code, flag, kind, setting},
    Core, MAX_STREAM, MAX_WINDOW,
};
use crate::{Fault, clock::Instant};

impl Core {
    pub(super) fn settings(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
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

    pub(super) fn setting(&mut self, name: u16, value: u32) -> Result<(), Fault> {
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

    pub(super) fn ping(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
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

    pub(super) fn goaway(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
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

    pub(super) fn window_update(&mut self, head: frame::Head, payload: &[u8]) -> Result<(), Fault> {
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

    pub(super) fn reset(&mut self, head: frame::Head, payload: &[u8], now: Instant) -> Result<(), Fault> {
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
