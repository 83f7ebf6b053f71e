//! Where cookies are kept, and which of them go with a request.

use std::fmt::Write as _;

use url::{Host, Url};

use super::date;

/// How many cookies a user keeps; the oldest goes first, as in browsers.
const MAX_COOKIES: usize = 180;
/// How long a cookie may be, name and value together (RFC 6265, 6.1); a longer one is ignored.
const MAX_COOKIE_BYTES: usize = 4_096;

/// A user's cookies.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: Box<str>,
    value: Box<str>,
    domain: Box<str>,
    /// Only for that very host.
    host_only: bool,
    path: Box<str>,
    secure: bool,
    /// In seconds since 1970.
    expires_at: Option<i64>,
}

impl Jar {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Keeps, replaces or forgets what a `Set-Cookie` header says (RFC 6265, 5.2 and 5.3).
    pub fn store(&mut self, url: &Url, header: &str, now: i64) {
        let Some(cookie) = read(url, header, now) else { return };
        let is_same = |old: &Cookie| old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path;
        let place = self.cookies.iter().position(is_same);
        if cookie.is_expired(now) {
            place.map(|place| self.cookies.remove(place));
        } else if let Some(place) = place {
            // It keeps its place: cookies are sent in the order in which they first came.
            self.cookies[place] = cookie;
        } else {
            if self.cookies.len() == MAX_COOKIES {
                self.cookies.remove(0);
            }
            self.cookies.push(cookie);
        }
    }

    /// The `Cookie` header of a request; longer paths come first (RFC 6265, 5.4).
    pub fn header(&mut self, url: &Url, now: i64) -> Option<String> {
        self.cookies.retain(|cookie| !cookie.is_expired(now));
        let mut fitting: Vec<&Cookie> = self.cookies.iter().filter(|cookie| cookie.fits(url)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut header = String::new();
        for cookie in &fitting {
            let separator = if header.is_empty() { "" } else { "; " };
            let _ = write!(header, "{separator}{}={}", cookie.name, cookie.value);
        }
        (!fitting.is_empty()).then_some(header)
    }
}

impl Cookie {
    fn is_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let domain = if self.host_only { host == &*self.domain } else { belongs_to(host, &self.domain, url) };
        domain && path_fits(&self.path, url.path()) && (!self.secure || url.scheme() == "https")
    }
}

fn read(url: &Url, header: &str, now: i64) -> Option<Cookie> {
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_clean = |text: &str| !text.bytes().any(|byte| byte.is_ascii_control());
    if name.is_empty() || name.len() + value.len() > MAX_COOKIE_BYTES || !is_clean(name) || !is_clean(value) {
        return None;
    }
    let host = url.host_str()?;
    let (mut domain, mut path, mut secure) = (None, None, false);
    let (mut expires, mut max_age) = (None, None);
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let (attribute, value) = (attribute.trim().to_ascii_lowercase(), value.trim());
        match attribute.as_str() {
            "domain" => domain = Some(value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase()),
            "path" => path = Some(value).filter(|path| path.starts_with('/')),
            "secure" => secure = true,
            "expires" => expires = date::parse(value).or(expires),
            "max-age" => max_age = value.parse::<i64>().ok().or(max_age),
            _ => {}
        }
    }
    let domain = domain.filter(|domain| !domain.is_empty());
    // Nobody sets cookies for somebody else, nor for a whole top-level domain.
    if domain.as_ref().is_some_and(|domain| !belongs_to(host, domain, url) || (!domain.contains('.') && domain != host))
    {
        return None;
    }
    Some(Cookie {
        name: name.into(),
        value: value.into(),
        host_only: domain.is_none(),
        domain: domain.as_deref().unwrap_or(host).into(),
        path: path.unwrap_or_else(|| default_path(url.path())).into(),
        secure,
        expires_at: max_age
            .map(|seconds| if seconds <= 0 { i64::MIN } else { now.saturating_add(seconds) })
            .or(expires),
    })
}

/// RFC 6265, 5.1.3; an address belongs to itself only.
fn belongs_to(host: &str, domain: &str, url: &Url) -> bool {
    host == domain
        || (matches!(url.host(), Some(Host::Domain(_)))
            && host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')))
}

/// RFC 6265, 5.1.4.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(last) => &path[..last],
    }
}

fn path_fits(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn sent(set_at: &str, headers: &[&str], asked: &str, now: i64) -> String {
        let mut jar = Jar::default();
        headers.iter().for_each(|header| jar.store(&url(set_at), header, NOW));
        jar.header(&url(asked), now).unwrap_or_default()
    }

    #[test]
    fn cookies_go_where_they_belong() {
        for (header, asked, goes) in [
            ("a=b", "http://x.test/", true),
            ("a=b", "http://y.x.test/", false),
            ("a=b", "http://other.test/", false),
            ("a=b; Domain=x.test", "http://y.x.test/", true),
            ("a=b; Domain=.x.test", "http://y.x.test/", true),
            ("a=b; Domain=x.test", "http://yx.test/", false),
            ("a=b; Domain=other.test", "http://other.test/", false),
            ("a=b; Domain=test", "http://x.test/", false),
            ("a=b; Path=/p", "http://x.test/p/q", true),
            ("a=b; Path=/p", "http://x.test/pq", false),
            ("a=b; Path=/p/", "http://x.test/p/q", true),
            ("a=b; Secure", "http://x.test/", false),
            ("a=b; Secure", "https://x.test/", true),
            ("=b", "http://x.test/", false),
            ("a", "http://x.test/", false),
        ] {
            assert_eq!(sent("http://x.test/", &[header], asked, NOW) == "a=b", goes, "{header} {asked}");
        }
        assert_eq!(sent("http://x.test/p/q", &["a=b"], "http://x.test/p/r", NOW), "a=b");
        assert_eq!(sent("http://x.test/p/q", &["a=b"], "http://x.test/r", NOW), "");
        assert_eq!(sent("http://10.0.0.1/", &["a=b; Domain=0.0.1"], "http://10.0.0.1/", NOW), "");
    }

    #[test]
    fn cookies_end_when_they_say_and_are_replaced_by_their_name() {
        let end = |header: &str, after: i64| sent("http://x.test/", &[header], "http://x.test/", NOW + after);
        assert_eq!((end("a=b; Max-Age=10", 9), end("a=b; Max-Age=10", 10)), ("a=b".to_owned(), String::new()));
        assert_eq!(end("a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT", 0), "");
        assert_eq!(end("a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=5", 0), "a=b");
        let both = |headers: &[&str]| sent("http://x.test/", headers, "http://x.test/p/q", NOW);
        assert_eq!(both(&["a=1", "b=2; Path=/p", "a=3"]), "b=2; a=3");
        assert_eq!(both(&["a=1", "a=; Max-Age=0"]), "");
    }

    #[test]
    fn a_jar_is_bounded() {
        let mut jar = Jar::default();
        (0..MAX_COOKIES + 5).for_each(|number| jar.store(&url("http://x.test/"), &format!("c{number}=v"), NOW));
        assert_eq!(jar.cookies.len(), MAX_COOKIES);
        assert_eq!(&*jar.cookies[0].name, "c5");
        jar.store(&url("http://x.test/"), &format!("long={}", "x".repeat(MAX_COOKIE_BYTES)), NOW);
        assert!(!jar.cookies.iter().any(|cookie| &*cookie.name == "long"));
    }
}
