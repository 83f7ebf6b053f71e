//! Conversations that are no HTTP: `websocket` and `tcp`.

use super::{
    body::message,
    checks, extract, pause, request,
    scope::Scope,
    steps::{content, file},
    values::{optional, required_template, text_of},
};
use crate::{
    document::{Node, Value},
    fields::Fields,
    problem::Problem,
    program::{SocketAction, Step, Tcp, TcpBytes, TcpUntil, WebSocket},
    scenario::{
        DEFAULT_TIMEOUT,
        limits::{self, MAX_NAMES},
    },
    template::{Part, Template},
};

/// Parts of one conversation.
const MAX_ACTIONS: usize = 500;
/// Bytes of an answer over TCP.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// A conversation over a WebSocket.
pub(super) fn websocket(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let node = fields.required("websocket")?;
    let mut fields = Fields::of(node, fields.path_of("websocket"), fields.problems())?;
    let label = request::read_label(&mut fields, scope);
    let written = fields.required("url");
    let url = written.and_then(|node| {
        let path = fields.path_of("url");
        scope.template_at(node, &path, fields.problems(), |url| check_url(url, "ws"))
    });
    let headers = request::read_headers(&mut fields, scope);
    let protocols = protocols(&mut fields);
    let timeout_ms = timeout(&mut fields, scope);
    let actions = actions(&mut fields, scope);
    fields.finish_knowing(&[
        ("subprotocols", "write `protocols`"),
        ("steps", "write `actions`"),
        ("send", "it belongs below `actions`"),
    ]);
    let label = label.unwrap_or_else(|| Template::literal(written.and_then(Node::text).unwrap_or_default()));
    Some(Step::WebSocket(Box::new(WebSocket { label, url: url?, headers, protocols, timeout_ms, actions })))
}

/// What is wrong with a URL of these schemes, `ws` and `wss` or `http` and `https`, as far as it can be told.
pub(super) fn check_url(template: &Template, scheme: &str) -> Result<(), String> {
    if matches!(template.parts(), [Part::Hole(_), ..]) {
        return Ok(());
    }
    let text = template.render(|_| "0".to_owned());
    let rest = text.strip_prefix(scheme).map(|rest| rest.strip_prefix('s').unwrap_or(rest));
    match rest.filter(|rest| rest.starts_with("://")) {
        Some(rest) => limits::url(&format!("http{rest}")).map(drop),
        None => Err(format!("expected a URL as `{scheme}s://host/`, found `{text}`")),
    }
}

fn protocols(fields: &mut Fields<'_>) -> Vec<String> {
    let mut read = Vec::new();
    for (path, item) in fields.optional_list("protocols") {
        match text_of(item).and_then(|text| limits::header(text, "").map(|()| text.to_owned())) {
            Ok(name) => read.push(name),
            Err(why) => fields.problems().push(Problem::at(item.place, path, why)),
        }
    }
    if let Some(node) = fields.optional("protocols").filter(|_| read.len() > MAX_NAMES) {
        fields.reject("protocols", node, format!("expected at most {MAX_NAMES} protocols, found {}", read.len()));
    }
    read
}

/// A step's own timeout, or that of all.
pub(super) fn timeout(fields: &mut Fields<'_>, scope: &Scope<'_>) -> u64 {
    let own = optional(fields, "timeout", limits::longer_than_nothing);
    own.unwrap_or(scope.defaults.timeout.unwrap_or(DEFAULT_TIMEOUT)).as_millis()
}

