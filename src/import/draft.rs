//! A scenario on its way to YAML. Texts are written in double quotes, where nothing they hold can become structure.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// What it is called.
    pub name: String,
    /// What paths are put behind.
    pub base_url: Option<String>,
    /// In order.
    pub requests: Vec<Request>,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Under which name it is counted.
    pub label: String,
    /// `GET`, `POST`, ….
    pub method: String,
    /// A path, or a whole URL.
    pub url: Text,
    /// In order.
    pub headers: Vec<(String, Text)>,
    /// What is sent.
    pub body: Body,
    /// Statuses that are a success, if not all from 200 to 399.
    pub expect: Vec<u16>,
    /// The pause after it, in milliseconds.
    pub think_time_ms: u64,
    /// What a reader should know, a line each.
    pub hints: Vec<String>,
}

/// What a request sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// Text as it is.
    Text(Text),
    /// Data that is sent as JSON; its texts may hold placeholders.
    Json(Json),
}

/// Text that may hold placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    /// `${NAME}`, or `${NAME:-default}`.
    Asked(String, Option<String>),
}

impl Text {
    /// Text as it is.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Piece::Plain(text.into())])
    }

    /// What a variable of the environment holds.
    pub fn asked(name: impl Into<String>, default: Option<String>) -> Self {
        Self(vec![Piece::Asked(name.into(), default)])
    }

    /// One text after the other.
    #[must_use]
    pub fn then(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// As it is written into a scenario: what would be a hole or a variable of ours is escaped.
    pub(super) fn written(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => {
                let text = text.replace("${", "$${");
                if text.contains("{{") { text.replace('{', "{{ \"{\" }}") } else { text }
            }
            Piece::Asked(name, None) => format!("${{{name}}}"),
            // A default ends at the first brace.
            Piece::Asked(name, Some(default)) => format!("${{{name}:-{}}}", default.replace(['{', '}', '$'], "")),
        };
        self.0.iter().map(piece).collect()
    }
}

impl Draft {
    /// The scenario as YAML, with what its reader should know as comments.
    pub fn yaml(&self, notes: &[String]) -> String {
        let mut text = String::new();
        for note in notes {
            for line in note.lines() {
                writeln!(text, "# {line}").expect("memory");
            }
        }
        writeln!(text, "name: {}", quoted(&self.name)).expect("memory");
        text.push_str("load:                # how much, and for how long\n  virtual_users: 1\n  hold_for: 1m\n");
        if let Some(base_url) = &self.base_url {
            writeln!(text, "defaults:\n  base_url: {}", quoted(base_url)).expect("memory");
        }
        text.push_str("requests:\n");
        self.requests.iter().for_each(|request| request.write(&mut text));
        text
    }
}

impl Request {
    fn write(&self, text: &mut String) {
        for hint in self.hints.iter().flat_map(|hint| hint.lines()) {
            writeln!(text, "  # {hint}").expect("memory");
        }
        let label = Text::plain(&self.label).written();
        writeln!(text, "  - label: {}\n    method: {}", quoted(&label), self.method).expect("memory");
        writeln!(text, "    url: {}", quoted(&self.url.written())).expect("memory");
        if !self.headers.is_empty() {
            text.push_str("    headers:\n");
            for (name, value) in &self.headers {
                writeln!(text, "      {}: {}", quoted(name), quoted(&value.written())).expect("memory");
            }
        }
        match &self.body {
            Body::None => {}
            Body::Text(body) => writeln!(text, "    body: {}", quoted(&body.written())).expect("memory"),
            // JSON is YAML.
            Body::Json(json) => writeln!(text, "    json: {json}").expect("memory"),
        }
        match self.expect.as_slice() {
            [] => {}
            [one] => writeln!(text, "    expect: {one}").expect("memory"),
            several => writeln!(text, "    expect: {several:?}").expect("memory"),
        }
        if self.think_time_ms > 0 {
            writeln!(text, "    think_time: {}ms", self.think_time_ms).expect("memory");
        }
    }
}

/// A text in double quotes as YAML has them; JSON's are the same but for characters beyond 16 bits, which stay as they are.
fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use dlt_model::template::Template;

    use super::*;

    #[test]
    fn nothing_a_text_holds_becomes_a_hole_or_a_variable() {
        let text = Text::plain("{{ x }} ${HOME} {")
            .then(Text::asked("TOKEN", None))
            .then(Text::asked("ID", Some("{7}".into())));
        // Readers put in variables first, which makes `${` of `$${`.
        let read: Template = text.written().replace("$${", "${").parse().expect("a template");
        assert_eq!(read.as_literal(), Some("{{ x }} ${HOME} {${TOKEN}${ID:-7}"));
    }
}
