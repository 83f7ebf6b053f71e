//! What is looked at and kept of an answer: `assert…` and `extract-…`, as JMeter judges and finds.

use super::reader::{Reader, join, present};
use crate::{
    document::{Node, Value},
    program::{Check, Extract, Source, Subject, Test, Which},
    scenario::patterns,
    template::Template,
};

/// What JMeter's variable holds when nothing is found, unless `default` says otherwise.
const NOT_FOUND: &str = "NOT_FOUND";
/// Selectors that JMeter's library knows and CSS does not.
const JSOUP: [&str; 8] = [":contains(", ":containsOwn(", ":matches(", ":eq(", ":lt(", ":gt(", "~=", "^"];
const XPATH: &str = "use `extract-css-jquery` or `extract-jsonpath`: this release reads no XPath";

/// What a request says about its answer.
#[derive(Default)]
pub(super) struct Judged {
    pub checks: Vec<Check>,
    /// Whether any status is good unless a check says otherwise.
    pub any_status: bool,
    pub extract: Vec<Extract>,
}

impl Reader<'_> {
    pub(super) fn judged(&mut self, node: &Node, path: &str) -> Judged {
        let mut judged = Judged::default();
        if let Some(asserts) = present(node, "assert") {
            let path = join(path, "assert");
            let items = self.items(asserts);
            for (index, item) in items.iter().enumerate() {
                self.assertion(item, &format!("{path}[{index}]"), &mut judged);
            }
        }
        if let Some(asserts) = present(node, "assert-jsonpath") {
            let path = join(path, "assert-jsonpath");
            let items = self.items(asserts);
            let checks = items.iter().enumerate();
            judged
                .checks
                .extend(checks.filter_map(|(index, item)| self.json_path_check(item, &format!("{path}[{index}]"))));
        }
        self.refuse_keys(node, path, &[("assert-xpath", XPATH), ("extract-xpath", XPATH)]);
        for key in ["extract-regexp", "extract-jsonpath", "extract-css-jquery", "extract-boundary"] {
            let Some(extractors) = present(node, key) else { continue };
            let path = join(path, key);
            if !self.is_object(extractors, &path) {
                continue;
            }
            for (variable, value) in extractors.entries() {
                let path = join(&path, &variable.text);
                if !super::holes::is_name(&variable.text) {
                    self.reject(value, &path, format!("`{}` is not the name of a variable", variable.text));
                } else if let Some(extract) = self.extractor(key, &variable.text, value, &path) {
                    judged.extract.push(extract);
                }
            }
        }
        unique(&mut judged.checks);
        judged
    }

    fn assertion(&mut self, node: &Node, path: &str, judged: &mut Judged) {
        let whole = matches!(node.value, Value::Mapping(_));
        if whole {
            self.warn_unknown_keys(node, path, &["contains", "subject", "regexp", "not", "assume-success"]);
        }
        let (regexp, not) = (self.switch(node, path, "regexp"), self.switch(node, path, "not").unwrap_or(false));
        judged.any_status |= self.switch(node, path, "assume-success").unwrap_or(false);
        let subject = self.optional(node, path, "subject", |text| match text {
            "body" | "headers" | "http-code" => Ok(text.to_owned()),
            _ => Err(format!("`{text}` is not looked at here; expected body, headers or http-code")),
        });
        let subject = subject.unwrap_or_else(|| "body".to_owned());
        let contains = if whole { present(node, "contains") } else { Some(node) };
        let Some(contains) = contains else { return self.missing(node, path, "contains") };
        for item in self.items(contains) {
            let path = if whole { join(path, "contains") } else { path.to_owned() };
            if let Some(check) = self.contains(item, &path, &subject, regexp.unwrap_or(true), not) {
                judged.checks.push(check);
            }
        }
    }

    fn contains(&mut self, item: &Node, path: &str, subject: &str, regexp: bool, not: bool) -> Option<Check> {
        let text = item.text().unwrap_or_default();
        let (looked_at, text) = match subject {
            "http-code" => (Subject::Status, text),
            "headers" => match text.trim_start_matches('^').split_once(':') {
                Some((name, value)) if crate::scenario::limits::header(name, "").is_ok() => {
                    // The blank after the colon is no part of a header's value.
                    let value = value.strip_prefix("\\s*").or_else(|| value.strip_prefix("\\s")).unwrap_or(value);
                    (Subject::Header(name.to_owned()), value.trim_start())
                }
                _ => {
                    self.refuse(item, path, "one header is looked at, by its name", "write `Name: value`");
                    return None;
                }
            },
            _ => (Subject::Body, text),
        };
        let node = Node { value: Value::Scalar { text: text.to_owned(), plain: false }, ..item.clone() };
        let test = if regexp && !is_plain(text) {
            let pattern = self.check(&node, path, |text| patterns::regex(text).map(|_| text.to_owned()))?;
            Test::Matches(pattern)
        } else {
            Test::Contains(self.template(&node, path)?)
        };
        let name = format!("{subject} {}{}", if not { "without " } else { "with " }, item.text().unwrap_or_default());
        Some(Check { name: short(&name), subject: looked_at, test, not })
    }

    fn json_path_check(&mut self, node: &Node, path: &str) -> Option<Check> {
        let whole = matches!(node.value, Value::Mapping(_));
        let known = ["jsonpath", "validate", "expected-value", "expect-null", "invert", "regexp"];
        if whole {
            self.warn_unknown_keys(node, path, &known);
            self.refuse_keys(node, path, &[("expect-null", "write `invert: true` for what must not be there")]);
        }
        let read = |text: &str| patterns::json_path(text).map(|()| text.to_owned());
        let json_path = if whole { self.required(node, path, "jsonpath", read) } else { self.check(node, path, read) }?;
        let not = self.switch(node, path, "invert").unwrap_or(false);
        let regexp = self.switch(node, path, "regexp").unwrap_or(true);
        let validate = self.switch(node, path, "validate").unwrap_or(false);
        let expected = present(node, "expected-value");
        let test = match expected {
            None => Test::Exists,
            Some(expected) if !validate => {
                let path = join(path, "expected-value");
                self.warn(expected.place, &path, "`expected-value` is ignored without `validate: true`, as in Taurus");
                Test::Exists
            }
            Some(expected) => {
                let path = join(path, "expected-value");
                let text = expected.text().unwrap_or_default();
                if regexp && !is_plain(text) {
                    let whole = |text: &str| patterns::regex(text).map(|_| format!("^(?:{text})$"));
                    Test::Matches(self.check(expected, &path, whole)?)
                } else {
                    Test::Equals(self.template(expected, &path)?)
                }
            }
        };
        let what =
            expected.filter(|_| validate).and_then(Node::text).map(|text| format!(" = {text}")).unwrap_or_default();
        let name = short(&format!("{}{json_path}{what}", if not { "not " } else { "" }));
        Some(Check { name, subject: Subject::JsonPath(json_path), test, not })
    }

    fn extractor(&mut self, key: &str, variable: &str, node: &Node, path: &str) -> Option<Extract> {
        let whole = matches!(node.value, Value::Mapping(_));
        self.refuse_keys(
            node,
            path,
            &[
                ("from-variable", "extract from the answer itself"),
                ("concat", "use `foreach` on all matches (`match-no: -1`)"),
                ("scope", "leave it out: the answer itself is looked at"),
            ],
        );
        let (from, first) = match key {
            "extract-regexp" => (self.regexp(node, path, whole)?, 1),
            "extract-boundary" => (self.boundary(node, path)?, 1),
            "extract-css-jquery" => (self.css(node, path, whole)?, 0),
            _ => {
                let read = |text: &str| patterns::json_path(text).map(|()| text.to_owned());
                let found =
                    if whole { self.required(node, path, "jsonpath", read) } else { self.check(node, path, read) };
                self.known(node, path, &["jsonpath"]);
                (Source::JsonPath(found?), 0)
            }
        };
        let number = self.optional(node, path, "match-no", |text| {
            text.parse::<i64>()
                .ok()
                .filter(|number| *number >= -1)
                .ok_or_else(|| format!("expected -1 for all, 0 for any, or the number of one from 1, found `{text}`"))
        });
        let which = match number.unwrap_or(first) {
            -1 => Which::All,
            // A path that finds one thing at most needs no chance.
            0 if matches!(&from, Source::JsonPath(path) if !path.contains(['*', '?', ':', ',']) && !path.contains("..")) => {
                Which::At(0)
            }
            0 => Which::Random,
            number => Which::At(usize::try_from(number - 1).unwrap_or(0)),
        };
        let default = match present(node, "default") {
            Some(default) => self.template(default, &join(path, "default"))?,
            // A list that is empty rather than a word in its place.
            None if which == Which::All => Template::literal("[]"),
            None => Template::literal(NOT_FOUND),
        };
        Some(Extract { variable: variable.to_owned(), from, which, default: Some(default) })
    }

    fn known(&mut self, node: &Node, path: &str, own: &[&'static str]) {
        let common = ["default", "match-no", "from-variable", "concat", "scope"];
        let known: Vec<&str> = own.iter().chain(&common).copied().collect();
        self.warn_unknown_keys(node, path, &known);
    }

    fn regexp(&mut self, node: &Node, path: &str, whole: bool) -> Option<Source> {
        self.known(node, path, &["regexp", "template", "subject"]);
        let read = |text: &str| patterns::regex(text).map(|groups| (text.to_owned(), groups));
        let found = if whole { self.required(node, path, "regexp", read) } else { self.check(node, path, read) };
        let group = self.optional(node, path, "template", |text| {
            let number = text.strip_prefix('$').and_then(|text| text.strip_suffix('$')).unwrap_or(text);
            number
                .parse::<usize>()
                .map_err(|_| format!("expected the number of one group, as 1 or $1$, found `{text}`"))
        });
        let subject = self.optional(node, path, "subject", |text| match text {
            "body" | "body-unescaped" | "body-as-document" | "http-headers" | "response-headers" | "headers" => {
                Ok(text.to_owned())
            }
            _ => Err(format!("`{text}` is not looked at here; expected body or http-headers")),
        });
        let ((pattern, groups), group) = (found?, group.unwrap_or(1));
        if group > groups {
            let why = format!("`{pattern}` has {groups} groups, and number {group} is asked for");
            self.refuse(node, path, why, "put what is to be kept into parentheses");
            return None;
        }
        match subject.as_deref() {
            None | Some("body") => Some(Source::Regex { pattern, group }),
            Some(headers) if headers.ends_with("headers") => self.header(&pattern, node, path),
            Some(_) => {
                self.refuse(node, &join(path, "subject"), "the body is looked at as it is", "write `subject: body`");
                None
            }
        }
    }

    /// `Name: (.+)` is the value of a header; anything finer is not found there.
    fn header(&mut self, pattern: &str, node: &Node, path: &str) -> Option<Source> {
        let name = pattern.split_once(':').and_then(|(name, value)| {
            let value = value.trim_start().trim_start_matches("\\s*");
            matches!(value, "(.+)" | "(.*)" | "(.+?)$" | "([^\\r\\n]+)").then_some(name)
        });
        match name.filter(|name| crate::scenario::limits::header(name, "").is_ok()) {
            Some(name) => Some(Source::Header(name.to_owned())),
            None => {
                self.refuse(node, path, "a header is kept as a whole", "write `Name: (.+)`");
                None
            }
        }
    }

    fn css(&mut self, node: &Node, path: &str, whole: bool) -> Option<Source> {
        self.known(node, path, &["expression", "attribute"]);
        let read =
            |text: &str| match JSOUP.iter().find(|own| text.contains(**own) && (**own != "^" || text.contains("[^"))) {
                Some(own) => Err(format!("`{own}` is jsoup's own and no CSS; write a plain selector")),
                None => patterns::selector(text).map(|()| text.to_owned()),
            };
        let found = if whole { self.required(node, path, "expression", read) } else { self.check(node, path, read) };
        let attribute = self.optional(node, path, "attribute", |text| Ok(text.to_owned()));
        Some(Source::Css { selector: found?, attribute })
    }

    fn boundary(&mut self, node: &Node, path: &str) -> Option<Source> {
        if !self.is_object(node, path) {
            return None;
        }
        self.known(node, path, &["left", "right", "subject"]);
        self.optional(node, path, "subject", |text| {
            if text == "body" { Ok(()) } else { Err(format!("`{text}` is not looked at here; expected body")) }
        });
        let left = self.required(node, path, "left", |text| Ok(text.to_owned()));
        let right = self.required(node, path, "right", |text| Ok(text.to_owned()));
        Some(Source::Between { left: left?, right: right? })
    }
}

/// Whether a regular expression says no more than its own letters and JMeter's holes.
fn is_plain(text: &str) -> bool {
    let mut letters = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        letters.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    letters.push_str(rest);
    !letters.contains(['\\', '^', '$', '.', '|', '?', '*', '+', '(', ')', '[', ']', '{', '}'])
}

/// A name for reports.
fn short(name: &str) -> String {
    const MOST: usize = 120;
    let line: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    line.trim().to_owned()
}

/// Checks of one request are counted by their names.
fn unique(checks: &mut [Check]) {
    for at in 1..checks.len() {
        let (before, rest) = checks.split_at_mut(at);
        let check = &mut rest[0];
        let mut number = 2;
        let name = check.name.clone();
        while before.iter().any(|other| other.name == check.name) {
            check.name = format!("{name} ({number})");
            number += 1;
        }
    }
}
