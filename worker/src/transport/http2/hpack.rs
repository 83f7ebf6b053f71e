//! HPACK (RFC 7541), the reading side: what is not looked at is skipped, what the table needs is kept.

use std::collections::VecDeque;

use super::huffman;
use crate::Fault;

/// How many bytes the dynamic table may have, as the standard counts them; the standard's own default.
const TABLE_BYTES: usize = 4_096;
/// What an entry costs beyond its text.
const ENTRY_BYTES: usize = 32;
/// How large all fields of one message may be together, and how many: the bounds of a head over HTTP/1.1.
const MAX_LIST_BYTES: usize = crate::transport::head::MAX_HEAD_BYTES;
const MAX_FIELDS: usize = crate::transport::head::MAX_HEADERS;

/// What looks at the fields of a message.
pub trait Visitor {
    /// Whether a field of this name is looked at.
    fn wants(&self, name: &[u8]) -> bool;
    /// A field that it wanted.
    fn field(&mut self, name: &[u8], value: &[u8]);
}

/// A name and a value of the table.
type Entry = (Box<[u8]>, Box<[u8]>);

/// The state of one connection's compression.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    /// How large the peer lets the table grow; none until it said so.
    capacity: Option<usize>,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// A text as it stands in the block.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    is_packed: bool,
}

impl Text<'_> {
    fn read(self, into: &mut Vec<u8>) -> Result<(), Fault> {
        into.clear();
        if self.is_packed {
            return huffman::decode(self.bytes, into);
        }
        into.extend_from_slice(self.bytes);
        Ok(())
    }
}

/// Where a field's name comes from.
#[derive(Clone, Copy)]
enum Name<'a> {
    Entry(usize),
    Text(Text<'a>),
}

impl Decoder {
    /// Reads a whole block.
    ///
    /// # Errors
    /// [`Fault::Http2Violation`] when it is none, [`Fault::HeadTooLarge`] when it has too many fields or too large ones.
    /// The connection cannot go on after either.
    pub fn decode(&mut self, block: &[u8], visitor: &mut impl Visitor) -> Result<(), Fault> {
        let mut rest = Rest(block);
        let (mut fields, mut size) = (0, 0);
        while let Some(first) = rest.peek() {
            if first & 0xe0 == 0x20 {
                if fields > 0 {
                    return Err(Fault::Http2Violation);
                }
                let capacity = rest.number(5)?;
                self.resize(capacity)?;
                continue;
            }
            size += self.field(first, &mut rest, visitor)?;
            fields += 1;
            if fields > MAX_FIELDS || size > MAX_LIST_BYTES {
                return Err(Fault::HeadTooLarge);
            }
        }
        Ok(())
    }

    fn field(&mut self, first: u8, rest: &mut Rest<'_>, visitor: &mut impl Visitor) -> Result<usize, Fault> {
        if first & 0x80 != 0 {
            let (name, value) = self.entry(rest.number(7)?)?;
            if visitor.wants(name) {
                visitor.field(name, value);
            }
            return Ok(name.len() + value.len() + ENTRY_BYTES);
        }
        let is_indexed = first & 0x40 != 0;
        let name = match rest.number(if is_indexed { 6 } else { 4 })? {
            0 => Name::Text(rest.text()?),
            index => Name::Entry(index),
        };
        let value = rest.text()?;
        if !is_indexed && let Name::Entry(index) = name {
            let name = self.entry(index)?.0;
            if !visitor.wants(name) {
                return Ok(name.len() + value.bytes.len() + ENTRY_BYTES);
            }
        }
        self.literal(name, value, is_indexed, visitor)
    }

    fn literal(
        &mut self,
        name: Name<'_>,
        value: Text<'_>,
        is_indexed: bool,
        visitor: &mut impl Visitor,
    ) -> Result<usize, Fault> {
        let (mut name_text, mut value_text) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        match name {
            Name::Entry(index) => {
                name_text.clear();
                name_text.extend_from_slice(self.entry(index)?.0);
            }
            Name::Text(text) => text.read(&mut name_text)?,
        }
        let is_wanted = visitor.wants(&name_text);
        if is_wanted || is_indexed {
            value.read(&mut value_text)?;
        } else {
            value_text.clear();
        }
        if is_wanted {
            visitor.field(&name_text, &value_text);
        }
        if is_indexed {
            self.insert(&name_text, &value_text);
        }
        let size = name_text.len() + value_text.len().max(value.bytes.len()) + ENTRY_BYTES;
        (self.name, self.value) = (name_text, value_text);
        Ok(size)
    }

    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Fault> {
        if let Some((name, value)) = STATIC.get(index.wrapping_sub(1)) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let place = index.checked_sub(STATIC.len() + 1).ok_or(Fault::Http2Violation)?;
        let (name, value) = self.entries.get(place).ok_or(Fault::Http2Violation)?;
        Ok((name, value))
    }

