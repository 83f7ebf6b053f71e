//! Everything that reads what comes from a wire, with inputs to begin with and what must be true of its answers.

use std::io::Write as _;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use url::Url;

use crate::{
    Fault,
    script::Jar,
    transport::{
        answer::{Answer, Details},
        corpus::{http1, inputs},
        grpc, http2,
        inflate::{Coding, unpack},
        websocket,
    },
};

/// How much may come out of a packed body here.
const UNPACKED_BYTES: usize = 256 * 1_024;

/// A parser under test.
pub struct Parser {
    pub name: &'static str,
    pub seeds: Vec<Vec<u8>>,
    /// Reads the input whole and in these pieces, and panics where something is wrong.
    pub read: fn(&[u8], &[&[u8]]),
}

/// All of them.
pub fn all() -> Vec<Parser> {
    let corpus = |folder: &str| inputs(folder).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    vec![
        Parser { name: "http1", seeds: corpus("http1"), read: read_http1 },
        Parser { name: "http2", seeds: corpus("http2"), read: read_http2 },
        Parser { name: "hpack", seeds: header_blocks(), read: read_header_block },
        Parser { name: "websocket", seeds: websocket_frames(), read: read_websocket },
        Parser { name: "grpc", seeds: grpc_bodies(), read: read_grpc },
        Parser { name: "codings", seeds: packed(), read: read_packed },
        Parser { name: "cookies", seeds: texts(COOKIES), read: read_cookie },
    ]
}

fn read_http1(whole: &[u8], pieces: &[&[u8]]) {
    // What a response is called may depend on how it comes, but not whether it is one.
    assert_eq!(http1(&[whole]).is_ok(), http1(pieces).is_ok());
}

fn read_http2(whole: &[u8], pieces: &[&[u8]]) {
    let (whole, pieces) = (http2::fate(&[whole]), http2::fate(pieces));
    // How many frames in a row were idle depends on what was sent meanwhile.
    let is_flood = [whole, pieces].contains(&Some(Fault::Http2Flood));
    assert!(whole == pieces || is_flood, "{whole:?} and {pieces:?}");
}

/// A header block, in a frame that is right, behind the settings that come first.
fn read_header_block(whole: &[u8], _: &[&[u8]]) {
    let block = &whole[..whole.len().min(16_384)];
    let mut bytes = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let length = u16::try_from(block.len()).expect("it was cut above").to_be_bytes();
    bytes.extend([0, length[0], length[1], 1, 4, 0, 0, 0, 1]);
    bytes.extend(block);
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(http2::fate(&[&bytes]), http2::fate(&single));
}

fn read_websocket(whole: &[u8], pieces: &[&[u8]]) {
    let (whole, pieces) = (websocket::fate(&[whole]), websocket::fate(pieces));
    assert_eq!(whole, pieces);
}

fn read_grpc(whole: &[u8], _: &[&[u8]]) {
    // The first line is the head's part of the answer, the rest its body.
    let at = whole.iter().position(|byte| *byte == b'\n').unwrap_or(whole.len());
    let (head, body) = (String::from_utf8_lossy(&whole[..at]), whole.get(at + 1..).unwrap_or_default());
    let (status, message) = head.split_once(' ').unwrap_or((&head, ""));
    let header = |name: &str, value: &str| (name.into(), value.into());
    let headers = vec![
        header("content-type", "application/grpc"),
        header("grpc-status", status),
        header("grpc-message", message),
    ];
    let details = Some(Box::new(Details { location: None, headers, body: body.to_vec() }));
    let answer = Answer { status: 200, version: http::Version::HTTP_2, sets_cookies: false, details };
    if let Some(json) = grpc::tests::read_answer(answer) {
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    }
}

fn read_packed(whole: &[u8], _: &[&[u8]]) {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        if let Ok(body) = unpack(&[coding], whole.to_vec(), UNPACKED_BYTES) {
            assert!(body.len() <= UNPACKED_BYTES);
        }
    }
}

fn read_cookie(whole: &[u8], _: &[&[u8]]) {
    let url: Url = "https://shop.test/a/b".parse().expect("a URL");
    let mut jar = Jar::default();
    for line in String::from_utf8_lossy(whole).split('|') {
        jar.store(&url, line, 1_800_000_000);
    }
    let header = jar.header(&url, 1_800_000_000).unwrap_or_default();
    assert!(!header.bytes().any(|byte| byte.is_ascii_control()), "{header:?}");
}

/// Indexed, literal, packed by Huffman's code, added to the table, and the table's size changed (RFC 7541, appendix C).
fn header_blocks() -> Vec<Vec<u8>> {
    vec![
        vec![0x88, 0x0f, 13, 1, b'5'],
        b"\x88\x40\x0acustom-key\x0dcustom-header\xbe\xbe".to_vec(),
        b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff".to_vec(),
        b"\x3f\xe1\x1f\x20\x88\x5f\x0atext/plain\xc0".to_vec(),
        b"\x88\x10\x08password\x06secret\x7f\xff\xff\xff\x0f".to_vec(),
    ]
}

/// What a server says: whole, in parts, long, with control frames between, and goodbye.
fn websocket_frames() -> Vec<Vec<u8>> {
    vec![
        b"\x81\x05hello\x82\x03\0\xff\x7f\x88\x02\x03\xe8".to_vec(),
        b"\x01\x03hel\x89\x04ping\x80\x02lo\x8a\0".to_vec(),
        [b"\x82\x7e\x01\x2c".to_vec(), vec![b'x'; 300], b"\x81\0".to_vec()].concat(),
        b"\x82\x7f\0\0\0\0\0\0\0\x02ab\x81\x02\xc3\xa9".to_vec(),
        b"\x88\x09\x03\xf3because".to_vec(),
        b"\x81\x85\x01\x02\x03\x04abcde\xc1\x01z".to_vec(),
    ]
}

fn grpc_bodies() -> Vec<Vec<u8>> {
    vec![
        b"0 \n\0\0\0\0\x07\x0a\x03pen\x10\x07".to_vec(),
        b"5 none%20left\n".to_vec(),
        b"0 %f0%9f%99\n\0\0\0\0\x0d\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1b\x1c".to_vec(),
        b"0 \n\x01\0\0\0\0".to_vec(),
    ]
}

fn packed() -> Vec<Vec<u8>> {
    let text = b"the same again, and the same again, and then something else. ".repeat(20);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&text).and_then(|()| zlib.write_all(&text)).and_then(|()| bare.write_all(&text)).expect("in memory");
    let packed = [gzip.finish(), zlib.finish(), bare.finish()].map(|bytes| bytes.expect("in memory"));
    let mut seeds = packed.to_vec();
    seeds.push(b"\x0b\x02\x80hello\x03".to_vec());
    seeds.push(b"\x28\xb5\x2f\xfd\x04\x58\x29\0\0hello".to_vec());
    seeds.push(b"\x28\xb5\x2f\xfd\x00\x58\x29\0\0hello".to_vec());
    seeds
}

const COOKIES: &[&str] = &[
    "a=b; Path=/; Domain=shop.test; Secure; HttpOnly; SameSite=Lax",
    "a=b; Expires=Wed, 21 Oct 2035 07:28:00 GMT; Max-Age=99999999999999999999|c=d; Path=/a",
    "sid=\"x y\"; expires=Sunday, 06-Nov-94 08:49:37 GMT|sid=; Max-Age=-1",
    "=;;;=|é=ü; Domain=.; Path=a|x=1; Expires=99 Foo 00000 25:61:61",
];
