//! Content codings (RFC 9110, 8.4): what a server packed is unpacked, never into more than we keep.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use crate::Fault;

/// How much of a body is kept for those who look at it, packed and unpacked alike. A larger one is a fault of its own.
pub const MAX_BODY_BYTES_KEPT: usize = 16 * 1024 * 1024;
/// How many codings may lie on top of each other.
pub const MAX_CODINGS: usize = 4;
/// How far back a `zstd` body may refer (RFC 9659): the memory that unpacking needs.
const MAX_WINDOW_BYTES: u64 = 8 * 1024 * 1024;
/// What brotli reads at once.
const BROTLI_BUFFER_BYTES: usize = 4 * 1024;

/// A way to pack a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The coding of this name; none for `identity`, and for names nobody knows, whose bodies stay as they are.
    pub fn of(name: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 6] = [
            (b"gzip", Self::Gzip),
            (b"x-gzip", Self::Gzip),
            (b"deflate", Self::Deflate),
            (b"br", Self::Brotli),
            (b"zstd", Self::Zstd),
            (b"zst", Self::Zstd),
        ];
        known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, coding)| coding)
    }
}

/// Unpacks a body; the last coding was put on last and comes off first.
///
/// # Errors
/// [`Fault::BodyTooLarge`] when more than `limit` bytes come out, [`Fault::UndecodableBody`] when the bytes are not what
/// the head said.
pub fn unpack(codings: &[Coding], mut body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Fault> {
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        body = match coding {
            Coding::Gzip => read(MultiGzDecoder::new(&body[..]), limit)?,
            // The name means the zlib format, but some servers send the bare stream.
            Coding::Deflate => match read(ZlibDecoder::new(&body[..]), limit) {
                Err(Fault::UndecodableBody) => read(DeflateDecoder::new(&body[..]), limit)?,
                unpacked => unpacked?,
            },
            Coding::Brotli => read(brotli_decompressor::Decompressor::new(&body[..], BROTLI_BUFFER_BYTES), limit)?,
            Coding::Zstd => {
                let decoder = StreamingDecoder::new_with_max_window_size(&body[..], MAX_WINDOW_BYTES);
                read(decoder.map_err(|_| Fault::UndecodableBody)?, limit)?
            }
        };
    }
    Ok(body)
}

fn read(reader: impl Read, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut unpacked).map_err(|_| Fault::UndecodableBody)?;
    if unpacked.len() > limit { Err(Fault::BodyTooLarge) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// `hello hello hello`, three times, and a million zeros, as another implementation packs them.
    const HELLO: &str = "1b3200f88d94a9e35b82a0b16519db5bde300c3c7500089b1b72ab";
    const ZEROS: &str = "5b3f428f7f02201e0b04f2731e00";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn each_coding_gives_back_what_was_packed() {
        let text = b"hello hello hello".repeat(50);
        assert_eq!(unpack(&[Coding::Gzip], gzip(&text), 10_000).as_ref(), Ok(&text));
        assert_eq!(unpack(&[Coding::Deflate], zlib(&text), 10_000).as_ref(), Ok(&text));
        assert_eq!(unpack(&[Coding::Deflate], bare(&text), 10_000).as_ref(), Ok(&text));
        let packed = compress_to_vec(&text[..], CompressionLevel::Fastest);
        assert_eq!(unpack(&[Coding::Zstd], packed, 10_000).as_ref(), Ok(&text));
        assert_eq!(unpack(&[Coding::Brotli], bytes(HELLO), 10_000), Ok(b"hello hello hello".repeat(3)));
        assert_eq!(unpack(&[Coding::Gzip, Coding::Deflate], zlib(&gzip(&text)), 10_000).as_ref(), Ok(&text));
        assert_eq!(unpack(&[], text.clone(), 1).as_ref(), Ok(&text));
        assert_eq!(unpack(&[Coding::Gzip], Vec::new(), 1), Ok(Vec::new()));
    }

    #[test]
    fn a_bomb_is_too_large_and_garbage_is_not_decodable() {
        let zeros = vec![0; 1_000_000];
        for (coding, packed) in [
            (Coding::Gzip, gzip(&zeros)),
            (Coding::Deflate, zlib(&zeros)),
            (Coding::Deflate, bare(&zeros)),
            (Coding::Zstd, compress_to_vec(&zeros[..], CompressionLevel::Fastest)),
            (Coding::Brotli, bytes(ZEROS)),
        ] {
            assert!(packed.len() < 10_000);
            assert_eq!(unpack(&[coding], packed.clone(), 999_999), Err(Fault::BodyTooLarge), "{coding:?}");
            assert_eq!(unpack(&[coding], packed[..packed.len() / 2].to_vec(), 2_000_000), Err(Fault::UndecodableBody));
        }
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            assert_eq!(unpack(&[coding], b"\xff\xfegarbage".to_vec(), 100), Err(Fault::UndecodableBody), "{coding:?}");
        }
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Coding::of(b"GZip"), Some(Coding::Gzip));
        assert_eq!(Coding::of(b"identity"), None);
    }
}
