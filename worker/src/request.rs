//! What goes over the wire: a request as the bytes that are sent, rendered once and sent many times.

use std::{fmt, sync::OnceLock};

use dlt_model::program::Version;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::transport::{Origin, of_head};

/// A request whose parts are known, as a person wrote it or as a step filled it in.
#[derive(Clone, PartialEq)]
pub struct Target {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which version of HTTP, unless the client's.
    pub version: Option<Version>,
}

/// Headers, query and body may hold secrets.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.origin().ascii_serialization())
    }
}

/// A request as it is sent.
#[derive(Clone)]
pub struct Rendered {
    /// Where it goes.
    pub origin: Origin,
    /// Head and body, as HTTP/1.1 has them.
    pub bytes: Box<[u8]>,
    /// How long the head is, its empty line included.
    pub head_length: usize,
    /// The head as HTTP/2 has it, once it was needed.
    pub block: OnceLock<Box<[u8]>>,
    /// Which version of HTTP, unless the client's.
    pub version: Option<Version>,
    /// A response to `HEAD` has no body, whatever its head says.
    pub is_head: bool,
    /// Whether it may be sent again when a kept connection turns out to be closed (RFC 9110, 9.2.2).
    pub is_idempotent: bool,
}

impl Rendered {
    /// A request whose head and body stand in `bytes`.
    pub fn new(origin: Origin, bytes: Vec<u8>, head_length: usize, method: &Method) -> Self {
        Self {
            origin,
            bytes: bytes.into_boxed_slice(),
            head_length,
            block: OnceLock::new(),
            version: None,
            is_head: method == Method::HEAD,
            is_idempotent: method.is_idempotent(),
        }
    }

    /// The head as HTTP/2 has it, made when it is first needed.
    pub fn block(&self) -> &[u8] {
        self.block.get_or_init(|| of_head(&self.bytes[..self.head_length], self.origin.tls))
    }

    /// What follows the head.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.head_length..]
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes for {}", self.bytes.len(), self.origin.authority())
    }
}

impl Target {
    /// Reads what a person wrote; what could break the framing of the request is refused.
    pub fn new(method: &str, url: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<Self, String> {
        let method: Method = method.parse().map_err(|_| format!("`{method}` is not an HTTP method"))?;
        if method == Method::CONNECT {
            return Err("the method CONNECT is for proxies and cannot be load".to_owned());
        }
        let url = Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL carries a user name or password; send an Authorization header instead".to_owned());
        }
        Origin::of(&url).ok_or_else(|| format!("`{url}` is not an absolute http or https URL"))?;
        for (name, value) in &headers {
            check_header(name, value, &body)?;
        }
        Ok(Self { method, url, headers, body, version: None })
    }

    /// The bytes: `Host` comes first and `Content-Length` last, when nobody wrote them.
    pub fn render(&self) -> Rendered {
        self.render_with(None)
    }

    /// The same with cookies, which join those that were written.
    pub fn render_with(&self, cookies: Option<&str>) -> Rendered {
        let origin = Origin::of(&self.url).expect("checked when the target was made");
        let mut bytes = Vec::with_capacity(self.length() + cookies.map_or(0, |cookies| cookies.len() + 10));
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        put(&[self.method.as_str(), " ", self.url.path()]);
        if let Some(query) = self.url.query() {
            put(&["?", query]);
        }
        put(&[" HTTP/1.1\r\n"]);
        if !self.has("host") {
            put(&["Host: ", &origin.authority(), "\r\n"]);
        }
        let mut cookies = cookies;
        for (name, value) in &self.headers {
            put(&[name, ": ", value]);
            if name.eq_ignore_ascii_case("cookie")
                && let Some(more) = cookies.take()
            {
                put(&["; ", more]);
            }
            put(&["\r\n"]);
        }
        if let Some(cookies) = cookies {
            put(&["Cookie: ", cookies, "\r\n"]);
        }
        if !self.has("content-length") && self.announces_length() {
            put(&["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        put(&["\r\n"]);
        let head_length = bytes.len();
        bytes.extend_from_slice(&self.body);
        Rendered { version: self.version, ..Rendered::new(origin, bytes, head_length, &self.method) }
    }

    /// About as long as it will be, so that the bytes are seldom moved.
    fn length(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        64 + self.url.as_str().len() + headers + self.body.len()
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    fn announces_length(&self) -> bool {
        !self.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&self.method)
    }
}

pub fn check_header(name: &str, value: &str, body: &[u8]) -> Result<(), String> {
    name.parse::<HeaderName>().map_err(|_| format!("`{name}` is not a header name"))?;
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("the value of header `{name}` has a control character"))?;
    if name.eq_ignore_ascii_case("transfer-encoding") {
        return Err("the header Transfer-Encoding does not fit: bodies are sent with Content-Length".to_owned());
    }
    if name.eq_ignore_ascii_case("content-length") && value.trim().parse() != Ok(body.len()) {
        return Err(format!("Content-Length is `{value}`, but the body has {} bytes; leave it out", body.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<String, String> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let rendered = Target::new(method, url, headers, body.as_bytes().to_vec())?.render();
        Ok(String::from_utf8(rendered.bytes.into_vec()).expect("made of text"))
    }

    #[test]
    fn host_and_content_length_are_added_when_absent() {
        assert_eq!(
            text("GET", "http://a.test:81/x?y=1#z", &[], ""),
            Ok("GET /x?y=1 HTTP/1.1\r\nHost: a.test:81\r\n\r\n".into())
        );
        assert_eq!(
            text("POST", "https://a.test", &[("X-A", "b")], "hey"),
            Ok("POST / HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\nContent-Length: 3\r\n\r\nhey".into())
        );
        assert_eq!(
            text("PUT", "http://[::1]:8/", &[("host", "other")], ""),
            Ok("PUT / HTTP/1.1\r\nhost: other\r\nContent-Length: 0\r\n\r\n".into())
        );
    }

    #[test]
    fn cookies_join_those_that_were_written() {
        let rendered = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let target = Target::new("GET", "http://a.test/", headers, Vec::new()).expect("valid");
            String::from_utf8(target.render_with(Some("a=b")).bytes.into_vec()).expect("made of text")
        };
        assert_eq!(rendered(&[]), "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: a=b\r\n\r\n");
        assert_eq!(rendered(&[("cookie", "c=d")]), "GET / HTTP/1.1\r\nHost: a.test\r\ncookie: c=d; a=b\r\n\r\n");
    }

    #[test]
    fn what_could_break_the_framing_is_refused() {
        let url = "http://a.test/";
        assert!(text("G ET", url, &[], "").is_err());
        assert!(text("GET", "ftp://a.test/", &[], "").is_err());
        assert!(text("GET", "/only/a/path", &[], "").is_err());
        assert!(text("GET", "http://u:p@a.test/", &[], "").is_err());
        assert!(text("GET", url, &[("X", "a\r\nY: b")], "").is_err());
        assert!(text("GET", url, &[("X Y", "a")], "").is_err());
        assert!(text("POST", url, &[("Content-Length", "4")], "hey").is_err());
        assert!(text("POST", url, &[("Transfer-Encoding", "chunked")], "hey").is_err());
    }
}
