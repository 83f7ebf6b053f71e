//! Redirects, above the transport: which request comes after this answer.

use http::Method;
use url::Url;

use crate::{Fault, request::Target, transport::Origin};

/// What goes only to the origin it was written for.
const PRIVATE_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
/// What describes a body, and goes when the body goes.
const BODY_HEADERS: [&str; 3] = ["content-length", "content-type", "content-encoding"];

/// The request that a redirect asks for; `None` when the answer is no redirect.
pub fn next(target: &Target, status: u16, location: Option<&str>) -> Option<Result<Target, Fault>> {
    let location = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))?;
    Some(redirected(target, status, location).ok_or(Fault::BadRedirect))
}

fn redirected(target: &Target, status: u16, location: &str) -> Option<Target> {
    let url = target.url.join(location).ok()?;
    let origin = Origin::of(&url)?;
    let mut next = Target { url, ..target.clone() };
    // A browser follows 301 and 302 with GET after a POST, and 303 always; 307 and 308 repeat the request as it was.
    let becomes_get = match status {
        303 => ![Method::GET, Method::HEAD].contains(&target.method),
        301 | 302 => target.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.body.clear();
        next.headers.retain(|(name, _)| !is_one_of(name, &BODY_HEADERS));
    }
    if Some(origin) != Origin::of(&target.url) {
        strip_private(&mut next);
    }
    has_no_credentials(&next.url).then_some(next)
}

/// The request for something that a page embeds: the page's own headers without those of its body, as JMeter sends them.
pub fn embedded(page: &Target, url: Url) -> Target {
    let mut target =
        Target { method: Method::GET, url, headers: page.headers.clone(), body: Vec::new(), version: page.version };
    target.headers.retain(|(name, _)| !is_one_of(name, &BODY_HEADERS));
    if Origin::of(&target.url) != Origin::of(&page.url) {
        strip_private(&mut target);
    }
    target
}

fn strip_private(target: &mut Target) {
    target.headers.retain(|(name, _)| !is_one_of(name, &PRIVATE_HEADERS) && !name.eq_ignore_ascii_case("host"));
}

fn has_no_credentials(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Target {
        let headers = [("Authorization", "secret"), ("Content-Type", "text/plain"), ("X", "y")];
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Target::new("POST", "http://a.test/x/y", headers, b"body".to_vec()).expect("valid")
    }

    fn names(target: &Target) -> Vec<&str> {
        target.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_post_becomes_a_get_after_302_and_stays_a_post_after_307() {
        let found = next(&post(), 302, Some("z")).expect("a redirect").expect("a URL");
        assert_eq!((found.method.as_str(), found.url.as_str(), &*found.body), ("GET", "http://a.test/x/z", &b""[..]));
        assert_eq!(names(&found), ["Authorization", "X"]);
        let kept = next(&post(), 307, Some("/z")).expect("a redirect").expect("a URL");
        assert_eq!((kept.method.as_str(), kept.url.as_str(), &*kept.body), ("POST", "http://a.test/z", &b"body"[..]));
    }

    #[test]
    fn credentials_do_not_leave_their_origin() {
        let away = next(&post(), 307, Some("http://b.test/")).expect("a redirect").expect("a URL");
        assert_eq!(names(&away), ["Content-Type", "X"]);
    }

    #[test]
    fn only_a_redirect_with_a_location_is_followed_and_only_to_http() {
        assert_eq!(next(&post(), 302, None), None);
        assert_eq!(next(&post(), 304, Some("/z")), None);
        assert_eq!(next(&post(), 301, Some("ftp://a.test/")), Some(Err(Fault::BadRedirect)));
    }
}
