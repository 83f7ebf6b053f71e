//! A single right: one principal, one action, one thing.

use serde_json::Value;

/// Whether a right is given or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// One principal may, or may not, do one thing to one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    pub who: String,
    pub effect: Effect,
    pub on: Option<String>,
    pub when: Option<String>,
    pub what: String,
}

/// A value as a person reads it in a sentence: references as `${Name}`.
pub(super) fn phrase(value: &Value) -> String {
    let reference = |path: &str| format!("${{{path}}}");
    match value {
        Value::String(text) => text.clone(),
        Value::Object(object) if object.len() == 1 => match object.iter().next() {
            Some((key, Value::String(name))) if key == "Ref" => reference(name),
            Some((key, Value::String(text))) if key == "Fn::Sub" => text.clone(),
            Some((key, Value::Array(parts))) if key == "Fn::GetAtt" => {
                reference(&parts.iter().map(phrase).collect::<Vec<_>>().join("."))
            }
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// A reference to a role as its name in the template: `Role`, not `${Role.Arn}`.
pub(super) fn name(value: &Value) -> String {
    let phrase = phrase(value);
    match phrase.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(path) if !path.contains(['$', ':']) => path.split('.').next().unwrap_or(path).to_owned(),
        _ => phrase,
    }
}

/// One or many, as many.
pub(super) fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}
