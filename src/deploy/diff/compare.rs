//! Where two values differ: the smallest places, with items of lists matched by what identifies them and text that holds
//! JSON compared as JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{PropertyDiff, items};

/// The smallest places that differ between two values; either may be missing.
pub fn values(path: &str, before: Option<&Value>, after: Option<&Value>) -> Vec<PropertyDiff> {
    let mut found = Vec::new();
    compare(path, before, after, &mut found);
    found
}

pub(super) fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<PropertyDiff>) {
    let (Some(old), Some(new)) = (before, after) else {
        if before != after {
            found.push(leaf(path, before, after));
        }
        return;
    };
    match (old, new) {
        (old, new) if same(old, new) => {}
        (Value::Object(old), Value::Object(new)) if !is_function(old) && !is_function(new) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                compare(&below(path, key), old.get(key), new.get(key), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => items::lists(path, old, new, found),
        _ => match (json_inside(old), json_inside(new)) {
            (Some(old), Some(new)) => compare(path, Some(&old), Some(&new), found),
            _ => found.push(leaf(path, before, after)),
        },
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn leaf(path: &str, before: Option<&Value>, after: Option<&Value>) -> PropertyDiff {
    PropertyDiff { path: path.to_owned(), before: before.cloned(), after: after.cloned(), recreates: false }
}

/// Equal to CloudFormation: `5` and `"5"`, `true` and `"true"` are one value.
pub(super) fn same(old: &Value, new: &Value) -> bool {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    old == new || scalar(old).is_some_and(|old| scalar(new).is_some_and(|new| old == new))
}

/// `Fn::Sub` and its kind are one value, not a mapping to look into.
fn is_function(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|key| key.starts_with("Fn::") || key == "Ref")
}

/// What a text holds when it holds JSON: a state machine, a dashboard, a policy; also one with placeholders in it.
fn json_inside(value: &Value) -> Option<Value> {
    let text = value.as_str().or_else(|| value.get("Fn::Sub")?.as_str())?;
    let looks_like_it = text.trim_start().starts_with(['{', '[']);
    looks_like_it.then(|| serde_json::from_str(text).ok()).flatten()
}
