//! One request: where it goes, what it carries, and how long it thinks before.

use super::{
    reader::{Reader, join, present},
    scenarios::Shared,
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    program::{Expect, Pause, Request, Step},
    scenario::limits::{self, MAX_URL_LENGTH},
    template::{Part, Template},
};

const KNOWN: [&str; 24] = [
    "url",
    "method",
    "headers",
    "label",
    "body",
    "body-file",
    "upload-files",
    "timeout",
    "think-time",
    "follow-redirects",
    "content-encoding",
    "assert",
    "assert-jsonpath",
    "assert-xpath",
    "extract-regexp",
    "extract-jsonpath",
    "extract-css-jquery",
    "extract-boundary",
    "extract-xpath",
    "expect",
    "jsr223",
    "random-source-ip",
    "use-random-host-ip",
    "protocol",
];
/// What Taurus would do and this release would silently leave out.
const REFUSED: [(&str, &str); 3] = [
    ("jsr223", "scripts are not run: use variables, extractors and conditions"),
    ("random-source-ip", "leave it out; our own format has `client.source_addresses`"),
    ("use-random-host-ip", "leave it out: addresses of a name are used in turn"),
];

impl Reader<'_> {
    /// A request, and the pause before it, where JMeter's timers are.
    pub(super) fn request(&mut self, node: &Node, path: &str, shared: &Shared) -> Vec<Step> {
        let bare = node.text().is_some();
        if !bare && !self.is_object(node, path) {
            return Vec::new();
        }
        let Some(written) = (if bare { Some(node) } else { present(node, "url") }) else {
            self.missing(node, path, "url");
            return Vec::new();
        };
        let url_path = if bare { path.to_owned() } else { join(path, "url") };
        self.refuse_keys(node, path, &REFUSED);
        self.warn_unknown_keys(node, path, &KNOWN);
        let url = self.url(written, &url_path, shared);
        let method = self.optional(node, path, "method", limits::method).unwrap_or_else(|| "GET".to_owned());
        let label = present(node, "label").map(|label| (label, join(path, "label")));
        let label = match label {
            Some((label, path)) => self.template(label, &path),
            None => url.is_some().then(|| self.template(written, &url_path)).flatten(),
        };
        let mut headers = shared.headers.clone();
        for (name, value) in self.headers(node, path) {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        let sent = self.sent(node, path, &method, &headers);
        if let Some(content_type) = sent.content_type
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.push(("content-type".to_owned(), Template::literal(content_type)));
        }
        self.encoding(node, path);
        let timeout = self.optional(node, path, "timeout", limits::longer_than_nothing).map(Duration::as_millis);
        let redirects = self.switch(node, path, "follow-redirects").map_or(shared.redirects, redirects);
        let judged = self.judged(node, path);
        let pause = match present(node, "think-time") {
            Some(pause) => self.pause(pause, &join(path, "think-time")),
            None => shared.think_time,
        };
        let expect = match present(node, "expect") {
            Some(expect) => self.expect(expect, &join(path, "expect")),
            None if judged.any_status => Expect::Any,
            None => Expect::Success,
        };
        let Some(url) = url else { return Vec::new() };
        let request = Request {
            label: label.unwrap_or_else(|| url.clone()),
            query: sent.query,
            headers,
            body: sent.body,
            timeout_ms: timeout.unwrap_or(shared.timeout_ms),
            redirects,
            auth: shared.auth_of(&url),
            expect,
            checks: judged.checks,
            extract: judged.extract,
            resources: shared.resources,
            ..Request::new(method, url)
        };
        pause.map(Step::Pause).into_iter().chain([Step::Request(Box::new(request))]).collect()
    }

    /// An absolute URL; a path is put behind the default address.
    fn url(&mut self, node: &Node, path: &str, shared: &Shared) -> Option<Template> {
        let url = self.template(node, path)?;
        let full = match url.parts().first() {
            Some(Part::Text(text)) if !text.contains("://") => {
                let Some(address) = &shared.address else {
                    let shown: String = text.chars().take(80).collect();
                    let why = format!("`{shown}` is not an absolute URL, and there is no `default-address`");
                    self.refuse(node, path, why, "write one like https://shop.example.com/, or give `default-address`");
                    return None;
                };
                behind(address, &url)
            }
            _ => url,
        };
        absolute(&full).map_err(|why| self.reject(node, path, why)).ok()?;
        Some(full)
    }

    /// The headers below `headers`; a list of mappings is accepted as one.
    pub(super) fn headers(&mut self, node: &Node, path: &str) -> Vec<(String, Template)> {
        let path = join(path, "headers");
        let Some(written) = present(node, "headers") else { return Vec::new() };
        if !self.is_object(written, &path) {
            return Vec::new();
        }
        let mut headers = Vec::new();
        for (key, value) in written.entries() {
            let path = join(&path, &key.text);
            let Some(template) = self.template(value, &path) else { continue };
            let literal: String =
                template.parts().iter().map(|part| if let Part::Text(text) = part { text } else { "x" }).collect();
            match limits::header(&key.text, &literal) {
                Ok(()) => headers.push((key.text.clone(), template)),
                Err(why) => self.reject(value, &path, why),
            }
        }
        headers
    }

    pub(super) fn encoding(&mut self, node: &Node, path: &str) {
        self.optional(node, path, "content-encoding", |text| {
            if text.eq_ignore_ascii_case("utf-8") {
                Ok(())
            } else {
                Err(format!("`{text}` is not spoken here: requests are sent in UTF-8"))
            }
        });
    }

    /// `1s`, `uniform(1s, 500ms)`, `gaussian(1s, 500ms)` or `poisson(1s, 500ms)`.
    pub(super) fn pause(&mut self, node: &Node, path: &str) -> Option<Pause> {
        self.check(node, path, pause).flatten()
    }

    fn expect(&mut self, node: &Node, path: &str) -> Expect {
        let items = if node.text().is_some() { std::slice::from_ref(node) } else { self.list(node, path) };
        let mut accepted: Vec<u16> =
            items.iter().filter_map(|item| self.check(item, path, limits::statuses)).flatten().collect();
        accepted.sort_unstable();
        accepted.dedup();
        if accepted.is_empty() { Expect::Success } else { Expect::Status(accepted) }
    }

    /// URLs of a file, one a line, as `requests: urls.txt` means them.
    pub(super) fn urls_of_file(&mut self, node: &Node, path: &str) -> Vec<Node> {
        let Some(name) = self.check(node, path, |text| Ok(text.to_owned())) else { return Vec::new() };
        match self.file_text(&name) {
            Ok(text) => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let url =
                    |line: &str| Node { value: Value::Scalar { text: line.to_owned(), plain: false }, ..node.clone() };
                lines.map(url).collect()
            }
            Err(why) => {
                self.reject(node, path, why);
                Vec::new()
            }
        }
    }
}

