//! One response as it arrives, in pieces of any size: pure, so that it can be tested at every byte.

use super::{
    answer::Want,
    body::Body,
    chunked::Chunked,
    head::{Framing, Head, MAX_HEAD_BYTES, parse},
    heads::Heads,
};
use crate::Fault;

/// A head up to this length is parsed again with every piece, so that garbage is found at once; a longer one only when an
/// empty line may have come, so that a server that sends byte by byte does not cost us the square of it.
const EAGER_BYTES: usize = 4 * 1024;
/// How much memory a user's connection keeps for heads that came in pieces.
const KEPT_BYTES: usize = 4 * 1024;

/// Reads one response after another. Bodies are counted by the caller, and kept only when wanted.
#[derive(Debug)]
pub struct Response {
    is_head: bool,
    want: Want,
    body: Body,
    state: State,
    /// A head that came in pieces; empty in the usual case.
    spill: Vec<u8>,
    head: Option<Head>,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl Response {
    /// A reader that has read nothing.
    pub fn new() -> Self {
        Self {
            is_head: false,
            want: Want::default(),
            body: Body::default(),
            state: State::Head,
            spill: Vec::new(),
            head: None,
        }
    }

    /// Forgets the last response and expects another, to a `HEAD` request or to any other.
    pub fn begin(&mut self, is_head: bool, want: Want) {
        self.is_head = is_head;
        self.want = want;
        self.body.begin(want.body);
        self.state = State::Head;
        self.spill.clear();
        self.spill.shrink_to(KEPT_BYTES);
        self.head = None;
    }

    /// Whether the response is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The head of the complete response.
    pub fn take_head(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// The body of the complete response as it came, when it was wanted.
    pub fn take_body(&mut self) -> Vec<u8> {
        self.body.take()
    }

    /// Takes what belongs to this response from the front of `input` and says how much that was.
    pub fn feed(&mut self, input: &[u8], heads: &mut Heads) -> Result<usize, Fault> {
        let mut taken = 0;
        while taken < input.len() && !self.is_done() {
            taken += self.take(&input[taken..], heads)?;
        }
        Ok(taken)
    }

    /// What it means that the peer sends no more.
    pub fn end_of_stream(&mut self) -> Result<(), Fault> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(Fault::ConnectionClosedEarly),
        }
    }

    fn take(&mut self, input: &[u8], heads: &mut Heads) -> Result<usize, Fault> {
        match &mut self.state {
            State::Head if self.spill.is_empty() => self.head_in_place(input, heads),
            State::Head => self.head_in_pieces(input),
            State::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                self.body.keep(&input[..here])?;
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                Ok(here)
            }
            State::Chunked(chunked) => {
                let here = chunked.take(input, &mut self.body)?;
                if chunked.is_done() {
                    self.state = State::Done;
                }
                Ok(here)
            }
            State::UntilClose => self.body.keep(input).map(|()| input.len()),
            State::Done => Ok(0),
        }
    }

    fn head_in_place(&mut self, input: &[u8], heads: &mut Heads) -> Result<usize, Fault> {
        if let Some((head, length)) = heads.parse(input, self.is_head, self.want)? {
            return self.head_is_known(head, length).map(|()| length);
        }
        self.spill.extend_from_slice(input);
        self.within_limit(input.len())
    }

    fn head_in_pieces(&mut self, input: &[u8]) -> Result<usize, Fault> {
        let before = self.spill.len();
        self.spill.extend_from_slice(input);
        let is_due = self.spill.len() <= EAGER_BYTES || may_hold_an_empty_line(&self.spill[before.saturating_sub(2)..]);
        if is_due && let Some((head, length)) = parse(&self.spill, self.is_head, self.want)? {
            self.spill.clear();
            return self.head_is_known(head, length).map(|()| length - before);
        }
        self.within_limit(input.len())
    }

    fn within_limit(&self, taken: usize) -> Result<usize, Fault> {
        if self.spill.len() > MAX_HEAD_BYTES { Err(Fault::HeadTooLarge) } else { Ok(taken) }
    }

    fn head_is_known(&mut self, head: Head, length: usize) -> Result<(), Fault> {
        if length > MAX_HEAD_BYTES {
            return Err(Fault::HeadTooLarge);
        }
        self.state = match head.plain.framing {
            Framing::Interim => State::Head,
            Framing::None => State::Done,
            Framing::Length(length) => {
                self.body.expect(length)?;
                State::Length(length)
            }
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        };
        self.head = Some(head);
        Ok(())
    }
}