fn actions(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<SocketAction> {
    let Some(node) = fields.required("actions") else { return Vec::new() };
    let listed = fields.optional_list("actions");
    if matches!(node.value, Value::Sequence(_)) && !(1..=MAX_ACTIONS).contains(&listed.len()) {
        fields.reject("actions", node, format!("expected 1 to {MAX_ACTIONS} actions, found {}", listed.len()));
    }
    let problems = fields.problems();
    listed.iter().filter_map(|(path, item)| action(item, path, scope, problems)).collect()
}

fn action(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<SocketAction> {
    if node.text() == Some("receive") {
        return Some(SocketAction::Receive { checks: Vec::new(), extract: Vec::new() });
    }
    let mut fields = Fields::of(node, path, problems)?;
    let action = content(&mut fields, &["send", "send_file", "receive", "pause"], true);
    let read = action.and_then(|(key, node)| match key {
        "send" => message(&mut fields, "send", node, scope).map(SocketAction::Send),
        "send_file" => file(&mut fields, key, node, scope).map(SocketAction::SendBytes),
        "pause" => pause::read(&mut fields, "pause").map(SocketAction::Pause),
        _ => {
            let path = fields.path_of(key);
            let mut inner = Fields::of(node, path, fields.problems())?;
            let checks = checks::read(&mut inner, scope, &checks::IN_A_MESSAGE);
            let extract = extract::read(&mut inner, scope, &extract::IN_A_MESSAGE);
            inner.finish();
            Some(SocketAction::Receive { checks, extract })
        }
    });
    fields.finish_knowing(&[
        ("think", "write `pause`"),
        ("wait", "write `pause`"),
        ("checks", "they belong below `receive`"),
    ]);
    read
}

/// Bytes over a bare TCP connection.
pub(super) fn tcp(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let node = fields.required("tcp")?;
    let mut fields = Fields::of(node, fields.path_of("tcp"), fields.problems())?;
    let label = request::read_label(&mut fields, scope);
    let address = required_template(&mut fields, "address", scope);
    if let Some((text, node)) = address.as_ref().and_then(Template::as_literal).zip(fields.optional("address")) {
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse().ok());
        if port.is_none_or(|port: u16| port == 0) {
            fields.reject("address", node, format!("expected `host:port`, found `{text}`"));
        }
    }
    let tls = fields.optional_bool("tls").unwrap_or(false);
    let sent = content(&mut fields, &["send", "send_file"], true);
    let send = sent.and_then(|(key, node)| match key {
        "send" => message(&mut fields, "send", node, scope).map(TcpBytes::Text),
        key => file(&mut fields, key, node, scope).map(TcpBytes::Bytes),
    });
    let until = until(&mut fields);
    let timeout_ms = timeout(&mut fields, scope);
    let checks = checks::read(&mut fields, scope, &checks::IN_A_MESSAGE);
    let extract = extract::read(&mut fields, scope, &extract::IN_A_MESSAGE);
    if let Some(node) = fields.optional("checks").or(fields.optional("extract")).filter(|_| until.is_none()) {
        let problem = Problem::at(node.place, fields.path_of("until"), "nothing is awaited that could be looked at");
        fields
            .problems()
            .push(problem.hint("say where the answer ends: `until: { text: \"\\n\" }`, `{ bytes: 4 }` or `close`"));
    }
    fields.finish_knowing(&[
        ("host", "write `address: host:port`"),
        ("url", "write `address: host:port`"),
        ("data", "write `send`"),
    ]);
    let address = address?;
    let label = label.unwrap_or_else(|| Template::literal(format!("tcp {address}")));
    Some(Step::Tcp(Box::new(Tcp { label, address, tls, send: send?, until, timeout_ms, checks, extract })))
}

fn until(fields: &mut Fields<'_>) -> Option<TcpUntil> {
    let node = fields.optional("until")?;
    if node.text().is_some() {
        let read = |text: &str| match text {
            "close" => Ok(TcpUntil::Close),
            text => Err(format!("expected `close`, `{{ text: … }}` or `{{ bytes: … }}`, found `{text}`")),
        };
        return optional(fields, "until", read);
    }
    let mut inner = Fields::of(node, fields.path_of("until"), fields.problems())?;
    let found = content(&mut inner, &["text", "bytes"], true);
    let until = found.and_then(|(key, node)| match key {
        "text" => match node.text() {
            Some(text) if !text.is_empty() => Some(TcpUntil::Text(text.to_owned())),
            _ => {
                inner.reject("text", node, "expected a text of at least one character");
                None
            }
        },
        _ => optional(&mut inner, "bytes", |text| limits::number(text, 1, MAX_ANSWER_BYTES)).map(TcpUntil::Bytes),
    });
    inner.finish();
    until
}
