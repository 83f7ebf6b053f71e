//! `${NAME}` and `${NAME:-default}` in the values of a document.
//!
//! Values are replaced after the document was read, so that what a variable holds can never become structure. `$${` stands
//! for `${`. Whatever else follows a `$` is left alone.

use crate::{
    document::{Node, Value},
    problem::{Place, Problem},
};

/// How a variable's value is found.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every variable; the answer is a problem for each that is not set and has no default, which stays as it stands.
pub(super) fn substitute(root: &mut Node, lookup: Lookup<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    each_text(root, "", &mut |text, place, path| {
        *text = replace(text, lookup, &mut |name| problems.push(unset(place, path, name)));
    });
    problems
}

/// Visits every scalar that has a `${` in it, with its place and its path.
pub(super) fn each_text(node: &mut Node, path: &str, visit: &mut dyn FnMut(&mut String, Place, &str)) {
    let place = node.place;
    match &mut node.value {
        Value::Scalar { text, .. } if text.contains("${") => visit(text, place, path),
        Value::Scalar { .. } => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                each_text(item, &format!("{path}[{index}]"), visit);
            }
        }
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let below = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                each_text(value, &below, visit);
            }
        }
    }
}

fn unset(place: Place, path: &str, name: &str) -> Problem {
    Problem::at(place, path, format!("the variable `{name}` is not set"))
        .hint(format!("set it, or give a default: ${{{name}:-…}}"))
}

fn replace(text: &str, lookup: Lookup<'_>, unset: &mut dyn FnMut(&str)) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let reference = if escaped { None } else { Reference::read(&rest[at + 2..]) };
        match reference {
            Some(reference) => {
                result.push_str(&rest[..at]);
                let end = at + 2 + reference.length;
                match reference.value(lookup) {
                    Some(value) => result.push_str(&value),
                    None => {
                        unset(reference.name);
                        result.push_str(&rest[at..end]);
                    }
                }
                rest = &rest[end..];
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

/// What stands behind a `${`.
pub(super) struct Reference<'a> {
    /// The variable.
    pub name: &'a str,
    default: Option<&'a str>,
    /// Up to and with the closing brace.
    pub length: usize,
}

impl<'a> Reference<'a> {
    /// Reads `NAME}` or `NAME:-default}`; a name is made of letters, digits and underscores and does not begin with a digit
    /// or with two underscores, which are JMeter's functions.
    pub fn read(text: &'a str) -> Option<Self> {
        let end = text.find('}')?;
        let inner = &text[..end];
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        let first = name.chars().next()?;
        let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (word && !first.is_ascii_digit() && !name.starts_with("__")).then_some(Self { name, default, length: end + 1 })
    }

    /// The variable's value; the default where it is not set or empty.
    pub fn value(&self, lookup: Lookup<'_>) -> Option<String> {
        let value = lookup(self.name).filter(|value| self.default.is_none() || !value.is_empty());
        value.or_else(|| self.default.map(ToOwned::to_owned))
    }
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
