//! WebSocket conversations, gRPC calls and bytes over TCP: whatever is wrong with them is found before anything is sent.

use std::time::Duration;

use dlt_model::{
    program::{self, MetricKind, SocketAction, Source, Subject, TcpBytes},
    template::Template,
};

use super::{Compiler, steps::check_pause};
use crate::{
    script::{
        bounded,
        check::Check,
        extract::Extract,
        program::Label,
        protocols::{Action, Exam, Grpc, SKIPPED, Sent, Tcp, WebSocket, check_headers, http_url, socket_url},
        value::Text,
    },
    transport::{GrpcMethod, Origin},
};

/// Stands in for a URL that is not known yet, while the rest of a call is looked at.
const SOMEWHERE: &str = "http://localhost";

impl Compiler<'_> {
    /// Checks and extractions, each with its name in what is wrong with it.
    pub(super) fn exam(&self, checks: &[program::Check], extract: &[program::Extract]) -> Result<Exam, String> {
        let checks: Result<Box<[Check]>, String> = checks
            .iter()
            .map(|check| {
                let index = self.names.checks.place(&check.name).index();
                let compiled = Check::compile(check, index, |text| self.text(text));
                compiled.map_err(|why| format!("check `{}`: {why}", check.name))
            })
            .collect();
        let extract: Result<Box<[Extract]>, String> = extract
            .iter()
            .map(|extract| {
                let default = extract.default.as_ref().map(|default| self.text(default)).transpose()?;
                let compiled = Extract::compile(extract, self.slot(&extract.variable)?, default);
                compiled.map_err(|why| format!("extraction of `{}`: {why}", extract.variable))
            })
            .collect();
        Ok(Exam { checks: checks?, extract: extract? })
    }

    pub(super) fn websocket(&mut self, socket: &program::WebSocket) -> Result<WebSocket, String> {
        let timeout = timeout(socket.timeout_ms)?;
        let url = self.text(&socket.url).map_err(|why| format!("url: {why}"))?;
        let headers = self.pairs(&socket.headers).map_err(|why| format!("header {why}"))?;
        let known = url.as_literal().map(socket_url).transpose().map(drop);
        known.and_then(|()| check_headers(&literals(&headers))).map_err(|why| self.secrets.hide(&why))?;
        let offers: Vec<_> =
            socket.protocols.iter().map(|name| ("Sec-WebSocket-Protocol".to_owned(), name.clone())).collect();
        check_headers(&offers)?;
        if *self.kinds.entry(SKIPPED.to_owned()).or_insert(MetricKind::Counter) != MetricKind::Counter {
            return Err(format!("the metric `{SKIPPED}` counts messages, and is of another kind elsewhere"));
        }
        let mut actions: Vec<Action> = Vec::new();
        for (number, action) in socket.actions.iter().enumerate() {
            let before =
                actions.pop_if(|last| matches!((last, action), (Action::Send(_), SocketAction::Receive { .. })));
            let compiled = self.action(action, before).map_err(|why| format!("action {}: {why}", number + 1))?;
            actions.push(compiled);
        }
        Ok(WebSocket {
            label: self.label_of(&socket.label, Some(&socket.url))?,
            url,
            headers,
            protocols: socket.protocols.clone(),
            timeout,
            actions: actions.into(),
            skipped: self.names.metrics.place(SKIPPED).index(),
        })
    }

    fn action(&self, action: &SocketAction, before: Option<Action>) -> Result<Action, String> {
        Ok(match action {
            SocketAction::Send(text) => Action::Send(Sent::Text(self.text(text)?)),
            SocketAction::SendBytes(bytes) => Action::Send(Sent::Bytes(bytes.clone())),
            SocketAction::Pause(pause) => {
                check_pause(*pause)?;
                Action::Pause(*pause)
            }
            SocketAction::Receive { checks, extract } => {
                only_content(checks, extract, "a message")?;
                let question = match before {
                    Some(Action::Send(sent)) => Some(sent),
                    _ => None,
                };
                Action::Receive { question, exam: self.exam(checks, extract)? }
            }
        })
    }

    pub(super) fn grpc(&self, grpc: &program::Grpc) -> Result<Grpc, String> {
        let method = GrpcMethod::new(&grpc.descriptors, &grpc.method)?;
        let url = self.text(&grpc.url).map_err(|why| format!("url: {why}"))?;
        let metadata = self.pairs(&grpc.metadata).map_err(|why| format!("metadata {why}"))?;
        let message = self.text(&grpc.message).map_err(|why| format!("message: {why}"))?;
        let judges_status = grpc.checks.iter().any(|check| check.subject == Subject::Status);
        let mut call = Grpc {
            label: self.label_of(&grpc.label, Some(&grpc.url))?,
            method,
            url,
            metadata,
            message,
            fixed: None,
            timeout: timeout(grpc.timeout_ms)?,
            judges_status,
            exam: self.exam(&grpc.checks, &grpc.extract)?,
        };
        let known = literals(&call.metadata);
        let rendered = http_url(call.url.as_literal().unwrap_or(SOMEWHERE))
            .and_then(|url| call.method.render(&url, &known, call.message.as_literal().unwrap_or_default()))
            .map_err(|why| self.secrets.hide(&why))?;
        let is_fixed = call.url.as_literal().is_some() && call.message.as_literal().is_some();
        if is_fixed && known.len() == call.metadata.len() {
            call.fixed = Some(Box::new(rendered));
        }
        Ok(call)
    }

    pub(super) fn tcp(&self, tcp: &program::Tcp) -> Result<Tcp, String> {
        only_content(&tcp.checks, &tcp.extract, "what comes over TCP")?;
        if tcp.until.is_none() && !(tcp.checks.is_empty() && tcp.extract.is_empty()) {
            return Err("no answer is awaited that could be looked at; say where it ends with `until`".to_owned());
        }
        let address = self.text(&tcp.address).map_err(|why| format!("address: {why}"))?;
        if let Some(literal) = address.as_literal()
            && Origin::of_address(literal, tcp.tls).is_none()
        {
            return Err(self.secrets.hide(&format!("`{literal}` is no address of the form `host:port`")));
        }
        let send = match &tcp.send {
            TcpBytes::Text(text) => Sent::Text(self.text(text).map_err(|why| format!("send: {why}"))?),
            TcpBytes::Bytes(bytes) => Sent::Bytes(bytes.clone()),
        };
        Ok(Tcp {
            label: self.label_of(&tcp.label, None)?,
            address,
            tls: tcp.tls,
            send,
            until: tcp.until.clone(),
            timeout: timeout(tcp.timeout_ms)?,
            exam: self.exam(&tcp.checks, &tcp.extract)?,
        })
    }

    /// A step whose label is its URL has none of its own.
    fn label_of(&self, label: &Template, url: Option<&Template>) -> Result<Label, String> {
        if url == Some(label) && !self.program.client.url_groups.is_empty() {
            return Ok(Label::Url);
        }
        let text = self.text(label).map_err(|why| format!("label: {why}"))?;
        Ok(match text.as_literal() {
            Some(label) => self.fixed_label(label),
            None => Label::Text(text),
        })
    }
}

fn timeout(ms: u64) -> Result<Duration, String> {
    if ms == 0 { Err("a timeout of 0 ms would let nothing pass".to_owned()) } else { bounded("the timeout", ms) }
}

/// Those that never change.
fn literals(pairs: &[(String, Text)]) -> Vec<(String, String)> {
    pairs.iter().filter_map(|(name, text)| Some((name.clone(), text.as_literal()?.to_owned()))).collect()
}

/// Refuses what can only be asked of HTTP.
fn only_content(checks: &[program::Check], extract: &[program::Extract], what: &str) -> Result<(), String> {
    let check = checks.iter().find(|check| matches!(check.subject, Subject::Status | Subject::Header(_)));
    if let Some(check) = check {
        return Err(format!("check `{}`: {what} has neither status nor headers", check.name));
    }
    let extract =
        extract.iter().find(|extract| matches!(extract.from, Source::Status | Source::Header(_) | Source::Cookie(_)));
    match extract {
        Some(extract) => Err(format!("extraction of `{}`: {what} has neither status nor headers", extract.variable)),
        None => Ok(()),
    }
}
