//! Values at their places: read, checked, and a problem where they stand when something is wrong.

use super::scope::Scope;
use crate::{
    document::{Node, Value},
    fields::Fields,
    problem::{Problem, suggest},
    template::Template,
};

/// A key that may be absent, read and checked at its place.
pub(super) fn optional<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let node = fields.optional(key)?;
    text_of(node).and_then(read).map_err(|why| fields.reject(key, node, why)).ok()
}

/// A key that must be there, read and checked at its place.
pub(super) fn required<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    fields.required(key)?;
    optional(fields, key, read)
}

/// Text with holes that may be absent.
pub(super) fn template(fields: &mut Fields<'_>, key: &'static str, scope: &mut Scope<'_>) -> Option<Template> {
    let node = fields.optional(key)?;
    let path = fields.path_of(key);
    scope.template_at(node, &path, fields.problems(), |_| Ok(()))
}

/// Text with holes that must be there.
pub(super) fn required_template(fields: &mut Fields<'_>, key: &'static str, scope: &mut Scope<'_>) -> Option<Template> {
    fields.required(key)?;
    template(fields, key, scope)
}

/// Names and texts with holes, in order.
pub(super) fn templates(
    fields: &mut Fields<'_>,
    key: &'static str,
    scope: &mut Scope<'_>,
    check: impl Fn(&str, &Template) -> Result<(), String>,
) -> Vec<(String, Template)> {
    let path = fields.path_of(key);
    let mut read = Vec::new();
    for (name, value) in fields.optional_map(key) {
        let path = format!("{path}.{}", name.text);
        let checked = |template: &Template| check(&name.text, template);
        if let Some(template) = scope.template_at(value, &path, fields.problems(), checked) {
            read.push((name.text.clone(), template));
        }
    }
    read
}

/// One of a few words.
pub(super) fn word<T: Copy>(fields: &mut Fields<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let node = fields.optional(key)?;
    let wrong = match text_of(node) {
        Ok(text) => match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => return Some(*meaning),
            None => format!("expected one of {}, found `{text}`", listed(words)),
        },
        Err(why) => why,
    };
    let meant = node.text().and_then(|text| suggest(text, words.iter().map(|(word, _)| *word)));
    let problem = Problem::at(node.place, fields.path_of(key), wrong);
    let problem = match meant {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None => problem,
    };
    fields.problems().push(problem);
    None
}

fn listed<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// The one of several keys that is there; a second one is a problem.
pub(super) fn one_of<'a>(fields: &mut Fields<'a>, keys: &[&'static str]) -> Option<(&'static str, &'a Node)> {
    let mut found: Option<(&'static str, &'a Node)> = None;
    for key in keys {
        let Some(node) = fields.optional(key) else { continue };
        match found {
            Some((first, _)) => fields.reject(key, node, format!("give either `{first}` or `{key}`, not both")),
            None => found = Some((key, node)),
        }
    }
    found
}

/// The text of a scalar, or what stands there instead.
pub(super) fn text_of(node: &Node) -> Result<&str, String> {
    node.text().ok_or_else(|| format!("expected text, found {}", node.kind()))
}

/// The items of a list, each with its path; a problem when it is something else.
pub(super) fn items<'a>(node: &'a Node, path: &str, problems: &mut Vec<Problem>) -> Vec<(String, &'a Node)> {
    match &node.value {
        Value::Sequence(items) => items.iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect(),
        _ => {
            problems.push(Problem::at(node.place, path, format!("expected a list, found {}", node.kind())));
            Vec::new()
        }
    }
}
