//! Heads that were read before: a target sends the same few again and again, and the same bytes mean the same.

use super::{
    answer::Want,
    head::{Head, Plain, parse},
};
use crate::Fault;

/// How many heads are remembered: those of the answers to a flow's few requests.
const MOST: usize = 4;
/// How long a head may be to be remembered.
const MAX_BYTES: usize = 1_024;

/// The last heads of a thread.
#[derive(Debug, Default)]
pub struct Heads {
    known: Vec<Known>,
    /// Which is forgotten next.
    oldest: usize,
}

/// A head, and what it was read from and for.
#[derive(Debug)]
struct Known {
    bytes: Vec<u8>,
    is_head: bool,
    want: Want,
    head: Plain,
}

impl Heads {
    /// As [`parse`]. A head ends with an empty line whatever follows, so bytes that begin with a known one begin with its
    /// meaning.
    pub fn parse(&mut self, input: &[u8], is_head: bool, want: Want) -> Result<Option<(Head, usize)>, Fault> {
        let fits = |known: &&Known| known.is_head == is_head && known.want == want && input.starts_with(&known.bytes);
        if let Some(known) = self.known.iter().find(fits) {
            return Ok(Some((known.head.into(), known.bytes.len())));
        }
        let parsed = parse(input, is_head, want)?;
        if let Some((head, length)) = &parsed
            && *length <= MAX_BYTES
            && head.more.is_none()
        {
            self.remember(&input[..*length], is_head, want, head.plain);
        }
        Ok(parsed)
    }

    fn remember(&mut self, bytes: &[u8], is_head: bool, want: Want, head: Plain) {
        if self.known.len() < MOST {
            self.known.push(Known { bytes: bytes.to_vec(), is_head, want, head });
            return;
        }
        let known = &mut self.known[self.oldest];
        known.bytes.clear();
        known.bytes.extend_from_slice(bytes);
        (known.is_head, known.want, known.head) = (is_head, want, head);
        self.oldest = (self.oldest + 1) % MOST;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(number: usize) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n\r\n")
    }

    #[test]
    fn no_more_than_a_few_heads_are_remembered_and_long_ones_never() {
        let mut heads = Heads::default();
        for number in 0..3 * MOST {
            heads.parse(head(number).as_bytes(), false, Want::default()).expect("valid");
        }
        assert_eq!(heads.known.len(), MOST);
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 1\r\n\r\n", "y".repeat(MAX_BYTES));
        let before = heads.known[heads.oldest].bytes.clone();
        assert!(heads.parse(long.as_bytes(), false, Want::default()).expect("valid").is_some());
        assert_eq!(heads.known[heads.oldest].bytes, before);
    }

    #[test]
    fn the_same_bytes_mean_something_else_to_whoever_asked_otherwise() {
        let mut heads = Heads::default();
        let text = "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello";
        let all = Want { headers: true, ..Want::default() };
        for (is_head, want) in
            [(false, Want::default()), (true, Want::default()), (false, all), (false, Want::default())]
        {
            assert_eq!(heads.parse(text.as_bytes(), is_head, want), parse(text.as_bytes(), is_head, want));
        }
    }

    proptest! {
        #[test]
        fn remembering_changes_nothing(
            texts in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
                "HTTP/1.1 200 OK\r\n", "HTTP/1.0 302 \r\n", "HTTP/1.1 100 \r\n", "Content-Length: 3\r\n", "Content-Length: 4\r\n",
                "Transfer-Encoding: chunked\r\n", "Location: /x\r\n", "Set-Cookie: a=b\r\n", "Content-Encoding: gzip\r\n",
                "Connection: close\r\n", "\r\n", "\n", "abc", ":",
            ]), 0..8), 1..30),
            wants in prop::collection::vec(any::<(bool, bool, bool, bool)>(), 30),
        ) {
            let mut heads = Heads::default();
            for (parts, (is_head, headers, cookies, body)) in texts.iter().zip(wants) {
                let (text, want) = (parts.concat(), Want { headers, cookies, body });
                // Twice, so that the second time it may be known.
                for _ in 0..2 {
                    prop_assert_eq!(heads.parse(text.as_bytes(), is_head, want), parse(text.as_bytes(), is_head, want));
                }
            }
        }
    }
}
