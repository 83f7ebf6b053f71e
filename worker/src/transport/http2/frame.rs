//! Frames of HTTP/2 (RFC 9113, 4 and 6): their heads, and those that we send.

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a frame's head is.
pub const HEAD_BYTES: usize = 9;
/// How long a frame's payload may be until the other side allows more; we never allow more.
pub const PAYLOAD_BYTES: usize = 16_384;

/// The kinds of frames.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// What is true of a frame.
pub mod flag {
    pub const ACK: u8 = 1;
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
    pub const PRIORITY: u8 = 0x20;
}

/// What both sides may settle.
pub mod setting {
    pub const ENABLE_PUSH: u16 = 2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    pub const MAX_FRAME_SIZE: u16 = 5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Why a stream or a connection ends.
pub mod code {
    pub const REFUSED_STREAM: u32 = 7;
    pub const CANCEL: u32 = 8;
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Head {
    /// Reads it.
    pub fn of(bytes: [u8; HEAD_BYTES]) -> Self {
        let [a, b, c, kind, flags, s, t, u, v] = bytes;
        Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s & 0x7f, t, u, v]),
        }
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends the head of a frame.
pub fn head(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Appends settings.
pub fn settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    head(out, settings.len() * 6, kind::SETTINGS, 0, 0);
    for (name, value) in settings {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a frame whose payload is one number.
pub fn number(out: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    head(out, 4, kind, 0, stream);
    out.extend_from_slice(&number.to_be_bytes());
}

/// Appends the frames of a header block, split as the peer wants it.
pub fn headers(out: &mut Vec<u8>, stream: u32, block: &[u8], is_end: bool, most: usize) {
    let end = if is_end { flag::END_STREAM } else { 0 };
    let (first, mut rest) = block.split_at(block.len().min(most));
    let whole = |rest: &[u8]| if rest.is_empty() { flag::END_HEADERS } else { 0 };
    head(out, first.len(), kind::HEADERS, end | whole(rest), stream);
    out.extend_from_slice(first);
    while !rest.is_empty() {
        let (next, after) = rest.split_at(rest.len().min(most));
        head(out, next.len(), kind::CONTINUATION, whole(after), stream);
        out.extend_from_slice(next);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_block_is_continued_and_only_its_last_frame_ends_it() {
        let mut out = Vec::new();
        headers(&mut out, 3, &[7; 25], true, 10);
        let mut rest = &out[..];
        let mut seen = Vec::new();
        while let Some((bytes, after)) = rest.split_first_chunk() {
            let head = Head::of(*bytes);
            rest = &after[head.length..];
            seen.push((head.kind, head.length, head.flags));
        }
        assert_eq!(seen, [(1, 10, flag::END_STREAM), (9, 10, 0), (9, 5, flag::END_HEADERS)]);
    }
}
