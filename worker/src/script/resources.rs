//! What an HTML page embeds: images, scripts and styles, fetched as browsers and JMeter do, as a part of the page's sample.
//!
//! As JMeter counts it: requests and bytes of what is embedded are the page's own, its latency lasts until the last of it is
//! there, and a page whose parts do not all come is a failure.

use std::{
    cell::{Cell, RefCell},
    sync::LazyLock,
};

use dlt_model::program::Cookies;
use futures::future::join_all;
use scraper::{Html, Selector};
use url::Url;

use super::{program::Request, user::User};
use crate::{
    Fault, follow,
    request::Target,
    transport::{Answer, Session, Traffic, Want},
};

/// How many are fetched at the same time.
pub const AT_ONCE: usize = 4;
/// How many of one page are fetched; a page that names more has not come completely.
const MAX_RESOURCES: usize = 200;

/// What names something that is embedded, and in which attribute.
static EMBEDDING: LazyLock<Vec<(Selector, &str)>> = LazyLock::new(|| {
    let selector = |text: &str| Selector::parse(text).expect("a constant that is a selector");
    vec![
        (selector("img[src]"), "src"),
        (selector("input[type=image][src]"), "src"),
        (selector("script[src]"), "src"),
        (selector("link[rel~=stylesheet][href]"), "href"),
        (selector("link[rel~=icon][href]"), "href"),
        (selector("body[background]"), "background"),
    ]
});

/// What a page embeds.
pub struct Embedded {
    targets: Vec<Target>,
    is_whole: bool,
}

impl Embedded {
    /// What this answer to this request embeds; nothing if it is no HTML.
    pub fn of(page: &Target, answer: &Answer) -> Self {
        let kind = answer.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_html = kind.is_some_and(|(_, kind)| kind.to_ascii_lowercase().contains("html"));
        let mut urls = if is_html { urls(&String::from_utf8_lossy(answer.body()), &page.url) } else { Vec::new() };
        let is_whole = urls.len() <= MAX_RESOURCES;
        urls.truncate(MAX_RESOURCES);
        Self { targets: urls.into_iter().map(|url| follow::embedded(page, url)).collect(), is_whole }
    }

    /// How many connections are of use.
    pub fn connections(&self) -> usize {
        self.targets.len().min(AT_ONCE)
    }

    /// Fetches everything over these connections, and says whether all of it came.
    pub async fn fetch<'s>(
        &self,
        sessions: impl Iterator<Item = &'s mut Session>,
        request: &Request,
        (user, cookies): (&mut User, Cookies),
        traffic: &mut Traffic,
    ) -> bool {
        let (user, whole, next) = (RefCell::new(user), RefCell::new(traffic), Cell::new(0));
        let is_complete = Cell::new(self.is_whole);
        let workers = sessions.take(self.connections()).map(async |session| {
            while let Some(target) = self.targets.get(next.get()) {
                next.set(next.get() + 1);
                let mut share = Share { traffic: Traffic::default(), whole: &whole };
                let fetched = one(session, target, request, (&user, cookies), &mut share.traffic).await;
                if !fetched.is_ok_and(|status| (200..400).contains(&status)) {
                    is_complete.set(false);
                }
            }
        });
        join_all(workers).await;
        is_complete.get()
    }
}

/// One of them, and where it redirects to.
async fn one(
    session: &mut Session,
    target: &Target,
    request: &Request,
    (user, cookies): (&RefCell<&mut User>, Cookies),
    traffic: &mut Traffic,
) -> Result<u16, Fault> {
    let want = Want { cookies: cookies != Cookies::Off, ..Want::default() };
    let mut target = target.clone();
    for hops_left in (0..=request.redirects).rev() {
        let rendered = target.render_with(user.borrow_mut().cookies(&target.url).as_deref());
        let answer = session.exchange(&rendered, want, request.timeout, traffic).await?;
        user.borrow_mut().keep_cookies(&target.url, &answer, cookies);
        match follow::next(&target, answer.status, answer.location()) {
            Some(next) if hops_left > 0 => target = next?,
            Some(_) if request.redirects > 0 => return Err(Fault::TooManyRedirects),
            _ => return Ok(answer.status),
        }
    }
    Err(Fault::TooManyRedirects)
}

/// Traffic of one request, which becomes a part of the sample's also when it is dropped half-way. Times do not add up:
/// they go by side by side.
struct Share<'a, 'b> {
    traffic: Traffic,
    whole: &'a RefCell<&'b mut Traffic>,
}

impl Drop for Share<'_, '_> {
    fn drop(&mut self) {
        let mut whole = self.whole.borrow_mut();
        whole.requests += self.traffic.requests;
        whole.retries += self.traffic.retries;
        whole.bytes_sent += self.traffic.bytes_sent;
        whole.bytes_received += self.traffic.bytes_received;
        whole.last_byte_at = whole.last_byte_at.max(self.traffic.last_byte_at);
    }
}

/// Each URL once, in the order of the page.
fn urls(html: &str, page: &Url) -> Vec<Url> {
    let html = Html::parse_document(html);
    let mut elements = html.root_element().descendants().filter_map(scraper::ElementRef::wrap);
    let base = elements.clone().find(|element| element.value().name() == "base");
    let base = base.and_then(|base| page.join(base.value().attr("href")?).ok());
    let base = base.as_ref().unwrap_or(page);
    let mut urls: Vec<Url> = Vec::new();
    for element in elements.by_ref() {
        let attribute = EMBEDDING.iter().find(|(selector, _)| selector.matches(&element)).map(|(_, name)| *name);
        let value = attribute.and_then(|name| element.value().attr(name));
        let url = value.and_then(|value| base.join(value.trim()).ok());
        let Some(mut url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else { continue };
        url.set_fragment(None);
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_what_it_embeds() {
        let html = r#"<head><link rel="stylesheet" href="/a.css"><link rel="alternate" href="/feed">
            <link rel="shortcut icon" href="fav.ico"><script src="https://cdn.test/x.js"></script></head>
            <body background="bg.png"><img src="i.png#top"><img src="i.png"><img src="data:image/png;base64,AA==">
            <a href="/other"><input type="image" src="../b.png"><script>inline()</script></body>"#;
        let page: Url = "http://x.test/p/q".parse().expect("a URL");
        let found: Vec<String> = urls(html, &page).into_iter().map(String::from).collect();
        let expected = [
            "http://x.test/a.css",
            "http://x.test/p/fav.ico",
            "https://cdn.test/x.js",
            "http://x.test/p/bg.png",
            "http://x.test/p/i.png",
            "http://x.test/b.png",
        ];
        assert_eq!(found, expected);
        let based = urls(r#"<base href="/static/"><img src="i.png">"#, &page);
        assert_eq!(based[0].as_str(), "http://x.test/static/i.png");
    }
}
