//! One request of our own format, short or long, and what all of them share.

use super::{
    auth, body, checks, extract, pause,
    scope::Scope,
    values::{optional, template, templates, text_of, word},
    words,
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    fields::Fields,
    problem::{Place, Problem},
    program::{Auth, DEFAULT_REDIRECTS, Expect, Pause, Request, Step, Version},
    scenario::{DEFAULT_TIMEOUT, limits},
    template::{Part, Template},
};

/// The keys that make a mapping a request.
pub(super) const KEYS: [&str; 19] = [
    "label",
    "method",
    "url",
    "query",
    "headers",
    "body",
    "json",
    "form",
    "multipart",
    "file",
    "auth",
    "redirects",
    "version",
    "timeout",
    "expect",
    "checks",
    "extract",
    "resources",
    "think_time",
];

/// What stands below `defaults`.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    base_url: Option<String>,
    headers: Vec<(String, Template)>,
    pub timeout: Option<Duration>,
    think_time: Option<Pause>,
    auth: Option<Auth>,
    redirects: Option<u32>,
    expect: Expect,
}

/// Reads `defaults`; what their holes ask for is asked by every flow.
pub(super) fn read_defaults(fields: &mut Fields<'_>, scope: &mut Scope<'_>) {
    let Some(node) = fields.optional("defaults") else { return };
    let Some(mut fields) = Fields::of(node, "defaults", fields.problems()) else { return };
    let base_url = optional(&mut fields, "base_url", |text| {
        check_url(&text.parse()?)?;
        Ok(text.to_owned())
    });
    // A wrong one is told once; paths are not wrong for a second reason.
    let base_url = base_url.or_else(|| fields.optional("base_url").map(|_| "http://127.0.0.1".to_owned()));
    let headers = read_headers(&mut fields, scope);
    let timeout = optional(&mut fields, "timeout", limits::longer_than_nothing);
    let think_time = pause::read(&mut fields, "think_time");
    let auth = auth::read(&mut fields, scope);
    let redirects = optional(&mut fields, "redirects", redirects);
    let expect = read_expect(&mut fields).unwrap_or_default();
    fields.finish_knowing(&words::IN_A_REQUEST);
    scope.end_defaults();
    scope.defaults = Defaults { base_url, headers, timeout, think_time, auth: auth.flatten(), redirects, expect };
}

/// A request, and the pause after it.
pub(super) fn read(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Vec<Step> {
    let read = match &node.value {
        Value::Scalar { text, .. } => read_short(text, node.place, path, scope)
            .map(|request| (request, scope.defaults.think_time))
            .map_err(|why| problems.push(Problem::at(node.place, path, why)))
            .ok(),
        _ => read_long(node, path, scope, problems),
    };
    let Some((request, think_time)) = read else { return Vec::new() };
    let pause = think_time.filter(|pause| *pause != Pause::Constant { ms: 0 });
    std::iter::once(Step::Request(Box::new(request))).chain(pause.map(Step::Pause)).collect()
}

/// `GET /path`, `/path`, `POST https://…`.
fn read_short(text: &str, place: Place, path: &str, scope: &mut Scope<'_>) -> Result<Request, String> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (method, url) = match text.trim().split_once(char::is_whitespace).filter(|(method, _)| word(method)) {
        Some((method, url)) => (limits::method(method)?, url.trim_start()),
        None => ("GET".to_owned(), text.trim()),
    };
    let template = absolute(url, place, path, scope)?;
    Ok(Request { label: label_of(&method, url, &template, scope), ..shared(method, template, scope) })
}

/// A request with what all of them share.
fn shared(method: String, url: Template, scope: &Scope<'_>) -> Request {
    let defaults = &scope.defaults;
    Request {
        headers: defaults.headers.clone(),
        timeout_ms: defaults.timeout.unwrap_or(DEFAULT_TIMEOUT).as_millis(),
        redirects: defaults.redirects.unwrap_or(DEFAULT_REDIRECTS),
        auth: defaults.auth.clone(),
        expect: defaults.expect.clone(),
        ..Request::new(method, url)
    }
}

/// The method and the URL as written, which is one label for all that its holes become; where URLs have groups, the URL
/// itself, by which the worker finds its group.
fn label_of(method: &str, written: &str, url: &Template, scope: &Scope<'_>) -> Template {
    if scope.url_groups { url.clone() } else { Template::literal(format!("{method} {written}")) }
}

