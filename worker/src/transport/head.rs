//! The head of a response: its status, how its body is framed, and whether the connection may be kept.

use std::mem::MaybeUninit;

use http::Version;
use httparse::{Header, ParserConfig, Status};

use super::{
    answer::Want,
    inflate::{Coding, MAX_CODINGS},
};
use crate::Fault;

/// How long a head may be.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How many headers it may have.
pub const MAX_HEADERS: usize = 128;

/// What the rest of the worker wants to know of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub plain: Plain,
    /// Kept apart, since few heads have any.
    pub more: Option<Box<More>>,
}

/// What every head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    pub status: u16,
    pub version: Version,
    /// Whether the connection may carry another request.
    pub reusable: bool,
    pub framing: Framing,
    pub sets_cookies: bool,
}

/// What few heads say, or what few steps want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// Where a redirect leads.
    pub location: Option<String>,
    /// How the body is packed, when it is wanted.
    pub codings: Vec<Coding>,
    /// Those that are wanted.
    pub headers: Vec<(Box<str>, Box<str>)>,
}

impl From<Plain> for Head {
    fn from(plain: Plain) -> Self {
        Self { plain, more: None }
    }
}

/// How the end of the body is found (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// An interim response: another head follows.
    Interim,
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Reads the head at the front of `input`; `None` when it is not complete yet, else the head and its length.
pub fn parse(input: &[u8], is_head: bool, want: Want) -> Result<Option<(Head, usize)>, Fault> {
    let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, input, &mut headers);
    match parsed {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => Ok(Some((understand(&response, is_head, want)?, length))),
        Err(httparse::Error::TooManyHeaders) => Err(Fault::HeadTooLarge),
        Err(_) => Err(Fault::MalformedResponse),
    }
}

fn understand(response: &httparse::Response<'_, '_>, is_head: bool, want: Want) -> Result<Head, Fault> {
    let status = response.code.filter(|code| *code >= 100).ok_or(Fault::MalformedResponse)?;
    let mut fields = Fields { keep_alive: response.version == Some(1), ..Fields::default() };
    for header in response.headers.iter() {
        fields.read(header)?;
    }
    let framing = match status {
        101 => Framing::None,
        100..200 => Framing::Interim,
        204 | 304 => Framing::None,
        _ if is_head => Framing::None,
        _ => fields.framing(),
    };
    let clear = !(fields.coded && fields.length.is_some());
    let reusable = fields.keep_alive && clear && framing != Framing::UntilClose && status != 101;
    let location = fields.location.filter(|_| (300..400).contains(&status));
    let is_final = framing != Framing::Interim;
    let version = if response.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let more = More {
        location: location.and_then(as_text),
        codings: if want.body && is_final { codings(fields.packed)? } else { Vec::new() },
        headers: if (want.headers || (want.cookies && fields.sets_cookies)) && is_final {
            wanted(response.headers, want)
        } else {
            Vec::new()
        },
    };
    Ok(Head {
        plain: Plain { status, version, reusable, framing, sets_cookies: fields.sets_cookies },
        more: (more != More::default()).then(|| Box::new(more)),
    })
}

fn wanted(headers: &[Header<'_>], want: Want) -> Vec<(Box<str>, Box<str>)> {
    let wanted = headers.iter().filter(|header| want.takes(header.name));
    wanted.map(|header| (header.name.into(), String::from_utf8_lossy(header.value).into())).collect()
}

/// The codings of a `Content-Encoding` header, in the order in which they were put on.
pub fn codings(value: Option<&[u8]>) -> Result<Vec<Coding>, Fault> {
    let codings: Vec<_> = tokens(value.unwrap_or_default()).filter_map(Coding::of).collect();
    if codings.len() > MAX_CODINGS { Err(Fault::UndecodableBody) } else { Ok(codings) }
}

/// The headers that matter here.
#[derive(Default)]
struct Fields<'a> {
    length: Option<u64>,
    coded: bool,
    chunked: bool,
    keep_alive: bool,
    location: Option<&'a [u8]>,
    packed: Option<&'a [u8]>,
    sets_cookies: bool,
}

