//! One scenario of `scenarios`: what all of its requests share, and its requests.

use super::{
    blocks::{Here, Turns, Within},
    reader::{Reader, join, present},
    requests::{absolute, redirects},
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    program::{Auth, Cookies, DEFAULT_TIMEOUT_MS, Feed, Flow, Pause, Reuse, Step},
    scenario::limits::{self, MAX_REQUESTS},
    template::Template,
};

const KNOWN: [&str; 29] = [
    "requests",
    "script",
    "default-address",
    "headers",
    "timeout",
    "think-time",
    "follow-redirects",
    "store-cookie",
    "store-cache",
    "keepalive",
    "retrieve-resources",
    "retrieve-resources-regex",
    "concurrent-pool-size",
    "use-dns-cache-mgr",
    "force-parent-sample",
    "variables",
    "properties",
    "data-sources",
    "content-encoding",
    "authorization",
    "random-source-ip",
    "use-random-host-ip",
    "protocol",
    "keystore-config",
    "jsr223",
    "assert",
    "assert-jsonpath",
    "extract-jsonpath",
    "extract-regexp",
];
const REFUSED: [(&str, &str); 9] = [
    ("keystore-config", "our own format has `client.tls`"),
    ("jsr223", "scripts are not run: use variables, extractors and conditions"),
    ("random-source-ip", "leave it out; our own format has `client.source_addresses`"),
    ("use-random-host-ip", "leave it out: addresses of a name are used in turn"),
    ("retrieve-resources-regex", "write `retrieve-resources: false` and list the resources as requests"),
    ("assert", "write it into the requests, where Taurus looks for it"),
    ("assert-jsonpath", "write it into the requests, where Taurus looks for it"),
    ("extract-jsonpath", "write it into the requests, where Taurus looks for it"),
    ("extract-regexp", "write it into the requests, where Taurus looks for it"),
];
const IGNORED: [(&str, &str); 3] = [
    ("concurrent-pool-size", "a virtual user fetches resources as its connections allow"),
    ("use-dns-cache-mgr", "names are looked up by each worker"),
    ("force-parent-sample", "requests and transactions are reported side by side"),
];

/// What a scenario says for all of its requests.
pub(super) struct Shared {
    pub address: Option<Template>,
    pub headers: Vec<(String, Template)>,
    pub timeout_ms: u64,
    pub think_time: Option<Pause>,
    pub redirects: u32,
    pub resources: bool,
    auth: Vec<(String, Auth)>,
}

impl Shared {
    /// Who a request says it is from: the first whose address the URL begins with.
    pub(super) fn auth_of(&self, url: &Template) -> Option<Auth> {
        let text = url.to_string();
        self.auth.iter().find(|(address, _)| text.starts_with(address.as_str())).map(|(_, auth)| auth.clone())
    }

    /// A transaction may not change anything for its requests, as it may in nothing but its name.
    pub(super) fn of_transaction(&self, reader: &mut Reader<'_>, node: &Node, path: &str) -> Self {
        reader.warn_keys(
            node,
            path,
            &[
                ("force-parent-sample", "requests and transactions are reported side by side"),
                ("include-timers", "a transaction lasts as long as all that stands in it"),
            ],
        );
        let auth = self.auth.clone();
        Self { address: self.address.clone(), headers: self.headers.clone(), auth, ..*self }
    }
}

/// What the scenarios of one flow define.
#[derive(Default)]
pub(super) struct Found {
    /// Scenarios that are being read, outermost first.
    pub open: Vec<String>,
    pub variables: Vec<(String, Template)>,
    pub feeds: Vec<Feed>,
}

/// A scenario that is executed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Executed {
    pub flow: Flow,
    pub variables: Vec<(String, Template)>,
    pub feeds: Vec<Feed>,
    pub cookies: Cookies,
    pub reuse: Reuse,
}

