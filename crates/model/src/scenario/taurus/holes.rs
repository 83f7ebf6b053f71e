//! `${…}` of JMeter: variables and functions in a text become holes of ours. `\${` is two plain characters.

use super::{functions, names::Names};
use crate::{
    expression::Expression,
    template::{Part, Template},
};

/// How deeply functions may stand in each other's arguments.
const MAX_DEPTH: usize = 8;

/// Why a text cannot be translated, and what to write instead.
pub(super) type Refused = (String, &'static str);

/// A text as a template, and what its writer should know.
pub(super) fn translate(text: &str, names: &Names) -> Result<(Template, Vec<String>), Refused> {
    let mut warnings = Vec::new();
    let parts = parts(text, names, 0, &mut warnings)?;
    Ok((Template::of_parts(parts), warnings))
}

pub(super) fn parts(text: &str, names: &Names, depth: usize, warnings: &mut Vec<String>) -> Result<Vec<Part>, Refused> {
    if depth > MAX_DEPTH {
        return Err((
            format!("functions are nested more than {MAX_DEPTH} deep"),
            "use `set-variables` for the inner ones",
        ));
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('\\') {
            parts.push(Part::Text(format!("{}${{", &rest[..at - 1])));
            rest = &rest[at + 2..];
            continue;
        }
        parts.push(Part::Text(rest[..at].to_owned()));
        let inside = &rest[at + 2..];
        let Some(end) = end_of_hole(inside) else {
            // JMeter, too, sends what is never closed.
            parts.push(Part::Text("${".to_owned()));
            rest = inside;
            continue;
        };
        parts.extend(hole(&inside[..end], names, depth, warnings)?);
        rest = &inside[end + 1..];
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// Where the closing brace of a hole stands.
fn end_of_hole(inside: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn hole(inner: &str, names: &Names, depth: usize, warnings: &mut Vec<String>) -> Result<Vec<Part>, Refused> {
    if let Some(function) = inner.strip_prefix("__") {
        return functions::call(function, names, depth + 1, warnings);
    }
    if names.is_defined(inner) {
        return if is_name(inner) {
            Ok(vec![Part::Hole(Expression::Variable(inner.to_owned()))])
        } else {
            let why = format!("`{inner}` is not the name of a variable here");
            Err((why, "name it with letters, digits, `_`, `-` and `.`"))
        };
    }
    if inner.contains("${") {
        let why = format!("`${{{inner}}}` makes up the name of a variable, which this release cannot");
        return Err((why, "use `foreach` for lists"));
    }
    if let Some(list) = names.list_of(inner) {
        let why = format!("`${{{inner}}}` is one of the matches of `{list}`, which are kept together here");
        return Err((why, "use `foreach`, or extract this one with `match-no`"));
    }
    if inner.starts_with("JMeterThread.") || inner.starts_with("__jm__") {
        return Err((format!("`${{{inner}}}` is JMeter's own and not known here"), "use a variable of an extractor"));
    }
    warnings.push(format!("`${{{inner}}}` is defined nowhere and stays as it is written, as JMeter leaves it"));
    Ok(vec![Part::Text(format!("${{{inner}}}"))])
}

/// Whether our expressions can name a variable so.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A template that is one value: what an argument or a side of a comparison can be.
pub(super) fn single(parts: Vec<Part>) -> Result<Expression, Refused> {
    let template = Template::of_parts(parts);
    match template.parts() {
        [] => Ok(Expression::Literal(String::new())),
        [Part::Text(text)] => Ok(Expression::Literal(text.clone())),
        [Part::Hole(hole)] => Ok(hole.clone()),
        _ => Err((
            "text and variables are put together here, which this release cannot".to_owned(),
            "put them together in `set-variables` and use that variable",
        )),
    }
}
