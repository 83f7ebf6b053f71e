//! What the virtual users do: `testScenario.scenarios`, in Taurus's words.

use super::{Reader, join, present};
use crate::{
    document::{Node, Value},
    duration::Duration,
    problem::suggest,
    program::{self, Body, Expect, Request, Step},
    scenario::{
        DEFAULT_TIMEOUT, body,
        limits::{self, MAX_REQUESTS},
    },
    template::Template,
};

const SCENARIO_KEYS: [&str; 6] = ["requests", "script", "default-address", "headers", "timeout", "think-time"];
const REQUEST_KEYS: [&str; 8] = ["url", "method", "headers", "body", "label", "timeout", "think-time", "expect"];
/// What Taurus would do and this release would silently leave out.
const REFUSED_IN_SCENARIO: [&str; 4] = ["variables", "data-sources", "assert", "extract-jsonpath"];
const REFUSED_IN_REQUEST: [&str; 22] = [
    "assert",
    "assert-jsonpath",
    "assert-xpath",
    "extract-regexp",
    "extract-jsonpath",
    "extract-xpath",
    "extract-css-jquery",
    "body-file",
    "upload-files",
    "transaction",
    "if",
    "loop",
    "while",
    "foreach",
    "once",
    "do",
    "include-scenario",
    "action",
    "set-variables",
    "jsr223",
    "think-times",
    "random-source-ip",
];

/// What a scenario says for all of its requests.
#[derive(Default)]
struct Shared {
    address: Option<String>,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    think_time: Option<Duration>,
}

/// A request as it is written here, without holes.
struct Plain {
    label: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    timeout_ms: u64,
    expect: Expect,
    think_time_ms: u64,
}

impl Plain {
    fn into_steps(self) -> Vec<Step> {
        let request = Request {
            label: Template::literal(self.label),
            headers: program::templates(&self.headers),
            body: if self.body.is_empty() { Body::None } else { Body::Text(Template::literal(self.body)) },
            timeout_ms: self.timeout_ms,
            expect: self.expect,
            ..Request::new(self.method, Template::literal(self.url))
        };
        program::with_pause(request, self.think_time_ms)
    }
}

