//! What is kept of an answer: a variable, and where its value is found.

use super::{
    scope::{Scope, variable},
    steps::content,
    values::{optional, template, text_of},
};
use crate::{
    document::{Node, Value},
    fields::Fields,
    problem::Problem,
    program::{Extract, Source, Which},
    scenario::{
        limits::{self, MAX_NAMES},
        patterns,
    },
};

/// Where something may be found in an answer of HTTP.
pub(super) const ANY: [&str; 8] = ["json", "regex", "header", "css", "cookie", "between", "status", "body"];
/// In a message, or in what came over TCP.
pub(super) const IN_A_MESSAGE: [&str; 4] = ["json", "regex", "between", "body"];
/// In an answer of gRPC.
pub(super) const IN_A_CALL: [&str; 5] = ["json", "regex", "between", "status", "body"];

/// Things of which more are counted than a worker should hold.
const MAX_WHICH: u64 = 1_000_000;

const WORDS: [(&str, &str); 8] = [
    ("jsonpath", "write `json`"),
    ("regexp", "write `regex`"),
    ("selector", "write `css`"),
    ("attr", "write `attribute`"),
    ("index", "write `which`"),
    ("match-no", "write `which`, counted from 0, or `random`"),
    ("template", "write `group`"),
    ("as", "the variable's name is the key: `token: { json: $.token }`"),
];

/// The variables below `extract`, each found in one of the places that there are.
pub(super) fn read(fields: &mut Fields<'_>, scope: &mut Scope<'_>, places: &[&'static str]) -> Vec<Extract> {
    let Some(node) = fields.optional("extract") else { return Vec::new() };
    let path = fields.path_of("extract");
    let entries = fields.optional_map("extract");
    if entries.len() > MAX_NAMES {
        fields.reject("extract", node, format!("expected at most {MAX_NAMES} variables, found {}", entries.len()));
    }
    let mut extracts = Vec::new();
    for (key, node) in entries {
        let path = format!("{path}.{}", key.text);
        let name = variable(&key.text).map_err(|why| fields.problems().push(Problem::at(key.place, &path, why)));
        let found = extraction(node, &path, scope, places, fields.problems());
        let Ok(variable) = name else { continue };
        scope.set(&variable);
        extracts.extend(found.map(|(from, which, default)| Extract { variable, from, which, default }));
    }
    extracts
}

type Found = (Source, Which, Option<crate::template::Template>);

fn extraction(
    node: &Node,
    path: &str,
    scope: &mut Scope<'_>,
    places: &[&'static str],
    problems: &mut Vec<Problem>,
) -> Option<Found> {
    if node.text().is_some() {
        let short = text_of(node).and_then(|text| match text {
            "status" | "body" if !places.contains(&text) => Err(format!("there is no `{text}` here")),
            "status" => Ok(Source::Status),
            "body" => Ok(Source::Body),
            path => patterns::json_path(path).map(|()| Source::JsonPath(path.to_owned())),
        });
        let found = short.map_err(|why| problems.push(Problem::at(node.place, path, why))).ok()?;
        return Some((found, Which::default(), None));
    }
    let mut fields = Fields::of(node, path, problems)?;
    let found = content(&mut fields, places, true);
    let from = found.and_then(|(key, node)| source(&mut fields, key, node));
    let which = optional(&mut fields, "which", which).unwrap_or_default();
    let default = template(&mut fields, "default", scope);
    fields.finish_knowing(&WORDS);
    Some((from?, which, default))
}

fn source(fields: &mut Fields<'_>, key: &'static str, node: &Node) -> Option<Source> {
    let text = |fields: &mut Fields<'_>, check: fn(&str) -> Result<(), String>| {
        optional(fields, key, |text| check(text).map(|()| text.to_owned()))
    };
    match key {
        "json" => text(fields, patterns::json_path).map(Source::JsonPath),
        "regex" => regex(fields),
        "header" => text(fields, |name| limits::header(name, "")).map(Source::Header),
        "css" => {
            let selector = text(fields, patterns::selector);
            let attribute = optional(fields, "attribute", limits::key);
            selector.map(|selector| Source::Css { selector, attribute })
        }
        "cookie" => text(fields, |name| limits::header(name, "").map_err(|_| "expected a cookie's name".to_owned()))
            .map(Source::Cookie),
        "between" => match (&node.value, node.items()) {
            (Value::Sequence(_), [left, right]) if left.text().is_some() && right.text().is_some() => {
                let text = |node: &Node| node.text().unwrap_or_default().to_owned();
                Some(Source::Between { left: text(left), right: text(right) })
            }
            _ => {
                fields.reject("between", node, "expected two texts: `[\"<b>\", \"</b>\"]`");
                None
            }
        },
        key => {
            fields.optional_bool(key)?;
            Some(if key == "status" { Source::Status } else { Source::Body })
        }
    }
}

/// The whole match counts as group 0; without a group, the first one is meant if there is any.
fn regex(fields: &mut Fields<'_>) -> Option<Source> {
    let mut groups = 0;
    let pattern = optional(fields, "regex", |text| {
        groups = patterns::regex(text)?;
        Ok(text.to_owned())
    })?;
    let most = groups as u64;
    let given = fields.optional("group").is_some();
    let group = optional(fields, "group", |text| limits::number(text, 0, most));
    let group = if given { group? } else { most.min(1) };
    Some(Source::Regex { pattern, group: usize::try_from(group).expect("a number of groups") })
}

fn which(text: &str) -> Result<Which, String> {
    match text {
        "first" => Ok(Which::At(0)),
        "random" => Ok(Which::Random),
        "all" => Ok(Which::All),
        text => limits::number(text, 0, MAX_WHICH)
            .map(|at| Which::At(usize::try_from(at).expect("at most MAX_WHICH")))
            .map_err(|_| format!("expected first, random, all or a number from 0, found `{text}`")),
    }
}
