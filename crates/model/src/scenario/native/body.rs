//! What a request sends, and JSON with holes: a hole inside a text is escaped as JSON needs it.

use super::{
    scope::Scope,
    steps::file,
    values::{items, one_of, optional, required, templates},
};
use crate::{
    document::{Node, Value},
    expression::{Expression, Function},
    fields::Fields,
    problem::Problem,
    program::{Body, Part as BodyPart, PartContent},
    scenario::{body::to_json, limits},
    template::{Part, Template},
};

/// Parts of a multipart body.
const MAX_PARTS: usize = 100;

/// The body below one of its five keys, with the content type that goes with it unless there is one.
pub(super) fn read(fields: &mut Fields<'_>, headers: &mut Vec<(String, Template)>, scope: &mut Scope<'_>) -> Body {
    let Some((key, node)) = one_of(fields, &["body", "json", "form", "multipart", "file"]) else { return Body::None };
    let path = fields.path_of(key);
    match key {
        "body" => {
            let check = |template: &Template| limits::body(&template.render(|_| String::new())).map(drop);
            if node.text().is_none() {
                let message = format!("expected text, found {}", node.kind());
                let problem = Problem::at(node.place, path, message);
                fields.problems().push(problem.hint("write `json` for data, or `form` for fields"));
                return Body::None;
            }
            let template = scope.template_at(node, &path, fields.problems(), check);
            template.filter(|template| !template.is_empty()).map_or(Body::None, Body::Text)
        }
        "json" => {
            let Some(template) = json(node, &path, scope, fields.problems()) else { return Body::None };
            if let Err(why) = limits::body(&template.render(|_| String::new())) {
                fields.reject(key, node, why);
            }
            default_content_type(headers, "application/json");
            Body::Text(template)
        }
        "form" => {
            default_content_type(headers, "application/x-www-form-urlencoded");
            Body::Form(templates(fields, "form", scope, |_, _| Ok(())))
        }
        "multipart" => Body::Multipart(multipart(node, &path, scope, fields.problems())),
        _ => file(fields, key, node, scope).map_or(Body::None, Body::Bytes),
    }
}

fn default_content_type(headers: &mut Vec<(String, Template)>, content_type: &str) {
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), Template::literal(content_type)));
    }
}

fn multipart(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Vec<BodyPart> {
    let listed = items(node, path, problems);
    if matches!(node.value, Value::Sequence(_)) && !(1..=MAX_PARTS).contains(&listed.len()) {
        let message = format!("expected 1 to {MAX_PARTS} parts, found {}", listed.len());
        problems.push(Problem::at(node.place, path, message));
    }
    listed.iter().filter_map(|(path, item)| part(item, path, scope, problems)).collect()
}

fn part(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<BodyPart> {
    let mut fields = Fields::of(node, path, problems)?;
    let name = required(&mut fields, "name", quotable);
    let file_name = optional(&mut fields, "file_name", quotable);
    let content_type =
        optional(&mut fields, "content_type", |text| limits::header("content-type", text).map(|()| text.to_owned()));
    let content = super::steps::content(&mut fields, &["text", "file"], true);
    let (content, named) = match content {
        Some(("text", _)) => (super::values::template(&mut fields, "text", scope).map(PartContent::Text), None),
        Some((key, node)) => {
            let bytes = file(&mut fields, key, node, scope).map(PartContent::Bytes);
            (bytes, node.text().and_then(|name| name.rsplit('/').next()).map(ToOwned::to_owned))
        }
        None => (None, None),
    };
    fields.finish_knowing(&[("filename", "write `file_name`"), ("value", "write `text`"), ("path", "write `file`")]);
    Some(BodyPart { name: name?, file_name: file_name.or(named), content_type, content: content? })
}

/// What may stand between quotes of a header.
fn quotable(text: &str) -> Result<String, String> {
    match text.chars().any(|c| c.is_control() || c == '"') {
        false if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected text without quotes and control characters".to_owned()),
    }
}

/// Text with holes; anything but text as JSON with holes.
pub(super) fn value(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<Template> {
    match node.value {
        Value::Scalar { .. } => scope.template_at(node, path, problems, |_| Ok(())),
        _ => json(node, path, scope, problems),
    }
}

/// Data as JSON. Holes inside texts are escaped; a text tagged `!raw` is put in as it is, for numbers and whole documents.
pub(super) fn json(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<Template> {
    let before = problems.len();
    let mut parts = Vec::new();
    write(node, path, scope, problems, &mut parts);
    (problems.len() == before).then(|| Template::of_parts(parts))
}

fn write(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>, parts: &mut Vec<Part>) {
    let mut text = |text: &str| parts.push(Part::Text(text.to_owned()));
    match &node.value {
        Value::Scalar { text: inside, .. } if inside.contains("{{") => {
            let template = scope.template_at(node, path, problems, |_| Ok(())).unwrap_or_default();
            if node.tag.as_deref() == Some("raw") {
                parts.extend(template.parts().iter().cloned());
            } else {
                quoted(&template, parts);
            }
        }
        Value::Scalar { .. } => text(&to_json(node).to_string()),
        Value::Sequence(items) => {
            text("[");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    parts.push(Part::Text(",".to_owned()));
                }
                write(item, &format!("{path}[{at}]"), scope, problems, parts);
            }
            parts.push(Part::Text("]".to_owned()));
        }
        Value::Mapping(entries) => {
            text("{");
            for (at, (key, value)) in entries.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                parts.push(Part::Text(comma.to_owned()));
                match scope.template(&key.text, key.place, path) {
                    Ok(template) => quoted(&template, parts),
                    Err(why) => problems.push(Problem::at(key.place, path, why)),
                }
                parts.push(Part::Text(":".to_owned()));
                write(value, &format!("{path}.{}", key.text), scope, problems, parts);
            }
            parts.push(Part::Text("}".to_owned()));
        }
    }
}

/// A text between quotes.
fn quoted(template: &Template, parts: &mut Vec<Part>) {
    parts.push(Part::Text("\"".to_owned()));
    for part in template.parts() {
        parts.push(match part {
            Part::Text(text) => {
                let written = serde_json::Value::from(text.as_str()).to_string();
                Part::Text(written[1..written.len() - 1].to_owned())
            }
            Part::Hole(already @ Expression::Call(Function::JsonEscape, _)) => Part::Hole(already.clone()),
            Part::Hole(expression) => Part::Hole(Expression::Call(Function::JsonEscape, vec![expression.clone()])),
        });
    }
    parts.push(Part::Text("\"".to_owned()));
}

/// A message: text with holes, or data as JSON.
pub(super) fn message(
    fields: &mut Fields<'_>,
    key: &'static str,
    node: &Node,
    scope: &mut Scope<'_>,
) -> Option<Template> {
    let path = fields.path_of(key);
    let template = value(node, &path, scope, fields.problems())?;
    match limits::body(&template.render(|_| String::new())) {
        Ok(_) => Some(template),
        Err(why) => {
            fields.reject(key, node, why);
            None
        }
    }
}