impl Reader<'_> {
    /// The requests of the scenario that the execution names.
    pub(super) fn requests_of(&mut self, node: &Node, path: &str, name: Option<&str>) -> Vec<Step> {
        let Some(scenarios) = present(node, "scenarios") else {
            self.reject(node, path, "`scenarios` is required");
            return Vec::new();
        };
        if !matches!(scenarios.value, Value::Mapping(_)) {
            self.reject(scenarios, path, format!("expected an object, found {}", scenarios.kind()));
            return Vec::new();
        }
        let Some(name) = name else { return Vec::new() };
        for (key, _) in scenarios.entries().iter().filter(|(key, _)| key.text != name) {
            let warning = format!("`{}` is not the scenario that is executed", key.text);
            self.warnings.push(crate::problem::Problem::at(key.place, join(path, &key.text), warning));
        }
        match scenarios.get(name) {
            Some(scenario) => self.scenario(scenario, &join(path, name)),
            None => {
                let names = || scenarios.entries().iter().map(|(key, _)| key.text.as_str());
                let hint = match suggest(name, names()) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
                };
                self.refuse(scenarios, path, format!("there is no scenario `{name}`, which `execution` names"), &hint);
                Vec::new()
            }
        }
    }

    fn scenario(&mut self, node: &Node, path: &str) -> Vec<Step> {
        if let Some(script) = node.get("script") {
            let hint = "list `requests` instead";
            self.refuse(script, &join(path, "script"), "scripts cannot be run by this release", hint);
            return Vec::new();
        }
        self.refuse_keys(node, path, &REFUSED_IN_SCENARIO, "write the values into the requests");
        let known: Vec<&str> = SCENARIO_KEYS.into_iter().chain(REFUSED_IN_SCENARIO).collect();
        self.warn_unknown_keys(node, path, &known);
        let shared = Shared {
            address: self.optional(node, path, "default-address", limits::url),
            headers: self.headers(node, path),
            timeout: self.optional(node, path, "timeout", limits::longer_than_nothing),
            think_time: self.optional(node, path, "think-time", limits::stage),
        };
        let path = join(path, "requests");
        let Some(requests) = present(node, "requests") else {
            self.reject(node, &path, format!("expected 1 to {MAX_REQUESTS} requests, found none"));
            return Vec::new();
        };
        let items = self.list(requests, &path);
        if items.len() > MAX_REQUESTS {
            self.reject(requests, &path, format!("expected 1 to {MAX_REQUESTS} requests, found {}", items.len()));
            return Vec::new();
        }
        let each = items.iter().enumerate();
        let read = |(index, item): (usize, &Node)| self.request(item, &format!("{path}[{index}]"), &shared);
        each.filter_map(read).flat_map(Plain::into_steps).collect()
    }

    fn request(&mut self, node: &Node, path: &str, shared: &Shared) -> Option<Plain> {
        if node.text().is_some() {
            let url = self.check(node, path, |text| absolute(text, shared))?;
            return Some(request("GET".to_owned(), url, shared));
        }
        if !matches!(node.value, Value::Mapping(_)) {
            self.reject(node, path, format!("expected an object, found {}", node.kind()));
            return None;
        }
        self.refuse_keys(node, path, &REFUSED_IN_REQUEST, "leave it out; a request may `expect` statuses");
        let known: Vec<&str> = REQUEST_KEYS.into_iter().chain(REFUSED_IN_REQUEST).collect();
        self.warn_unknown_keys(node, path, &known);
        let url = self.required(node, path, "url", |text| absolute(text, shared));
        let method = self.optional(node, path, "method", limits::method).unwrap_or_else(|| "GET".to_owned());
        let mut request = request(method, url.unwrap_or_default(), shared);
        for (name, value) in self.headers(node, path) {
            request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            request.headers.push((name, value));
        }
        if let Some(body) = present(node, "body") {
            request.body = self.body(body, &join(path, "body"), &mut request.headers);
        }
        if let Some(label) = self.optional(node, path, "label", |text| Ok(text.to_owned())) {
            request.label = label;
        }
        if let Some(timeout) = self.optional(node, path, "timeout", limits::longer_than_nothing) {
            request.timeout_ms = timeout.as_millis();
        }
        if let Some(think_time) = self.optional(node, path, "think-time", limits::stage) {
            request.think_time_ms = think_time.as_millis();
        }
        if let Some(expect) = present(node, "expect") {
            request.expect = self.expect(expect, &join(path, "expect"));
        }
        (!request.url.is_empty()).then_some(request)
    }

    fn headers(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        let path = join(path, "headers");
        let Some(written) = present(node, "headers") else { return Vec::new() };
        if !matches!(written.value, Value::Mapping(_)) {
            self.reject(written, &path, format!("expected an object, found {}", written.kind()));
        }
        let mut headers = Vec::new();
        for (key, value) in written.entries() {
            let read = |text: &str| limits::header(&key.text, text).map(|()| text.to_owned());
            if let Some(text) = self.check(value, &join(&path, &key.text), read) {
                headers.push((key.text.clone(), text));
            }
        }
        headers
    }

    /// Text as it is; data as Taurus sends it: as a form when flat, else or for JSON's content type as JSON.
    fn body(&mut self, node: &Node, path: &str, headers: &mut Vec<(String, String)>) -> String {
        if node.text().is_some() {
            return self.check(node, path, limits::body).unwrap_or_default();
        }
        let json = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("json")
        });
        let form = body::to_form(node).filter(|_| !json && matches!(node.value, Value::Mapping(_)));
        let content_type = if form.is_some() { "application/x-www-form-urlencoded" } else { "application/json" };
        body::default_content_type(headers, content_type);
        let text = form.unwrap_or_else(|| body::to_json(node).to_string());
        limits::body(&text).map_err(|why| self.reject(node, path, why)).unwrap_or_default()
    }

    fn expect(&mut self, node: &Node, path: &str) -> Expect {
        let items = if node.text().is_some() { std::slice::from_ref(node) } else { self.list(node, path) };
        let mut accepted: Vec<u16> =
            items.iter().filter_map(|item| self.check(item, path, limits::statuses)).flatten().collect();
        accepted.sort_unstable();
        accepted.dedup();
        if accepted.is_empty() { Expect::Success } else { Expect::Status(accepted) }
    }

    fn refuse_keys(&mut self, node: &Node, path: &str, refused: &[&str], instead: &str) {
        for (key, value) in node.entries().iter().filter(|(key, _)| refused.contains(&key.text.as_str())) {
            if present(node, &key.text).is_some() {
                let message = format!("`{}` is not supported by this release", key.text);
                self.refuse(value, &join(path, &key.text), message, instead);
            }
        }
    }
}

fn request(method: String, url: String, shared: &Shared) -> Plain {
    Plain {
        label: url.clone(),
        method,
        url,
        headers: shared.headers.clone(),
        body: String::new(),
        timeout_ms: shared.timeout.unwrap_or(DEFAULT_TIMEOUT).as_millis(),
        expect: Expect::Success,
        think_time_ms: shared.think_time.unwrap_or_default().as_millis(),
    }
}

fn absolute(text: &str, shared: &Shared) -> Result<String, String> {
    match &shared.address {
        Some(address) if text.starts_with('/') => limits::url(&format!("{}{text}", address.trim_end_matches('/'))),
        _ => limits::url(text),
    }
}