impl<'a> Fields<'a> {
    fn read(&mut self, header: &Header<'a>) -> Result<(), Fault> {
        // Length and first letter tell most headers apart without looking at them.
        let first = header.name.bytes().next().unwrap_or_default().to_ascii_lowercase();
        match (header.name.len(), first) {
            (14, b'c') if header.name.eq_ignore_ascii_case("content-length") => self.read_length(header.value)?,
            (17, b't') if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                self.coded = true;
                self.chunked = tokens(header.value).last().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
            }
            (10, b'c') if header.name.eq_ignore_ascii_case("connection") => {
                for token in tokens(header.value) {
                    if token.eq_ignore_ascii_case(b"close") {
                        self.keep_alive = false;
                    } else if token.eq_ignore_ascii_case(b"keep-alive") {
                        self.keep_alive = true;
                    }
                }
            }
            (10, b's') if header.name.eq_ignore_ascii_case("set-cookie") => self.sets_cookies = true,
            (16, b'c') if header.name.eq_ignore_ascii_case("content-encoding") => self.packed = Some(header.value),
            (8, b'l') if header.name.eq_ignore_ascii_case("location") => self.location = Some(header.value),
            _ => {}
        }
        Ok(())
    }

    /// Several lengths are one when they agree, and malformed when they do not.
    fn read_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        for token in tokens(value) {
            let digits = token.iter().all(u8::is_ascii_digit);
            let text = str::from_utf8(token).ok().filter(|_| digits).ok_or(Fault::MalformedResponse)?;
            let length = text.parse().map_err(|_| Fault::MalformedResponse)?;
            if *self.length.get_or_insert(length) != length {
                return Err(Fault::MalformedResponse);
            }
        }
        Ok(())
    }

    fn framing(&self) -> Framing {
        match self.length {
            _ if self.chunked => Framing::Chunked,
            _ if self.coded => Framing::UntilClose,
            Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        }
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn as_text(value: &[u8]) -> Option<String> {
    str::from_utf8(value).ok().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, Fault> {
        parse(text.as_bytes(), false, Want::default()).map(|parsed| parsed.expect("complete").0)
    }

    #[test]
    fn the_framing_follows_the_rules_of_the_protocol() {
        let framing = |lines: &str| head(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n")).map(|head| head.plain.framing);
        assert_eq!(framing("Content-Length: 12\r\n"), Ok(Framing::Length(12)));
        assert_eq!(framing("content-length: 12, 12\r\nContent-Length: 12\r\n"), Ok(Framing::Length(12)));
        assert_eq!(framing("Content-Length: 0\r\n"), Ok(Framing::None));
        assert_eq!(framing("Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n"), Ok(Framing::Chunked));
        assert_eq!(framing("Transfer-Encoding: gzip\r\n"), Ok(Framing::UntilClose));
        assert_eq!(framing(""), Ok(Framing::UntilClose));
        for bad in
            ["Content-Length: 1, 2\r\n", "Content-Length: -1\r\n", "Content-Length: +1\r\n", "Content-Length:\r\n"]
        {
            assert_eq!(framing(bad), Err(Fault::MalformedResponse), "{bad}");
        }
    }

    #[test]
    fn a_connection_is_kept_only_when_both_sides_agree_where_the_response_ends() {
        let reusable = |text: &str| head(text).map(|head| head.plain.reusable);
        assert_eq!(reusable("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"), Ok(true));
        assert_eq!(reusable("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: foo, Close\r\n\r\n"), Ok(false));
        assert_eq!(reusable("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), Ok(false));
        assert_eq!(reusable("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"), Ok(true));
        assert_eq!(reusable("HTTP/1.1 200 OK\r\n\r\n"), Ok(false));
        assert_eq!(reusable("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(false));
        assert_eq!(reusable("HTTP/1.1 204 No Content\r\n\r\n"), Ok(true));
    }

    #[test]
    fn a_location_is_kept_for_redirects_only() {
        let found = head("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").expect("valid");
        assert_eq!(found.more.and_then(|more| more.location).as_deref(), Some("/x"));
        let created = head("HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").expect("valid");
        assert_eq!(created.more, None);
    }

    #[test]
    fn only_what_is_wanted_is_copied_and_cookies_are_noticed_always() {
        let text =
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX: y\r\nContent-Encoding: gzip, br\r\nContent-Length: 1\r\n\r\n";
        let read = |want| parse(text.as_bytes(), false, want).expect("valid").expect("complete").0;
        let nothing = read(Want::default());
        assert!(nothing.plain.sets_cookies && nothing.more.is_none());
        let cookies = read(Want { cookies: true, ..Want::default() });
        assert_eq!(cookies.more.expect("a header").headers, [("Set-Cookie".into(), "a=b".into())]);
        let all = read(Want { headers: true, body: true, cookies: false });
        let all = all.more.expect("headers");
        assert_eq!(all.headers.len(), 4);
        assert_eq!(all.codings, [Coding::Gzip, Coding::Brotli]);
    }

    #[test]
    fn what_is_not_http_is_malformed_and_too_many_headers_are_too_many() {
        for bad in
            ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n"]
        {
            assert_eq!(parse(bad.as_bytes(), false, Want::default()), Err(Fault::MalformedResponse), "{bad}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(parse(many.as_bytes(), false, Want::default()), Err(Fault::HeadTooLarge));
    }
}
