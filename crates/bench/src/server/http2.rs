//! HTTP/2 as far as a load generator needs it to: every stream that ends gets the same answer, encoded beforehand.
//!
//! Header blocks are not decoded, so no state of HPACK is kept; flow control of what we send is, per connection.

use super::site::{PAGE, Site};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD: usize = 9;
/// What a peer may send in one frame unless told otherwise; a longer one is an error.
const MAX_FRAME_BYTES: usize = 16_384;
/// What may be sent on a connection before the peer widens it.
const FIRST_WINDOW: i64 = 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200`, `content-type: application/json`, `content-length: 200`; nothing enters a table.
const ANSWER_HEAD: &[u8] = b"\x88\x0f\x10\x10application/json\x0f\x0d\x03200";

/// One connection's state.
#[derive(Debug)]
pub struct Http2 {
    partial: Vec<u8>,
    is_greeted: bool,
    /// How much of the peer's window for the connection is left.
    window: i64,
    /// Streams that wait for it.
    waiting: Vec<u32>,
    /// The stream of a header block that goes on, and whether its request ends with it.
    open_head: Option<(u32, bool)>,
}

/// One frame of the peer's.
struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

impl Default for Http2 {
    fn default() -> Self {
        Self { partial: Vec::new(), is_greeted: false, window: FIRST_WINDOW, waiting: Vec::new(), open_head: None }
    }
}

impl Http2 {
    /// Answers every complete frame; false when the peer is not to be talked to any more.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>, site: &mut Site) -> bool {
        let mut all = std::mem::take(&mut self.partial);
        // Usually nothing is left over, and the bytes are read where they lie.
        let whole = if all.is_empty() {
            bytes
        } else {
            all.extend_from_slice(bytes);
            all.as_slice()
        };
        let mut at = 0;
        if !self.is_greeted {
            let Some(preface) = whole.get(..PREFACE.len()) else {
                self.partial = whole.to_vec();
                return true;
            };
            if preface != PREFACE {
                return false;
            }
            at = PREFACE.len();
            self.is_greeted = true;
            write(out, SETTINGS, 0, 0, &[]);
        }
        while let Some(head) = whole.get(at..at + FRAME_HEAD) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            if length > MAX_FRAME_BYTES {
                return false;
            }
            let Some(payload) = whole.get(at + FRAME_HEAD..at + FRAME_HEAD + length) else { break };
            let stream = number(&head[5..9]) & 0x7fff_ffff;
            if !self.take(&Frame { kind: head[3], flags: head[4], stream, payload }, out, site) {
                return false;
            }
            at += FRAME_HEAD + length;
        }
        self.partial = whole[at..].to_vec();
        true
    }

    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>, site: &mut Site) -> bool {
        let Frame { kind, flags, stream, payload } = *frame;
        match kind {
            HEADERS if flags & END_HEADERS == 0 => self.open_head = Some((stream, flags & END_STREAM != 0)),
            HEADERS if flags & END_STREAM != 0 => self.answer(stream, out, site),
            CONTINUATION if flags & END_HEADERS != 0 => {
                if let Some((stream, true)) = self.open_head.take() {
                    self.answer(stream, out, site);
                }
            }
            DATA => {
                if !payload.is_empty() {
                    // What came is read at once, so the peer may send as much again.
                    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
                    write(out, WINDOW_UPDATE, 0, 0, &length);
                }
                if flags & END_STREAM != 0 {
                    self.answer(stream, out, site);
                }
            }
            SETTINGS if flags & ACK == 0 => write(out, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => write(out, PING, ACK, 0, payload),
            WINDOW_UPDATE if stream == 0 && payload.len() == 4 => {
                self.window += i64::from(number(payload) & 0x7fff_ffff);
                while self.window >= PAGE.len() as i64 && !self.waiting.is_empty() {
                    let stream = self.waiting.remove(0);
                    self.send(stream, out);
                }
            }
            GOAWAY => return false,
            _ => {}
        }
        true
    }

    fn answer(&mut self, stream: u32, out: &mut Vec<u8>, site: &mut Site) {
        site.requests += 1;
        if self.window >= PAGE.len() as i64 {
            self.send(stream, out);
        } else {
            self.waiting.push(stream);
        }
    }

    fn send(&mut self, stream: u32, out: &mut Vec<u8>) {
        self.window -= PAGE.len() as i64;
        write(out, HEADERS, END_HEADERS, stream, ANSWER_HEAD);
        write(out, DATA, END_STREAM, stream, PAGE);
    }
}

fn number(four: &[u8]) -> u32 {
    four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("our frames are short").to_be_bytes();
    out.extend_from_slice(&[length[1], length[2], length[3], kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        write(&mut bytes, SETTINGS, 0, 0, &[]);
        bytes
    }

    #[test]
    fn streams_are_answered_however_their_frames_are_cut() {
        let mut bytes = greeting();
        write(&mut bytes, HEADERS, END_HEADERS | END_STREAM, 1, &[0x82]);
        write(&mut bytes, HEADERS, 0, 3, &[0x83]);
        write(&mut bytes, CONTINUATION, END_HEADERS, 3, &[0x84]);
        write(&mut bytes, DATA, END_STREAM, 3, b"body");
        for cut in 0..bytes.len() {
            let (mut reader, mut site, mut out) = (Http2::default(), Site::default(), Vec::new());
            assert!(reader.feed(&bytes[..cut], &mut out, &mut site));
            assert!(reader.feed(&bytes[cut..], &mut out, &mut site));
            assert_eq!((site.requests, reader.partial.len()), (2, 0), "{cut}");
        }
    }

    #[test]
    fn what_does_not_fit_the_window_waits_for_it() {
        let (mut reader, mut site, mut out) = (Http2::default(), Site::default(), Vec::new());
        let mut bytes = greeting();
        for stream in 0..400 {
            write(&mut bytes, HEADERS, END_HEADERS | END_STREAM, 2 * stream + 1, &[0x82]);
        }
        assert!(reader.feed(&bytes, &mut out, &mut site));
        let fitting = 65_535 / 200;
        assert_eq!((site.requests, reader.waiting.len()), (400, 400 - fitting));
        let mut update = Vec::new();
        write(&mut update, WINDOW_UPDATE, 0, 0, &200_u32.to_be_bytes());
        assert!(reader.feed(&update, &mut out, &mut site));
        assert_eq!(reader.waiting.len(), 399 - fitting);
        assert!(!Http2::default().feed(&[b'x'; 24], &mut out, &mut site));
    }
}