/// Whether a head may end here: a line feed, perhaps a carriage return, a line feed.
fn may_hold_an_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESPONSES: [&str; 8] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 404 Not Found\ncontent-length: 2\n\nno",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 3\r\n\r\nbye",
    ];

    fn read(pieces: &[&[u8]], is_head: bool) -> Result<(Option<Head>, bool, Vec<u8>), Fault> {
        let mut response = Response::new();
        response.begin(is_head, Want { headers: true, cookies: true, body: true });
        for piece in pieces {
            response.feed(piece, &mut Heads::default())?;
        }
        let done = response.is_done();
        Ok((response.take_head(), done, response.take_body()))
    }

    #[test]
    fn a_response_is_the_same_however_it_is_split() {
        for text in RESPONSES {
            let bytes = text.as_bytes();
            let whole = read(&[bytes], false).expect("valid");
            assert!(whole.1, "{text}");
            for split in 0..=bytes.len() {
                assert_eq!(
                    read(&[&bytes[..split], &bytes[split..]], false).expect("valid"),
                    whole,
                    "{text} at {split}"
                );
            }
            let single: Vec<_> = bytes.chunks(1).collect();
            assert_eq!(read(&single, false).expect("valid"), whole, "{text} byte by byte");
        }
    }

    #[test]
    fn what_follows_a_response_is_not_taken() {
        for text in RESPONSES {
            for split in 0..text.len() {
                let mut response = Response::new();
                let more = format!("{text}HTTP/1.1 500 Next\r\n");
                let first = response.feed(&more.as_bytes()[..split], &mut Heads::default()).expect("valid");
                let second = response.feed(&more.as_bytes()[split..], &mut Heads::default()).expect("valid");
                assert_eq!(first + second, text.len(), "{text} at {split}");
            }
        }
    }

    #[test]
    fn a_response_to_head_ends_with_its_head() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
        assert!(read(&[text], true).expect("valid").1);
        assert!(!read(&[text], false).expect("valid").1);
    }

    #[test]
    fn a_response_without_a_length_ends_with_the_connection_and_any_other_must_not() {
        let mut response = Response::new();
        response.feed(b"HTTP/1.0 200 OK\r\n\r\nabc", &mut Heads::default()).expect("valid");
        assert!(!response.is_done());
        assert_eq!(response.end_of_stream(), Ok(()));
        assert!(response.is_done());
        for early in
            ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 100 Continue\r\n\r\n"]
        {
            let mut response = Response::new();
            response.feed(early.as_bytes(), &mut Heads::default()).expect("valid so far");
            assert_eq!(response.end_of_stream(), Err(Fault::ConnectionClosedEarly), "{early}");
        }
    }

    #[test]
    fn an_endless_head_is_too_large_in_one_piece_and_in_many() {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MAX_HEAD_BYTES));
        assert_eq!(read(&[head.as_bytes()], false).expect_err("refused"), Fault::HeadTooLarge);
        let pieces: Vec<_> = head.as_bytes().chunks(1_000).collect();
        assert_eq!(read(&pieces, false).expect_err("refused"), Fault::HeadTooLarge);
    }

    #[test]
    fn a_long_head_in_small_pieces_is_found_to_be_complete() {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(20_000));
        let pieces: Vec<_> = head.as_bytes().chunks(1).collect();
        assert!(read(&pieces, false).expect("valid").1);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(
            prefix in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
        ) {
            let mut response = Response::new();
            let mut heads = Heads::default();
            let mut fed = response.feed(prefix.as_bytes(), &mut heads).map(|_| ());
            for piece in &pieces {
                if fed.is_ok() {
                    fed = response.feed(piece, &mut heads).map(|taken| assert!(taken <= piece.len()));
                }
            }
            let _ = response.end_of_stream();
        }

        #[test]
        fn any_mix_of_http_parts_never_panics_and_reads_the_same_in_pieces(
            parts in prop::collection::vec(prop::sample::select(vec![
                "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 \r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "\r\n", "\n",
                "3\r\n", "abc", "0\r\n", "Connection: close\r\n", ":", "\r", "ffffffffffffffff\r\n", " ",
            ]), 0..20),
        ) {
            let text = parts.concat();
            let whole = read(&[text.as_bytes()], false);
            let single: Vec<_> = text.as_bytes().chunks(1).collect();
            let pieces = read(&single, false);
            prop_assert_eq!(whole.is_ok(), pieces.is_ok());
            if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
                prop_assert_eq!(whole, pieces);
            }
        }
    }
}