    fn insert(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + ENTRY_BYTES;
        let capacity = self.capacity.unwrap_or(TABLE_BYTES);
        self.shrink(capacity.saturating_sub(size));
        // What is larger than the whole table empties it and is not kept.
        if size <= capacity {
            self.entries.push_front((name.into(), value.into()));
            self.size += size;
        }
    }

    fn resize(&mut self, capacity: usize) -> Result<(), Fault> {
        if capacity > TABLE_BYTES {
            return Err(Fault::Http2Violation);
        }
        self.capacity = Some(capacity);
        self.shrink(capacity);
        Ok(())
    }

    fn shrink(&mut self, room: usize) {
        while self.size > room {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.size -= name.len() + value.len() + ENTRY_BYTES;
        }
    }
}

/// What of a block is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.0.split_first().ok_or(Fault::Http2Violation)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A number whose beginning has so many bits of the first byte (RFC 7541, 5.1).
    fn number(&mut self, bits: u32) -> Result<usize, Fault> {
        let most = (1usize << bits) - 1;
        let mut number = usize::from(self.byte()?) & most;
        if number < most {
            return Ok(number);
        }
        // Four more bytes are far beyond any length that we take.
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Fault::Http2Violation)
    }

    fn text(&mut self) -> Result<Text<'a>, Fault> {
        let is_packed = self.peek().ok_or(Fault::Http2Violation)? & 0x80 != 0;
        let length = self.number(7)?;
        if length > self.0.len() {
            return Err(Fault::Http2Violation);
        }
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(Text { bytes, is_packed })
    }
}

/// The table that everybody knows (RFC 7541, appendix A).
pub const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct All(Vec<(String, String)>);

    impl Visitor for All {
        fn wants(&self, _: &[u8]) -> bool {
            true
        }

        fn field(&mut self, name: &[u8], value: &[u8]) {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            self.0.push((text(name), text(value)));
        }
    }

    struct Nothing;

    impl Visitor for Nothing {
        fn wants(&self, _: &[u8]) -> bool {
            false
        }

        fn field(&mut self, name: &[u8], _: &[u8]) {
            panic!("{name:?} was not wanted");
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
    }

    /// RFC 7541, C.6: three responses over one connection, packed, with a table of 256 bytes.
    const RESPONSES: [&str; 3] = [
        "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 \
         e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af \
         2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];

    #[test]
    fn the_responses_of_the_standard_are_read_and_the_table_remembers() {
        let mut decoder = Decoder::default();
        let mut read = |block: &str| {
            let mut all = All::default();
            decoder.decode(&hex(block), &mut all).expect("valid");
            all.0
        };
        let first = read(RESPONSES[0]);
        assert_eq!(first[0], (":status".into(), "302".into()));
        assert_eq!(first[3], ("location".into(), "https://www.example.com".into()));
        let second = read(RESPONSES[1]);
        assert_eq!((second[0].1.as_str(), &second[3]), ("307", &first[3]));
        let third = read(RESPONSES[2]);
        assert_eq!(third[4], ("content-encoding".into(), "gzip".into()));
        assert_eq!(third[5].1, "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        assert_eq!(decoder.size, 215);
    }

    #[test]
    fn skipping_leaves_the_same_table_as_looking() {
        let (mut looking, mut skipping) = (Decoder::default(), Decoder::default());
        for block in RESPONSES {
            looking.decode(&hex(block), &mut All::default()).expect("valid");
            skipping.decode(&hex(block), &mut Nothing).expect("valid");
            assert_eq!(looking.entries, skipping.entries);
        }
    }

    #[test]
    fn bombs_and_what_breaks_the_rules_are_told_apart() {
        // An entry of nearly the whole table, and then one byte for each time it is meant.
        let mut bomb = hex("40 01 61 7f a1 1e");
        bomb.extend(vec![b'x'; 4_000]);
        bomb.extend(vec![0xbe; 60]);
        assert_eq!(Decoder::default().decode(&bomb, &mut Nothing), Err(Fault::HeadTooLarge));
        assert_eq!(Decoder::default().decode(&[0x88; 200], &mut Nothing), Err(Fault::HeadTooLarge));
        for bad in ["80", "be", "ff ff ff ff ff 0f", "3f e2 1f", "88 20", "40 05 61", "00", "40 01 61 82 ff ff", "0f"] {
            assert_eq!(Decoder::default().decode(&hex(bad), &mut All::default()), Err(Fault::Http2Violation), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn random_blocks_never_panic_and_the_table_stays_within_its_bound(
            blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            let mut decoder = Decoder::default();
            for block in &blocks {
                let _ = decoder.decode(block, &mut All::default());
                prop_assert!(decoder.size <= TABLE_BYTES);
                let counted: usize = decoder.entries.iter().map(|(name, value)| name.len() + value.len() + ENTRY_BYTES).sum();
                prop_assert_eq!(counted, decoder.size);
            }
        }
    }
}
