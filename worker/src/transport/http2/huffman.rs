//! The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths of its codes say all about it.

use crate::Fault;

/// How many bits each symbol's code has; the last symbol is the end of the string.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const END: u16 = 256;
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The code, ready to be read from the left.
struct Code {
    /// For each length, the first 32 bits that are too large for it.
    limit: [u64; LONGEST + 1],
    /// For each length, its first code, and the place of that code's symbol.
    first: [u32; LONGEST + 1],
    place: [u16; LONGEST + 1],
    /// Ordered by length, then by value.
    symbols: [u16; 257],
}

const CODE: Code = build();

const fn build() -> Code {
    let mut code =
        Code { limit: [0; LONGEST + 1], first: [0; LONGEST + 1], place: [0; LONGEST + 1], symbols: [0; 257] };
    let (mut next, mut placed, mut length) = (0u32, 0, 1);
    while length <= LONGEST {
        next <<= 1;
        code.first[length] = next;
        code.place[length] = placed;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                code.symbols[placed as usize] = symbol as u16;
                placed += 1;
                next += 1;
            }
            symbol += 1;
        }
        code.limit[length] = (next as u64) << (32 - length);
        length += 1;
    }
    code
}

/// Appends what `input` stands for to `output`.
///
/// # Errors
/// [`Fault::Http2Violation`] for the symbol that ends strings, and for padding that is not the beginning of it.
pub fn decode(input: &[u8], output: &mut Vec<u8>) -> Result<(), Fault> {
    let (mut bits, mut count) = (0u64, 0usize);
    let mut rest = input.iter();
    loop {
        while count <= 56 {
            let Some(byte) = rest.next() else { break };
            bits |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        // Behind the last bit stand ones, as padding has them.
        let window = (bits | (u64::MAX.checked_shr(u32::try_from(count).unwrap_or(64)).unwrap_or(0))) >> 32;
        let length = (SHORTEST..=LONGEST).find(|length| window < CODE.limit[*length]);
        match length {
            Some(length) if length <= count => {
                let code = (window >> (32 - length)) as u32;
                let symbol = CODE.symbols[usize::from(CODE.place[length]) + (code - CODE.first[length]) as usize];
                if symbol == END {
                    return Err(Fault::Http2Violation);
                }
                output.push(symbol as u8);
                bits <<= length;
                count -= length;
            }
            // Nothing but padding can be left: fewer than eight bits, all of them ones.
            _ if count < 8 && window == 0xffff_ffff => return Ok(()),
            _ => return Err(Fault::Http2Violation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &[u8]) -> Result<String, Fault> {
        let mut output = Vec::new();
        decode(input, &mut output).map(|()| String::from_utf8_lossy(&output).into_owned())
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let host = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(text(&host).as_deref(), Ok("www.example.com"));
        assert_eq!(text(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).as_deref(), Ok("no-cache"));
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b, 0x81, 0x66, 0xe0, 0x82,
            0xa6, 0x2d, 0x1b, 0xff,
        ];
        assert_eq!(text(&date).as_deref(), Ok("Mon, 21 Oct 2013 20:13:21 GMT"));
        assert_eq!(text(&[]).as_deref(), Ok(""));
    }

    #[test]
    fn every_symbol_is_found_by_its_code() {
        for (symbol, length) in LENGTHS.iter().enumerate().take(256) {
            let length = usize::from(*length);
            let place = CODE.symbols.iter().position(|other| usize::from(*other) == symbol).expect("placed");
            let code = u64::from(CODE.first[length]) + (place - usize::from(CODE.place[length])) as u64;
            let bits = (code << (64 - length)) | (u64::MAX >> length);
            let bytes = &bits.to_be_bytes()[..length.div_ceil(8)];
            let mut output = Vec::new();
            decode(bytes, &mut output).expect("valid");
            assert_eq!(output, [u8::try_from(symbol).expect("a byte")], "{length} bits");
        }
    }

    #[test]
    fn bad_padding_and_the_end_symbol_are_violations() {
        for bad in [&[0xff_u8][..], &[0xff, 0xff, 0xff, 0xff], &[0x00], &[0x1f, 0xff]] {
            assert_eq!(text(bad), Err(Fault::Http2Violation), "{bad:?}");
        }
    }
}