impl Reader<'_> {
    /// A scenario, by itself.
    pub(super) fn scenario(
        &mut self,
        name: &str,
        node: &Node,
        path: &str,
        scenarios: Option<&Node>,
    ) -> Option<Executed> {
        if let Some(script) = node.get("script").or_else(|| node.text().map(|_| node)) {
            let hint = "list `requests` instead";
            self.refuse(script, &join(path, "script"), "scripts cannot be run by this release", hint);
            return None;
        }
        if !self.is_object(node, path) {
            return None;
        }
        let mut found = Found::default();
        let within = Within { depth: 0, turns: Turns::Iterations, scenarios };
        let steps = self.scenario_steps(name, node, path, within, &mut found);
        let cookies = match self.switch(node, path, "store-cookie") {
            Some(false) => Cookies::Off,
            _ => Cookies::User,
        };
        let reuse = match self.switch(node, path, "keepalive") {
            Some(false) => Reuse::Never,
            _ => Reuse::User,
        };
        let Found { variables, feeds, .. } = found;
        Some(Executed { flow: Flow { start: Vec::new(), steps }, variables, feeds, cookies, reuse })
    }

    /// The steps of a scenario, executed or included, with what it defines.
    pub(super) fn scenario_steps(
        &mut self,
        name: &str,
        node: &Node,
        path: &str,
        within: Within<'_>,
        found: &mut Found,
    ) -> Vec<Step> {
        self.refuse_keys(node, path, &REFUSED);
        self.warn_keys(node, path, &IGNORED);
        self.warn_unknown_keys(node, path, &KNOWN);
        if self.switch(node, path, "store-cache") == Some(true) {
            let why = "`store-cache` is ignored: what is asked for twice is sent twice";
            self.warn(node.place, &join(path, "store-cache"), why);
        }
        if let Some(values) = present(node, "variables") {
            let path = join(path, "variables");
            if self.is_object(values, &path) {
                for (name, value) in self.variables(values, &path) {
                    found.variables.retain(|(known, _)| *known != name);
                    found.variables.push((name, value));
                }
            }
        }
        for feed in self.feeds(node, path) {
            if !found.feeds.contains(&feed) {
                found.feeds.push(feed);
            }
        }
        let shared = self.shared(node, path);
        let Some(requests) = present(node, "requests") else {
            self.missing(node, path, "requests");
            return Vec::new();
        };
        let path = join(path, "requests");
        found.open.push(name.to_owned());
        let lines;
        let items = if requests.text().is_some() {
            lines = self.urls_of_file(requests, &path);
            &lines
        } else {
            self.list(requests, &path)
        };
        let wrong = match requests.value {
            Value::Sequence(_) => !(1..=MAX_REQUESTS).contains(&items.len()),
            _ => items.len() > MAX_REQUESTS,
        };
        if wrong {
            self.reject(requests, &path, format!("expected 1 to {MAX_REQUESTS} requests, found {}", items.len()));
        }
        let steps = self.steps(items, &path, Here { within, shared: &shared }, found);
        found.open.pop();
        steps
    }

    fn shared(&mut self, node: &Node, path: &str) -> Shared {
        self.encoding(node, path);
        let address = present(node, "default-address").and_then(|address| {
            let path = join(path, "default-address");
            let template = self.template(address, &path)?;
            absolute(&template).map_err(|why| self.reject(address, &path, why)).ok().map(|()| template)
        });
        let resources = self.switch(node, path, "retrieve-resources");
        if resources.is_none() {
            let why = "HTML answers' images, scripts and styles are fetched too, as Taurus and AWS DLT do; \
                       `retrieve-resources: false` leaves them out";
            self.warn(node.place, &join(path, "retrieve-resources"), why);
        }
        let timeout = self.optional(node, path, "timeout", limits::longer_than_nothing);
        let think_time = present(node, "think-time").and_then(|pause| self.pause(pause, &join(path, "think-time")));
        Shared {
            address,
            headers: self.headers(node, path),
            timeout_ms: timeout.map_or(DEFAULT_TIMEOUT_MS, Duration::as_millis),
            think_time,
            redirects: redirects(self.switch(node, path, "follow-redirects").unwrap_or(true)),
            resources: resources.unwrap_or(true),
            auth: self.authorization(node, path),
        }
    }

    /// `authorization`: one, a list, or a list below `list`.
    fn authorization(&mut self, node: &Node, path: &str) -> Vec<(String, Auth)> {
        let Some(written) = present(node, "authorization") else { return Vec::new() };
        let path = join(path, "authorization");
        let written = present(written, "list").unwrap_or(written);
        let mut read = Vec::new();
        for item in self.items(written) {
            if !self.is_object(item, &path) {
                continue;
            }
            self.warn_unknown_keys(
                item,
                &path,
                &["url", "name", "password", "mechanism", "realm", "domain", "clear", "list"],
            );
            self.refuse_keys(
                item,
                &path,
                &[("domain", "write the `url` that is protected"), ("realm", "leave it out")],
            );
            if let Some(mechanism) = present(item, "mechanism")
                .filter(|it| !it.text().is_some_and(|it| it.starts_with("BASIC") || it == "basic"))
            {
                self.refuse(mechanism, &join(&path, "mechanism"), "only BASIC is spoken here", "leave it out");
            }
            let url = self.required(item, &path, "url", limits::url);
            let mut template = |key: &str| match present(item, key) {
                Some(node) => self.template(node, &join(&path, key)),
                None => {
                    self.missing(item, &path, key);
                    None
                }
            };
            let (user, password) = (template("name"), template("password"));
            if let (Some(url), Some(user), Some(password)) = (url, user, password) {
                read.push((url, Auth::Basic { user, password }));
            }
        }
        read
    }
}
