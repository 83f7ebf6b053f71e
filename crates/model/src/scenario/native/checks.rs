//! What must be true of an answer: one subject, and one test of it.

use super::{
    scope::Scope,
    steps::content,
    values::{one_of, optional, text_of},
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    fields::Fields,
    problem::Problem,
    program::{Check, Subject, Test},
    scenario::{
        limits::{self, MAX_NAMES},
        patterns,
    },
};

/// What may be looked at in an answer of HTTP.
pub(super) const ANY: [&str; 7] = ["status", "header", "body", "json", "css", "size", "duration"];
/// In a message, or in what came over TCP.
pub(super) const IN_A_MESSAGE: [&str; 2] = ["body", "json"];
/// In an answer of gRPC.
pub(super) const IN_A_CALL: [&str; 5] = ["status", "body", "json", "size", "duration"];

const TESTS: [&str; 6] = ["exists", "equals", "contains", "matches", "at_most", "at_least"];

/// The checks below `checks`, each on one of the subjects that there are.
pub(super) fn read(fields: &mut Fields<'_>, scope: &mut Scope<'_>, subjects: &[&'static str]) -> Vec<Check> {
    let Some(node) = fields.optional("checks") else { return Vec::new() };
    let items = fields.optional_list("checks");
    if items.len() > MAX_NAMES {
        fields.reject("checks", node, format!("expected at most {MAX_NAMES} checks, found {}", items.len()));
    }
    items.iter().filter_map(|(path, item)| check(item, path, scope, subjects, fields.problems())).collect()
}

fn check(
    node: &Node,
    path: &str,
    scope: &mut Scope<'_>,
    subjects: &[&'static str],
    problems: &mut Vec<Problem>,
) -> Option<Check> {
    let mut fields = Fields::of(node, path, problems)?;
    let name = optional(&mut fields, "name", limits::key);
    let not = fields.optional_bool("not").unwrap_or(false);
    let found = content(&mut fields, subjects, true);
    let read = found.and_then(|(key, node)| looked_at(&mut fields, key, node, scope));
    fields.finish_knowing(&WORDS);
    let (subject, test) = read?;
    let name = name.unwrap_or_else(|| described(&subject, &test, not));
    Some(Check { name, subject, test, not })
}

const WORDS: [(&str, &str); 7] = [
    ("statusCode", "write `status`"),
    ("jsonpath", "write `json: { path: … }`"),
    ("subject", "name the subject itself: `status`, `header`, `body`, `json`, `css`, `size` or `duration`"),
    ("contains", "it belongs below the subject: `body: { contains: … }`"),
    ("contentType", "write `header: { name: content-type, contains: … }`"),
    ("regexp", "write `body: { matches: … }`"),
    ("responseTime", "write `duration: { at_most: … }`"),
];

/// `status: 200`, `json: $.id`, `header: { name: location, contains: /home }`.
fn looked_at(
    fields: &mut Fields<'_>,
    key: &'static str,
    node: &Node,
    scope: &mut Scope<'_>,
) -> Option<(Subject, Test)> {
    let path = fields.path_of(key);
    if matches!(node.value, Value::Mapping(_)) {
        let mut inner = Fields::of(node, path, fields.problems())?;
        let subject = named(&mut inner, key);
        let test = test(&mut inner, key, scope);
        inner.finish_knowing(&[("regex", "write `matches`"), ("value", "write `equals`"), ("max", "write `at_most`")]);
        return Some((subject?, test?));
    }
    let read = text_of(node).and_then(|text| match key {
        "status" => limits::number(text, 0, 599).map(|_| (Subject::Status, Some(text))),
        "size" => limits::number(text, 0, u64::MAX).map(|_| (Subject::Size, Some(text))),
        "header" => limits::header(text, "").map(|()| (Subject::Header(text.to_owned()), None)),
        "json" => patterns::json_path(text).map(|()| (Subject::JsonPath(text.to_owned()), None)),
        "css" => patterns::selector(text).map(|()| (Subject::Css(text.to_owned()), None)),
        _ => Err(format!(
            "say what it must be: `{key}: {{ {}: … }}`",
            if key == "body" { "contains" } else { "at_most" }
        )),
    });
    match read {
        Ok((subject, Some(text))) => Some((subject, Test::Equals(crate::template::Template::literal(text)))),
        Ok((subject, None)) => Some((subject, Test::Exists)),
        Err(why) => {
            fields.reject(key, node, why);
            None
        }
    }
}

/// The subject, with its name, path or selector when it has one.
fn named(fields: &mut Fields<'_>, key: &str) -> Option<Subject> {
    let mut required = |name, check: fn(&str) -> Result<(), String>| {
        super::values::required(fields, name, |text| check(text).map(|()| text.to_owned()))
    };
    match key {
        "status" => Some(Subject::Status),
        "body" => Some(Subject::Body),
        "size" => Some(Subject::Size),
        "duration" => Some(Subject::Duration),
        "header" => required("name", |name| limits::header(name, "")).map(Subject::Header),
        "json" => required("path", patterns::json_path).map(Subject::JsonPath),
        _ => required("selector", patterns::selector).map(Subject::Css),
    }
}

/// What it must be; that it is there, when nothing is said.
fn test(fields: &mut Fields<'_>, subject: &str, scope: &mut Scope<'_>) -> Option<Test> {
    let Some((key, node)) = one_of(fields, &TESTS) else { return Some(Test::Exists) };
    let number = |text: &str| match subject {
        "duration" => text.parse::<Duration>().map(milliseconds).map_err(|why| why.to_string()),
        _ => text
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .ok_or_else(|| format!("expected a number, found `{text}`")),
    };
    match key {
        "exists" => match fields.optional_bool("exists")? {
            true => Some(Test::Exists),
            false => {
                fields.reject("exists", node, "write `not: true` beside the subject");
                None
            }
        },
        "equals" if subject == "duration" => {
            fields.reject("equals", node, "no two answers take as long: write `at_most` or `at_least`");
            None
        }
        "equals" => super::values::template(fields, "equals", scope).map(Test::Equals),
        "contains" => super::values::template(fields, "contains", scope).map(Test::Contains),
        "matches" => {
            optional(fields, "matches", |text| patterns::regex(text).map(|_| text.to_owned())).map(Test::Matches)
        }
        "at_most" => optional(fields, "at_most", number).map(Test::AtMost),
        _ => optional(fields, "at_least", number).map(Test::AtLeast),
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
fn milliseconds(span: Duration) -> f64 {
    span.as_millis() as f64
}

/// The name of a check that has none: what it says, in the words of the file.
fn described(subject: &Subject, test: &Test, not: bool) -> String {
    let what = match subject {
        Subject::Status => "status".to_owned(),
        Subject::Header(name) => format!("header {name}"),
        Subject::Body => "body".to_owned(),
        Subject::JsonPath(path) => format!("json {path}"),
        Subject::Css(selector) => format!("css {selector}"),
        Subject::Size => "size".to_owned(),
        Subject::Duration => "duration".to_owned(),
    };
    let unit = if matches!(subject, Subject::Duration) { "ms" } else { "" };
    let must = match test {
        Test::Exists => "exists".to_owned(),
        Test::Equals(value) => format!("equals {value}"),
        Test::Contains(value) => format!("contains {value}"),
        Test::Matches(pattern) => format!("matches {pattern}"),
        Test::AtMost(number) => format!("at most {number}{unit}"),
        Test::AtLeast(number) => format!("at least {number}{unit}"),
    };
    let said = if not { format!("{what} not {must}") } else { format!("{what} {must}") };
    said.chars().take(limits::MAX_KEY_LENGTH).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
