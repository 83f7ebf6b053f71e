//! A request's head as HTTP/1.1 has it, turned into a header block of HTTP/2.
//!
//! The block uses the static table only: it depends on no connection's state, so it is made once and sent by all.

use super::hpack::STATIC;

/// What means something to one HTTP/1.1 connection only (RFC 9113, 8.2.2); `Host` has become `:authority`.
const DROPPED: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "http2-settings"];
/// What no proxy on the way may remember.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The block of the head at the front of `bytes`, which we have rendered ourselves.
pub fn of_head(head: &[u8], is_tls: bool) -> Box<[u8]> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let host = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map_or("", |(_, value)| *value);
    let mut block = Vec::with_capacity(head.len());
    field(&mut block, ":method", method);
    field(&mut block, ":scheme", if is_tls { "https" } else { "http" });
    field(&mut block, ":authority", host);
    field(&mut block, ":path", path);
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        let is_kept = !DROPPED.contains(&name.as_str()) && (name != "te" || value == "trailers");
        if is_kept {
            field(&mut block, &name, value);
        }
    }
    block.into_boxed_slice()
}

fn field(block: &mut Vec<u8>, name: &str, value: &str) {
    if let Some(place) = STATIC.iter().position(|entry| *entry == (name, value) && !value.is_empty()) {
        return number(block, 0x80, 7, place + 1);
    }
    let how = if PRIVATE.contains(&name) { 0x10 } else { 0 };
    match STATIC.iter().position(|entry| entry.0 == name) {
        Some(place) => number(block, how, 4, place + 1),
        None => {
            block.push(how);
            text(block, name);
        }
    }
    text(block, value);
}

fn text(block: &mut Vec<u8>, text: &str) {
    number(block, 0, 7, text.len());
    block.extend_from_slice(text.as_bytes());
}

/// A number whose beginning shares a byte with a pattern (RFC 7541, 5.1).
fn number(block: &mut Vec<u8>, pattern: u8, bits: u32, number: usize) {
    let most = (1usize << bits) - 1;
    if number < most {
        return block.push(pattern | number as u8);
    }
    block.push(pattern | most as u8);
    let mut rest = number - most;
    while rest >= 0x80 {
        block.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    block.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::{
        super::hpack::{Decoder, Visitor},
        *,
    };

    #[derive(Default)]
    struct All(String);

    impl Visitor for All {
        fn wants(&self, _: &[u8]) -> bool {
            true
        }

        fn field(&mut self, name: &[u8], value: &[u8]) {
            self.0 += &format!("{}={}\n", String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn a_head_becomes_a_block_without_what_concerns_one_connection() {
        let long = "v".repeat(300);
        let head = format!(
            "POST /x?y=1 HTTP/1.1\r\nHost: a.test:81\r\nX-A: b\r\nConnection: close\r\nTE: gzip\r\nCookie: {long}\r\n\r\n"
        );
        let block = of_head(head.as_bytes(), true);
        let mut all = All::default();
        Decoder::default().decode(&block, &mut all).expect("valid");
        let expected =
            format!(":method=POST\n:scheme=https\n:authority=a.test:81\n:path=/x?y=1\nx-a=b\ncookie={long}\n");
        assert_eq!(all.0, expected);
        // `GET /` over plain HTTP: three single bytes and the authority.
        assert_eq!(&*of_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false), [0x82, 0x86, 0x01, 1, b'a', 0x84]);
    }
}
