//! An HTTP proxy between us and the targets: absolute URLs for `http`, a tunnel for everything else.

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::{Origin, dial::fault_of, percent::decoded, socket::Socket};
use crate::Fault;

/// How long the proxy's answer may be.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A proxy. It has no `Debug`: its password belongs in no log.
pub struct Proxy {
    /// Where it listens.
    pub origin: Origin,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

impl Proxy {
    /// Reads `http://user:password@host:port`.
    ///
    /// # Errors
    /// Returns what is wrong with it, without repeating it.
    pub fn new(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("the proxy is not a URL: {error}"))?;
        if url.scheme() != "http" {
            return Err(format!(
                "the proxy's URL begins with `{}://`; only `http://` proxies can be used",
                url.scheme()
            ));
        }
        let origin = Origin::of(&url).ok_or("the proxy's URL has no host")?;
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        let authorization = (!is_anonymous).then(|| {
            let user = [decoded(url.username()), b":".to_vec(), decoded(url.password().unwrap_or_default())].concat();
            format!("Basic {}", BASE64_STANDARD.encode(user))
        });
        Ok(Self { origin, authorization })
    }

    /// The bytes of a request to an `http` target as the proxy wants them.
    pub fn rewritten(&self, request: &[u8], origin: &Origin) -> Vec<u8> {
        let after_method = request.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
        let after_line = request.windows(2).position(|two| two == b"\r\n").map_or(request.len(), |at| at + 2);
        let mut bytes = request[..after_method].to_vec();
        bytes.extend_from_slice(format!("http://{}", origin.authority()).as_bytes());
        bytes.extend_from_slice(&request[after_method..after_line]);
        bytes.extend_from_slice(self.header().as_bytes());
        bytes.extend_from_slice(&request[after_line..]);
        bytes
    }

    fn header(&self) -> String {
        self.authorization.as_ref().map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default()
    }

    /// Asks for a tunnel to the target.
    pub async fn tunnel(&self, stream: &mut Socket, target: &Origin) -> Result<(), Fault> {
        let authority = target.host_and_port();
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", self.header());
        stream.write_all(request.as_bytes()).await.map_err(|error| fault_of(&error))?;
        let answer = read_head(stream).await?;
        let mut words = answer.split(|byte| *byte == b' ');
        let is_http = words.next().is_some_and(|word| word.starts_with(b"HTTP/1."));
        let is_agreed = words.next().is_some_and(|status| status.len() == 3 && status[0] == b'2');
        if is_http && is_agreed { Ok(()) } else { Err(Fault::ProxyRefused) }
    }
}

/// Reads to the empty line and not a byte further: what follows belongs to the target.
async fn read_head(stream: &mut Socket) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::new();
    let mut peeked = [0; 1024];
    loop {
        let length = stream.peek(&mut peeked).await.map_err(|error| fault_of(&error))?;
        if length == 0 {
            return Err(Fault::ConnectionClosedEarly);
        }
        let before = head.len();
        head.extend_from_slice(&peeked[..length]);
        let end = head.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let here = end.unwrap_or(head.len()) - before;
        stream.read_exact(&mut peeked[..here]).await.map_err(|error| fault_of(&error))?;
        if end.is_some() {
            return Ok(head);
        }
        if head.len() > MAX_ANSWER_BYTES {
            return Err(Fault::ProxyRefused);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_target_and_who_asks() {
        let proxy = Proxy::new("http://me:s%3Acret@proxy.test:3128").expect("valid");
        let origin = Origin::of(&Url::parse("http://a.test:81/").expect("a URL")).expect("an origin");
        let bytes = proxy.rewritten(b"GET /x?y HTTP/1.1\r\nHost: a.test:81\r\n\r\n", &origin);
        let expected =
            "GET http://a.test:81/x?y HTTP/1.1\r\nProxy-Authorization: Basic bWU6czpjcmV0\r\nHost: a.test:81\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_wrong_with_a_proxy_is_said_without_its_password() {
        for bad in ["https://me:secret@proxy.test", "socks5://me:secret@proxy.test", "me:secret"] {
            let why = Proxy::new(bad).err().expect("refused");
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
