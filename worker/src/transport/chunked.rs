//! The chunked transfer coding (RFC 9112, 7.1), decoded as it arrives.

use super::body::Body;
use crate::Fault;

/// How long a chunk's extensions, and all trailers together, may be.
const MAX_TALK_BYTES: usize = 64 * 1024;
/// Hexadecimal digits of the largest chunk size that is understood.
const MAX_SIZE_DIGITS: u32 = 15;

/// Where in the coding we are. It holds no bytes, so it can be split anywhere.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    size: u64,
    digits: u32,
    talk: usize,
}

#[derive(Debug, PartialEq)]
enum State {
    Size,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataLineFeed,
    TrailerStart,
    Trailer,
    LastLineFeed,
    Done,
}

impl Chunked {
    /// At the first chunk's size.
    pub fn new() -> Self {
        Self { state: State::Size, size: 0, digits: 0, talk: 0 }
    }

    /// Whether the last chunk and the trailers have gone by.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what belongs to the coding from the front of `input`, gives its data to `body` and says how much that was.
    pub fn take(&mut self, input: &[u8], body: &mut Body) -> Result<usize, Fault> {
        let mut taken = 0;
        while taken < input.len() && !self.is_done() {
            if self.state == State::Data {
                let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - taken);
                body.keep(&input[taken..taken + here])?;
                taken += here;
                self.size -= here as u64;
                if self.size == 0 {
                    self.state = State::DataEnd;
                }
            } else {
                self.step(input[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn step(&mut self, byte: u8) -> Result<(), Fault> {
        self.state = match (&self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => State::Extension,
            (State::Size, b'\r') if self.digits > 0 => State::SizeEnd,
            (State::Size, b'\n') if self.digits > 0 => self.size_is_known(),
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, b'\n') | (State::SizeEnd, b'\n') => self.size_is_known(),
            (State::Extension, _) => self.talk(State::Extension)?,
            (State::DataEnd, b'\r') => State::DataLineFeed,
            (State::DataEnd | State::DataLineFeed, b'\n') => self.next_chunk(),
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::TrailerStart | State::LastLineFeed, b'\n') => State::Done,
            (State::Trailer, b'\n') => self.talk(State::TrailerStart)?,
            (State::TrailerStart | State::Trailer, _) => self.talk(State::Trailer)?,
            _ => return Err(Fault::MalformedResponse),
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<State, Fault> {
        let value = char::from(byte).to_digit(16).ok_or(Fault::MalformedResponse)?;
        self.size = self.size * 16 + u64::from(value);
        self.digits += 1;
        if self.digits > MAX_SIZE_DIGITS { Err(Fault::MalformedResponse) } else { Ok(State::Size) }
    }

    fn size_is_known(&mut self) -> State {
        self.talk = 0;
        if self.size == 0 { State::TrailerStart } else { State::Data }
    }

    fn next_chunk(&mut self) -> State {
        self.digits = 0;
        State::Size
    }

    fn talk(&mut self, next: State) -> Result<State, Fault> {
        self.talk += 1;
        if self.talk > MAX_TALK_BYTES { Err(Fault::MalformedResponse) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &[u8]) -> Result<(usize, bool), Fault> {
        let mut chunked = Chunked::new();
        let taken = chunked.take(input, &mut Body::default())?;
        Ok((taken, chunked.is_done()))
    }

    #[test]
    fn chunks_extensions_and_trailers_end_where_they_end() {
        let body = b"5;name=\"x\"\r\nhello\r\nA \r\n0123456789\r\n0\r\nX: y\r\nZ: w\r\n\r\n";
        let mut more = body.to_vec();
        more.extend(b"HTTP/1.1");
        assert_eq!(whole(&more), Ok((body.len(), true)));
        assert_eq!(whole(b"0\r\n\r\n"), Ok((5, true)));
        assert_eq!(whole(b"0\n\n"), Ok((3, true)));
    }

    #[test]
    fn the_data_is_kept_without_what_frames_it() {
        for split in 0..20 {
            let input = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n";
            let (mut chunked, mut body) = (Chunked::new(), Body::default());
            body.begin(true);
            for piece in [&input[..split], &input[split..]] {
                assert_eq!(chunked.take(piece, &mut body), Ok(piece.len()));
            }
            assert_eq!(body.take(), b"hello world");
        }
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        for bad in ["\r\n", "x\r\n", "5\r\nhelloX", "-1\r\n", ";\r\n", "0\r\n\rX", "5\rX", "10000000000000000\r\n"] {
            assert_eq!(whole(bad.as_bytes()), Err(Fault::MalformedResponse), "{bad:?}");
        }
    }

    #[test]
    fn endless_extensions_and_trailers_are_cut_off() {
        let endless = "x".repeat(MAX_TALK_BYTES + 1);
        assert_eq!(whole(format!("1;{endless}").as_bytes()), Err(Fault::MalformedResponse));
        assert_eq!(whole(format!("0\r\n{endless}").as_bytes()), Err(Fault::MalformedResponse));
    }
}
