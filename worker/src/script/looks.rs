//! An answer as checks and extractions look at it: text, JSON and HTML are read once, and only when somebody looks.

use std::{borrow::Cow, cell::OnceCell, time::Duration};

use regex::Regex;
use scraper::{Html, Selector};
use serde_json::Value as Json;
use serde_json_path::JsonPath;

/// How many things one extraction may find.
pub const MAX_FOUND: usize = 10_000;

/// An answer under examination.
pub struct Looks<'a> {
    pub status: u16,
    pub headers: &'a [(Box<str>, Box<str>)],
    pub body: &'a [u8],
    /// From the first byte sent to the last received.
    pub duration: Duration,
    text: OnceCell<Cow<'a, str>>,
    json: OnceCell<Option<Json>>,
    html: OnceCell<Html>,
}

impl<'a> Looks<'a> {
    /// An answer that nobody has looked at yet.
    pub fn new(status: u16, headers: &'a [(Box<str>, Box<str>)], body: &'a [u8], duration: Duration) -> Self {
        let (text, json, html) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { status, headers, body, duration, text, json, html }
    }

    /// The body; what is no UTF-8 is replaced.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| String::from_utf8_lossy(self.body))
    }

    /// The values of all headers of this name.
    pub fn headers_of<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// What the path finds; nothing in a body that is no JSON.
    pub fn json(&self, path: &JsonPath) -> Vec<&Json> {
        let json = self.json.get_or_init(|| serde_json::from_slice(self.body).ok());
        json.as_ref().map(|json| path.query(json).into_iter().take(MAX_FOUND).collect()).unwrap_or_default()
    }

    /// What the selector finds: an attribute, or the text, without the spaces around it.
    pub fn css(&self, selector: &Selector, attribute: Option<&str>) -> Vec<String> {
        let found = self.html().select(selector).take(MAX_FOUND);
        match attribute {
            Some(name) => found.filter_map(|element| element.value().attr(name).map(ToOwned::to_owned)).collect(),
            None => found.map(|element| element.text().collect::<String>().trim().to_owned()).collect(),
        }
    }

    /// The body as HTML, in which nothing is ever wrong.
    pub fn html(&self) -> &Html {
        self.html.get_or_init(|| Html::parse_document(self.text()))
    }

    /// What the group of each match holds.
    pub fn regex(&self, pattern: &Regex, group: usize) -> impl Iterator<Item = &str> {
        pattern
            .captures_iter(self.text())
            .filter_map(move |captures| Some(captures.get(group)?.as_str()))
            .take(MAX_FOUND)
    }

    /// What stands between two texts, each time.
    pub fn between<'b>(&'b self, left: &'b str, right: &'b str) -> impl Iterator<Item = &'b str> {
        let mut rest = self.text();
        std::iter::from_fn(move || {
            let begin = rest.find(left)? + left.len();
            let length = rest[begin..].find(right)?;
            let found = &rest[begin..begin + length];
            rest = &rest[begin + length + right.len()..];
            Some(found)
        })
        .take(MAX_FOUND)
    }

    /// The values of the cookies of this name that the answer sets.
    pub fn cookies<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.headers_of("set-cookie").filter_map(move |header| {
            let (found, value) = header.split(';').next()?.split_once('=')?;
            (found.trim() == name).then(|| value.trim())
        })
    }
}

/// JSON as a variable holds it: texts without their quotes.
pub fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
