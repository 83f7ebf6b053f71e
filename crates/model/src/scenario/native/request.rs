//! One request of our own format, short or long, and what all of them share.

use super::{optional, required};
use crate::{
    document::{Node, Value},
    duration::Duration,
    fields::Fields,
    problem::Problem,
    program::{Body, Expect, Request, Step, templates, with_pause},
    scenario::{DEFAULT_TIMEOUT, body, limits},
    template::Template,
};

/// What stands below `defaults`.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    base_url: Option<String>,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    think_time: Duration,
}

pub(super) fn read_defaults(fields: &mut Fields<'_>) -> Defaults {
    let Some(node) = fields.optional("defaults") else { return Defaults::default() };
    let Some(mut fields) = Fields::of(node, "defaults", fields.problems()) else { return Defaults::default() };
    let base_url = optional(&mut fields, "base_url", limits::url);
    let headers = read_headers(&mut fields);
    let timeout = optional(&mut fields, "timeout", limits::longer_than_nothing);
    let think_time = optional(&mut fields, "think_time", limits::stage);
    fields.finish();
    Defaults { base_url, headers, timeout, think_time: think_time.unwrap_or_default() }
}

/// A request, and the pause after it.
pub(super) fn read(node: &Node, path: &str, defaults: &Defaults, problems: &mut Vec<Problem>) -> Vec<Step> {
    let read = match &node.value {
        Value::Scalar { text, .. } => read_short(text, defaults)
            .map(|request| (request, defaults.think_time))
            .map_err(|why| problems.push(Problem::at(node.place, path, why)))
            .ok(),
        _ => read_long(node, path, defaults, problems),
    };
    read.map(|(request, think_time)| with_pause(request, think_time.as_millis())).unwrap_or_default()
}

/// `GET /path`, `/path`, `POST https://…`.
fn read_short(text: &str, defaults: &Defaults) -> Result<Request, String> {
    let (method, url) = match text.trim().split_once(char::is_whitespace) {
        Some((method, url)) => (limits::method(method)?, url.trim_start()),
        None => ("GET".to_owned(), text.trim()),
    };
    let request = Request {
        label: Template::literal(format!("{method} {url}")),
        timeout_ms: defaults.timeout.unwrap_or(DEFAULT_TIMEOUT).as_millis(),
        headers: templates(&defaults.headers),
        ..Request::new(method, Template::literal(absolute(url, defaults)?))
    };
    Ok(request)
}

fn read_long(node: &Node, path: &str, defaults: &Defaults, problems: &mut Vec<Problem>) -> Option<(Request, Duration)> {
    let mut fields = Fields::of(node, path, problems)?;
    let label = optional(&mut fields, "label", label);
    let method = optional(&mut fields, "method", limits::method).unwrap_or_else(|| "GET".to_owned());
    let written = fields.optional("url").and_then(Node::text).unwrap_or_default().to_owned();
    let url = required(&mut fields, "url", |text| absolute(text, defaults));
    let mut headers = defaults.headers.clone();
    for (name, value) in read_headers(&mut fields) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    let body = read_body(&mut fields, &mut headers);
    let timeout = optional(&mut fields, "timeout", limits::longer_than_nothing);
    let expect = read_expect(&mut fields);
    let think_time = optional(&mut fields, "think_time", limits::stage).unwrap_or(defaults.think_time);
    fields.finish();
    let request = Request {
        label: Template::literal(label.unwrap_or_else(|| format!("{method} {written}"))),
        headers: templates(&headers),
        body: if body.is_empty() { Body::None } else { Body::Text(Template::literal(body)) },
        timeout_ms: timeout.or(defaults.timeout).unwrap_or(DEFAULT_TIMEOUT).as_millis(),
        expect,
        ..Request::new(method, Template::literal(url?))
    };
    Some((request, think_time))
}

fn label(text: &str) -> Result<String, String> {
    if (1..=limits::MAX_URL_LENGTH).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected 1 to {} characters without control characters", limits::MAX_URL_LENGTH))
    }
}

/// A path is put after the base URL, whose own path is kept.
fn absolute(text: &str, defaults: &Defaults) -> Result<String, String> {
    if !text.starts_with('/') {
        return limits::url(text);
    }
    match &defaults.base_url {
        Some(base) => limits::url(&format!("{}{text}", base.trim_end_matches('/'))),
        None => Err(format!("`{text}` is a path; give `defaults.base_url`, or a whole URL")),
    }
}

pub(super) fn read_headers(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let path = fields.path_of("headers");
    let mut headers = Vec::new();
    for (key, value) in fields.optional_map("headers") {
        let text = value.text().ok_or_else(|| format!("expected text, found {}", value.kind()));
        match text.and_then(|text| limits::header(&key.text, text).map(|()| text)) {
            Ok(text) => headers.push((key.text.clone(), text.to_owned())),
            Err(why) => fields.problems().push(Problem::at(value.place, format!("{path}.{}", key.text), why)),
        }
    }
    headers
}

fn read_body(fields: &mut Fields<'_>, headers: &mut Vec<(String, String)>) -> String {
    let text = optional(fields, "body", limits::body);
    let Some(json) = fields.optional("json") else { return text.unwrap_or_default() };
    if text.is_some() {
        fields.reject("json", json, "give either `body` or `json`, not both");
    }
    match limits::body(&body::to_json(json).to_string()) {
        Ok(written) => {
            body::default_content_type(headers, "application/json");
            written
        }
        Err(why) => {
            fields.reject("json", json, why);
            String::new()
        }
    }
}

fn read_expect(fields: &mut Fields<'_>) -> Expect {
    let Some(node) = fields.optional("expect") else { return Expect::Success };
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
    if accepted.is_empty() { Expect::Success } else { Expect::Status(accepted) }
}
