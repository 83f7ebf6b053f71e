//! HTTP/1.1 as far as a load generator sends it: a head, perhaps a body of a known length, kept alive.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::site::Site;

/// What ends a head, found many bytes at a time: a server that is slow to read would be what a client waits for.
static EMPTY_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// How large a request may be before its connection is given up.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// One connection's reading.
#[derive(Debug, Default)]
pub struct Http1 {
    partial: Vec<u8>,
}

impl Http1 {
    /// Answers every complete request; false when the peer is not to be talked to any more.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>, site: &mut Site) -> bool {
        if self.partial.is_empty() {
            let used = answer_all(bytes, out, site);
            self.partial.extend_from_slice(&bytes[used..]);
        } else {
            self.partial.extend_from_slice(bytes);
            let used = answer_all(&self.partial, out, site);
            self.partial.drain(..used);
        }
        self.partial.len() <= MAX_REQUEST_BYTES
    }
}

/// How many bytes the complete requests have.
fn answer_all(bytes: &[u8], out: &mut Vec<u8>, site: &mut Site) -> usize {
    let mut used = 0;
    while let Some((head, body)) = split(&bytes[used..]) {
        site.answer(head, body, out);
        used += head.len() + body.len();
    }
    used
}

/// The first request's head, with the empty line, and its body; `None` while it is not complete.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = EMPTY_LINE.find(bytes)? + EMPTY_LINE.needle().len();
    let (head, rest) = bytes.split_at(end);
    // What only asks has no body, and is not searched for its length.
    let length = if head.starts_with(b"GET ") { 0 } else { content_length(head) };
    rest.get(..length).map(|body| (head, body))
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .filter(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .find_map(|line| str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_however_they_are_cut() {
        let (get, post) = (b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"POST /x HTTP/1.1\r\nContent-LENGTH: 3\r\n\r\nabc");
        let both = [get, post, get].concat();
        for cut in 0..both.len() {
            let (mut reader, mut site, mut out) = (Http1::default(), Site::default(), Vec::new());
            assert!(reader.feed(&both[..cut], &mut out, &mut site));
            assert!(reader.feed(&both[cut..], &mut out, &mut site));
            assert_eq!((site.requests, reader.partial.len()), (3, 0), "{cut}");
        }
    }
}