fn read_long(
    node: &Node,
    path: &str,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Problem>,
) -> Option<(Request, Option<Pause>)> {
    let mut fields = Fields::of(node, path, problems)?;
    let label = read_label(&mut fields, scope);
    let method = optional(&mut fields, "method", limits::method).unwrap_or_else(|| "GET".to_owned());
    let written = fields.optional("url").and_then(Node::text).unwrap_or_default().to_owned();
    let url = fields.required("url").and_then(|node| {
        let path = fields.path_of("url");
        let read = text_of(node).and_then(|text| absolute(text.trim(), node.place, &path, scope));
        read.map_err(|why| fields.reject("url", node, why)).ok()
    });
    let mut request = shared(method, url.clone().unwrap_or_default(), scope);
    request.query = templates(&mut fields, "query", scope, |_, _| Ok(()));
    for (name, value) in read_headers(&mut fields, scope) {
        request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        request.headers.push((name, value));
    }
    request.body = body::read(&mut fields, &mut request.headers, scope);
    if let Some(auth) = auth::read(&mut fields, scope) {
        request.auth = auth;
    }
    request.redirects = optional(&mut fields, "redirects", redirects).unwrap_or(request.redirects);
    request.version = word(&mut fields, "version", &VERSIONS);
    let timeout = optional(&mut fields, "timeout", limits::longer_than_nothing);
    request.timeout_ms = timeout.map_or(request.timeout_ms, Duration::as_millis);
    request.expect = read_expect(&mut fields).unwrap_or(request.expect);
    request.checks = checks::read(&mut fields, scope, &checks::ANY);
    request.extract = extract::read(&mut fields, scope, &extract::ANY);
    request.resources = fields.optional_bool("resources").unwrap_or(false);
    let think_time = pause::read(&mut fields, "think_time").or(scope.defaults.think_time);
    fields.finish_knowing(&words::IN_A_REQUEST);
    request.label = label.unwrap_or_else(|| label_of(&request.method, &written, &request.url, scope));
    url.map(|_| (request, think_time))
}

/// Versions of HTTP, as they are written.
pub(super) const VERSIONS: [(&str, Version); 3] =
    [("auto", Version::Auto), ("1.1", Version::Http1), ("2", Version::Http2)];

/// A label of one's own; what it asks for is remembered.
pub(super) fn read_label(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Template> {
    let node = fields.optional("label")?;
    let fits = |text: &str| (1..=limits::MAX_URL_LENGTH).contains(&text.chars().count());
    let wrong = node.text().is_some_and(|text| !fits(text) || text.chars().any(char::is_control));
    if wrong {
        let message = format!("expected 1 to {} characters without control characters", limits::MAX_URL_LENGTH);
        fields.reject("label", node, message);
        return None;
    }
    template(fields, "label", scope)
}

/// A path is put after the base URL, whose own path is kept.
fn absolute(text: &str, place: Place, path: &str, scope: &mut Scope<'_>) -> Result<Template, String> {
    let whole = match &scope.defaults.base_url {
        Some(base) if text.starts_with('/') => format!("{}{text}", base.trim_end_matches('/')),
        None if text.starts_with('/') => {
            return Err(format!("`{text}` is a path; give `defaults.base_url`, or a whole URL"));
        }
        _ => text.to_owned(),
    };
    let template = scope.template(&whole, place, path)?;
    check_url(&template)?;
    Ok(template)
}

/// What is wrong with a URL as far as it can be told before its holes are filled.
fn check_url(template: &Template) -> Result<(), String> {
    match template.parts() {
        [Part::Hole(_), ..] => limits::url(&format!("http://{}", template.render(|_| "0".to_owned()))),
        _ => limits::url(&template.render(|_| "0".to_owned())),
    }
    .map(drop)
}

/// Header names and values.
pub(super) fn read_headers(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<(String, Template)> {
    let check = |name: &str, value: &Template| limits::header(name, &value.render(|_| "0".to_owned()));
    templates(fields, "headers", scope, check)
}

fn redirects(text: &str) -> Result<u32, String> {
    match text {
        "true" => Ok(DEFAULT_REDIRECTS),
        "false" => Ok(0),
        text => limits::number(text, 0, limits::MAX_REDIRECTS)
            .map(|number| u32::try_from(number).expect("at most MAX_REDIRECTS")),
    }
}

fn read_expect(fields: &mut Fields<'_>) -> Option<Expect> {
    let node = fields.optional("expect")?;
    let path = fields.path_of("expect");
    let single = [(path, node)];
    let items = if node.text().is_some() { single.to_vec() } else { fields.optional_list("expect") };
    if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
        fields.reject("expect", node, "name at least one status, or leave it out");
    }
    let mut accepted = Vec::new();
    for (path, item) in items {
        match item.text().map_or_else(|| Err(format!("expected a status, found {}", item.kind())), limits::statuses) {
            Ok(statuses) => accepted.extend(statuses),
            Err(why) => fields.problems().push(Problem::at(item.place, path, why)),
        }
    }
    accepted.sort_unstable();
    accepted.dedup();
    Some(if accepted.is_empty() { Expect::Success } else { Expect::Status(accepted) })
}
