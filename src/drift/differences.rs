//! From CloudFormation's differences to ours: paths as `plan` writes them, and JSON inside of text compared as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Property;
use crate::deploy::diff::{self, Side};

/// One difference, as CloudFormation tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A JSON pointer, as `/Policies/0/PolicyName`.
    pub pointer: String,
    /// What the template describes, as text.
    pub expected: String,
    /// What is deployed, as text.
    pub actual: String,
    /// How they differ.
    pub how: How,
}

/// How two values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is there and was not described.
    Added,
    /// It was described and is not there.
    Removed,
    /// It has another value.
    Other,
}

/// The smallest places that differ in a resource.
pub fn properties(kind: &str, told: &[Told]) -> Vec<Property> {
    let mut properties: Vec<Property> = told.iter().flat_map(|it| places(kind, it)).collect();
    properties.sort_by(|a, b| a.path.cmp(&b.path));
    properties.dedup();
    properties
}

fn places(kind: &str, told: &Told) -> Vec<Property> {
    let path = path(&told.pointer);
    let before = (told.how != How::Added).then(|| value(&told.expected));
    let after = (told.how != How::Removed).then(|| value(&told.actual));
    let finer = match (&before, &after) {
        (Some(before), Some(after)) => finer(kind, &path, before, after),
        _ => Vec::new(),
    };
    // Texts that differ only in how their JSON is written are still what CloudFormation calls a difference.
    if finer.is_empty() { vec![Property { path, before, after, ignored: None }] } else { finer }
}

/// The places inside of two values, found by the same comparison as `plan`'s.
fn finer(kind: &str, path: &str, before: &Value, after: &Value) -> Vec<Property> {
    let side = |value: &Value| {
        let properties = Map::from_iter([(path.to_owned(), value.clone())]);
        Side { resources: BTreeMap::from([(String::new(), json!({"Type": kind, "Properties": properties}))]) }
    };
    let found = diff::resources(&side(before), &side(after));
    let properties = found.into_iter().flat_map(|resource| resource.properties);
    properties
        .map(|it| Property { path: it.at.path, before: it.at.before, after: it.at.after, ignored: None })
        .collect()
}

/// `/Policies/0/PolicyName` as `Policies[0].PolicyName`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for segment in pointer.trim_start_matches('/').split('/') {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if !path.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            path += &format!("[{segment}]");
        } else {
            let dot = if path.is_empty() { "" } else { "." };
            path += &format!("{dot}{segment}");
        }
    }
    path
}

/// Objects, lists, numbers and booleans as what they are; everything else as text.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Null) | Err(_) => Value::String(text.to_owned()),
        // A number that would come back written otherwise, as `1e3` or an id with leading zeros, stays text.
        Ok(Value::Number(number)) if number.to_string() != text => Value::String(text.to_owned()),
        Ok(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pointer: &str, expected: &str, actual: &str, how: How) -> Told {
        Told { pointer: pointer.to_owned(), expected: expected.to_owned(), actual: actual.to_owned(), how }
    }

    fn paths(told: &[Told]) -> Vec<(String, Option<Value>, Option<Value>)> {
        properties("AWS::X::Y", told).into_iter().map(|it| (it.path, it.before, it.after)).collect()
    }

    #[test]
    fn pointers_become_the_paths_that_plan_writes() {
        for (pointer, expected) in [
            ("/RetentionInDays", "RetentionInDays"),
            ("/Policies/0/PolicyName", "Policies[0].PolicyName"),
            ("/Environment/Variables/A~1B", "Environment.Variables.A/B"),
            ("/Tags/1", "Tags[1]"),
        ] {
            assert_eq!(path(pointer), expected);
        }
    }

    #[test]
    fn a_value_is_read_as_what_it_is() {
        for (text, expected) in [
            ("90", json!(90)),
            ("true", json!(true)),
            ("PAY_PER_REQUEST", json!("PAY_PER_REQUEST")),
            ("007", json!("007")),
            ("null", json!("null")),
            (r#"{"a": 1}"#, json!({"a": 1})),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_added_has_no_value_before_and_what_is_removed_none_after() {
        let added = told("/Policies/1", "null", r#"{"PolicyName":"extra"}"#, How::Added);
        let removed = told("/Encryption", "on", "null", How::Removed);
        let expected = [
            ("Encryption".to_owned(), Some(json!("on")), None),
            ("Policies[1]".to_owned(), None, Some(json!({"PolicyName": "extra"}))),
        ];
        assert_eq!(paths(&[added, removed]), expected);
    }

    #[test]
    fn inside_of_values_only_the_places_that_differ_are_told() {
        let policy = told("/Document", r#"{"a":[1,2],"b":3}"#, r#"{"a":[1,5],"b":3}"#, How::Other);
        assert_eq!(paths(&[policy]), [("Document.a[1]".to_owned(), Some(json!(2)), Some(json!(5)))]);
    }

    #[test]
    fn json_that_is_only_written_otherwise_is_still_told() {
        let written = told("/Body", r#""{\"a\":1}""#, r#""{ \"a\": 1 }""#, How::Other);
        assert_eq!(paths(&[written]).len(), 1);
    }
}
