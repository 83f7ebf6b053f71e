//! Bodies that are written as data rather than as text.

use serde_json::{Map, Number, Value as Json};

use crate::document::{Node, Value};

/// A document's value as JSON. A plain scalar is what JSON says it is, and text otherwise: `007` and `yes` stay text.
pub(super) fn to_json(node: &Node) -> Json {
    match &node.value {
        _ if node.is_null() => Json::Null,
        Value::Scalar { text, plain: true } => match text.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            _ => serde_json::from_str::<Number>(text).map_or_else(|_| Json::String(text.clone()), Json::Number),
        },
        Value::Scalar { text, plain: false } => Json::String(text.clone()),
        Value::Sequence(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Mapping(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.text.clone(), to_json(value))).collect::<Map<_, _>>())
        }
    }
}
