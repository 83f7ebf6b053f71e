//! What a connection has to say: in which order, and what each stream has paid of it.

use std::collections::VecDeque;

use super::{
    super::frame::{self, PAYLOAD_BYTES, flag, kind},
    Core, QUEUE_BYTES,
};
use crate::clock::Instant;

impl Core {
    /// Nothing of this stream has left yet, and nothing will.
    pub(super) fn unsay(&mut self, id: u32) {
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

    pub(super) fn credit_sent(&mut self, owner: u32, length: usize, now: Instant) {
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
    pub(super) fn frame_bodies(&mut self) {
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
    pub(super) fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.out.len();
        write(&mut self.out);
        self.parts.push_back((0, self.out.len() - before));
    }
}