/// How many redirects JMeter follows, if any.
pub(super) fn redirects(follow: bool) -> u32 {
    const JMETER_FOLLOWS: u32 = 20;
    if follow { JMETER_FOLLOWS } else { 0 }
}

fn behind(address: &Template, url: &Template) -> Template {
    let mut parts: Vec<Part> = address.parts().to_vec();
    if let Some(Part::Text(last)) = parts.last_mut() {
        let length = last.trim_end_matches('/').len();
        last.truncate(length);
    }
    if !matches!(url.parts().first(), Some(Part::Text(text)) if text.starts_with(['/', '?'])) {
        parts.push(Part::Text("/".to_owned()));
    }
    Template::of_parts(parts.into_iter().chain(url.parts().iter().cloned()))
}

/// What is wrong with a URL, as far as it is known before its holes are filled.
pub(super) fn absolute(url: &Template) -> Result<(), String> {
    if !matches!(url.parts().first(), Some(Part::Text(_))) {
        return if url.is_empty() { Err("a URL is expected".to_owned()) } else { Ok(()) };
    }
    // A digit may stand in a host, a port and a path alike.
    let filled: String =
        url.parts().iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "1" }).collect();
    if filled.chars().count() > MAX_URL_LENGTH {
        return Err(format!("expected a URL of at most {MAX_URL_LENGTH} characters"));
    }
    // A function's text may stay as it is in what JMeter does not know.
    limits::url(&filled.replace("${__", "__")).map(drop)
}

fn pause(text: &str) -> Result<Option<Pause>, String> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        let span = limits::stage(text)?;
        return Ok((!span.is_zero()).then_some(Pause::Constant { ms: span.as_millis() }));
    };
    let wrong =
        || format!("`{text}` is not a pause: expected 1s, uniform(1s,500ms), gaussian(1s,500ms) or poisson(1s,500ms)");
    let (mean, deviation) = rest.strip_suffix(')').and_then(|inside| inside.split_once(',')).ok_or_else(wrong)?;
    let (mean, deviation) = (limits::stage(mean.trim())?.as_millis(), limits::stage(deviation.trim())?.as_millis());
    let above = mean.saturating_sub(deviation);
    match name.trim() {
        "uniform" => Ok(Some(Pause::Uniform { min_ms: above, max_ms: mean + deviation })),
        "gaussian" => Ok(Some(Pause::Normal { mean_ms: mean, deviation_ms: deviation })),
        // JMeter adds a Poisson number to a constant: its mean and its deviation are those of this one.
        "poisson" => Ok(Some(Pause::Normal { mean_ms: mean, deviation_ms: above.isqrt() })),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_what_jmeters_timers_make_of_them() {
        assert_eq!(pause("0"), Ok(None));
        assert_eq!(pause("1s"), Ok(Some(Pause::Constant { ms: 1_000 })));
        assert_eq!(pause("uniform(5s, 1s)"), Ok(Some(Pause::Uniform { min_ms: 4_000, max_ms: 6_000 })));
        assert_eq!(pause("gaussian(5s,1s)"), Ok(Some(Pause::Normal { mean_ms: 5_000, deviation_ms: 1_000 })));
        assert_eq!(pause("poisson(5s,100ms)"), Ok(Some(Pause::Normal { mean_ms: 5_000, deviation_ms: 70 })));
        for text in ["uniform(1s)", "normal(1s,1s)", "uniform(1s,1x)", "uniform(1s,1s"] {
            assert!(pause(text).is_err(), "{text}");
        }
    }
}
