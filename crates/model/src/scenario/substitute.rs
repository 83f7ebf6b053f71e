//! `${NAME}` and `${NAME:-default}` in the values of a document.
//!
//! Values are replaced after the document was read, so that what a variable holds can never become structure. `$${` stands
//! for `${`. Whatever else follows a `$` is left alone.

use crate::{
    document::{Node, Value},
    problem::{Place, Problem},
};

/// Replaces every variable; the answer is a problem for each that is not set and has no default, which stays as it stands.
pub(super) fn substitute(root: &mut Node, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(root, "", lookup, &mut problems);
    problems
}

fn walk(node: &mut Node, path: &str, lookup: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
    let place = node.place;
    match &mut node.value {
        Value::Scalar { text, .. } if text.contains("${") => {
            let replaced = replace(text, lookup, &mut |name| problems.push(unset(place, path, name)));
            *text = replaced;
        }
        Value::Scalar { .. } => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), lookup, problems);
            }
        }
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let below = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                walk(value, &below, lookup, problems);
            }
        }
    }
}

fn unset(place: Place, path: &str, name: &str) -> Problem {
    Problem::at(place, path, format!("the variable `{name}` is not set"))
        .hint(format!("set it, or give a default: ${{{name}:-…}}"))
}

fn replace(text: &str, lookup: &dyn Fn(&str) -> Option<String>, unset: &mut dyn FnMut(&str)) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let reference = if escaped { None } else { reference(&rest[at + 2..]) };
        match reference {
            Some(Reference { name, default, length }) => {
                result.push_str(&rest[..at]);
                let value = lookup(name).filter(|value| default.is_none() || !value.is_empty());
                match value.or_else(|| default.map(ToOwned::to_owned)) {
                    Some(value) => result.push_str(&value),
                    None => {
                        unset(name);
                        result.push_str(&rest[at..at + 2 + length]);
                    }
                }
                rest = &rest[at + 2 + length..];
            }
            None => {
                result.push_str(if escaped { &rest[..at - 1] } else { &rest[..at] });
                result.push_str("${");
                rest = &rest[at + 2..];
            }
        }
    }
    result + rest
}

struct Reference<'a> {
    name: &'a str,
    default: Option<&'a str>,
    /// Up to and with the closing brace.
    length: usize,
}

/// Reads `NAME}` or `NAME:-default}`; a name is made of letters, digits and underscores and does not begin with a digit or
/// with two underscores, which are JMeter's functions.
fn reference(text: &str) -> Option<Reference<'_>> {
    let end = text.find('}')?;
    let inner = &text[..end];
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let first = name.chars().next()?;
    let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (word && !first.is_ascii_digit() && !name.starts_with("__")).then_some(Reference { name, default, length: end + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> (String, Vec<String>) {
        let mut missing = Vec::new();
        let lookup = |name: &str| match name {
            "HOST" => Some("shop.example".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let result = replace(text, &lookup, &mut |name| missing.push(name.to_owned()));
        (result, missing)
    }

    #[test]
    fn variables_are_replaced_and_defaults_stand_in() {
        for (text, expected) in [
            ("https://${HOST}/a", "https://shop.example/a"),
            ("${NONE:-10}", "10"),
            ("${EMPTY:-10}", "10"),
            ("${EMPTY}", ""),
            ("$${HOST}", "${HOST}"),
            ("${__UUID()}", "${__UUID()}"),
            ("${a b}", "${a b}"),
            ("${HOST", "${HOST"),
            ("100$ ${HOST}${HOST}", "100$ shop.exampleshop.example"),
        ] {
            assert_eq!(replaced(text), (expected.to_owned(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        assert_eq!(replaced("a${NONE}b"), ("a${NONE}b".to_owned(), vec!["NONE".to_owned()]));
    }
}
