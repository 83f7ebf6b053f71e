//! Puts into a template what is known before deploying, and writes what stays unknown in one way, so that two spellings of
//! the same value are equal.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// How many conditions may build on one another before we stop believing that they end.
const DEEPEST: usize = 32;

/// A template's fixed parts and the values that are known.
pub(super) struct Reader<'a> {
    root: &'a Map<String, Value>,
    values: &'a BTreeMap<String, String>,
}

/// What is known of a piece of text.
enum Piece {
    /// The text itself.
    Known(String),
    /// A placeholder, as `${Table.Arn}`.
    Unknown(String),
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Map<String, Value>, values: &'a BTreeMap<String, String>) -> Self {
        Self { root, values }
    }

    /// The value with everything put in that is known before deploying. Nothing for `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(object) => match single(object) {
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => None,
                Some(("Ref", Value::String(name))) => Some(self.parameter(name).unwrap_or_else(|| value.clone())),
                Some(("Fn::If", Value::Array(parts))) if parts.len() == 3 => self.choose(value, parts),
                Some((function, argument)) if function.starts_with("Fn::") => Some(self.call(function, argument)),
                _ => Some(Value::Object(
                    object.iter().filter_map(|(key, inner)| Some((key.clone(), self.resolve(inner)?))).collect(),
                )),
            },
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolve(item)).collect()),
            other => Some(other.clone()),
        }
    }

    /// The value of a parameter; a list where it is declared to be one.
    fn parameter(&self, name: &str) -> Option<Value> {
        let value = self.values.get(name)?;
        let kind = self.root.get("Parameters").and_then(|all| all.get(name)?.get("Type")?.as_str());
        let is_list = kind.is_some_and(|kind| kind == "CommaDelimitedList" || kind.starts_with("List<"));
        Some(if is_list { value.split(',').map(|item| json!(item.trim())).collect() } else { json!(value) })
    }

    fn choose(&self, whole: &Value, parts: &[Value]) -> Option<Value> {
        match parts[0].as_str().and_then(|condition| self.holds(condition)) {
            Some(true) => self.resolve(&parts[1]),
            Some(false) => self.resolve(&parts[2]),
            None => Some(whole.clone()),
        }
    }

    /// A function: its value where all that it needs is known, else itself with what is known put in.
    fn call(&self, function: &str, argument: &Value) -> Value {
        if let ("Fn::Sub", Some(text)) = (function, argument.as_str()) {
            return self.substitute(text, &Map::new());
        }
        let argument = self.resolve(argument).unwrap_or(Value::Null);
        let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let value = match (function, parts) {
            ("Fn::Sub", [Value::String(text), Value::Object(local)]) => Some(self.substitute(text, local)),
            ("Fn::Join", [Value::String(between), Value::Array(items)]) => join(between, items),
            ("Fn::Select", [index, Value::Array(items)]) => select(index, items),
            ("Fn::Split", [Value::String(between), Value::String(text)]) if !between.is_empty() => {
                Some(text.split(between.as_str()).map(|part| json!(part)).collect())
            }
            ("Fn::FindInMap", [map, first, second, ..]) => self.find_in_map([map, first, second]),
            _ => None,
        };
        value.unwrap_or_else(|| json!({ function: argument }))
    }

    fn find_in_map(&self, path: [&Value; 3]) -> Option<Value> {
        let mappings = self.root.get("Mappings")?;
        path.iter().try_fold(mappings, |place, key| place.get(plain(key))).cloned()
    }

    fn substitute(&self, text: &str, local: &Map<String, Value>) -> Value {
        let pieces = placeholders(text).into_iter().map(|piece| match piece {
            Piece::Unknown(name) => match local.get(&name) {
                Some(value) => piece_of(value).unwrap_or(Piece::Unknown(name)),
                None => match self.values.get(&name) {
                    Some(value) => Piece::Known(value.clone()),
                    None => Piece::Unknown(name),
                },
            },
            known @ Piece::Known(_) => known,
        });
        written(pieces.collect())
    }

    /// Whether a condition holds, where that can be told.
    pub(super) fn holds(&self, condition: &str) -> Option<bool> {
        self.holds_within(condition, DEEPEST)
    }

    fn holds_within(&self, condition: &str, depth: usize) -> Option<bool> {
        self.decide(self.root.get("Conditions")?.get(condition)?, depth.checked_sub(1)?)
    }

    fn decide(&self, expression: &Value, depth: usize) -> Option<bool> {
        let (function, argument) = single(expression.as_object()?)?;
        match (function, argument) {
            ("Condition", Value::String(name)) => self.holds_within(name, depth),
            ("Fn::Not", Value::Array(parts)) => self.decide(parts.first()?, depth).map(|held| !held),
            ("Fn::And", Value::Array(parts)) => self.every(parts, depth, false),
            ("Fn::Or", Value::Array(parts)) => self.every(parts, depth, true),
            ("Fn::Equals", Value::Array(parts)) => {
                let (left, right) = (self.resolve(parts.first()?)?, self.resolve(parts.get(1)?)?);
                (!left.is_object() && !right.is_object()).then(|| plain(&left) == plain(&right))
            }
            _ => None,
        }
    }

    /// "And" when `wanted` is false, "or" when it is true: one part that is as wanted decides.
    fn every(&self, parts: &[Value], depth: usize, wanted: bool) -> Option<bool> {
        let decided: Vec<Option<bool>> = parts.iter().map(|part| self.decide(part, depth)).collect();
        if decided.contains(&Some(wanted)) {
            return Some(wanted);
        }
        decided.into_iter().collect::<Option<Vec<_>>>().map(|_| !wanted)
    }
}

/// The pieces of a text with placeholders. `${!Name}` is the text `${Name}`.
fn placeholders(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        pieces.push(Piece::Known(before.to_owned()));
        pieces.push(match name.strip_prefix('!') {
            Some(literal) => Piece::Known(format!("${{{literal}}}")),
            None => Piece::Unknown(name.trim().to_owned()),
        });
        rest = behind;
    }
    pieces.push(Piece::Known(rest.to_owned()));
    pieces
}

/// A value as a piece of text; nothing for what cannot stand in one.
fn piece_of(value: &Value) -> Option<Piece> {
    match value {
        Value::Object(object) => match single(object)? {
            ("Ref", Value::String(name)) => Some(Piece::Unknown(name.clone())),
            ("Fn::GetAtt", Value::Array(parts)) => {
                let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
                Some(Piece::Unknown(parts?.join(".")))
            }
            _ => None,
        },
        Value::Array(_) | Value::Null => None,
        scalar => Some(Piece::Known(plain(scalar))),
    }
}

/// Pieces as a value: text, a reference where that is all, else one way of writing both.
fn written(pieces: Vec<Piece>) -> Value {
    let pieces: Vec<Piece> =
        pieces.into_iter().filter(|piece| !matches!(piece, Piece::Known(text) if text.is_empty())).collect();
    if let [Piece::Unknown(name)] = &pieces[..] {
        return match name.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => json!({ "Ref": name }),
        };
    }
    let known = |piece: &Piece| match piece {
        Piece::Known(text) => Some(text.clone()),
        Piece::Unknown(_) => None,
    };
    if let Some(text) = pieces.iter().map(known).collect::<Option<String>>() {
        return json!(text);
    }
    let write = |piece: &Piece| match piece {
        Piece::Known(text) => text.replace("${", "${!"),
        Piece::Unknown(name) => format!("${{{name}}}"),
    };
    json!({ "Fn::Sub": pieces.iter().map(write).collect::<String>() })
}

fn join(between: &str, items: &[Value]) -> Option<Value> {
    let mut pieces = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            pieces.push(Piece::Known(between.to_owned()));
        }
        match item.as_object().and_then(single) {
            Some(("Fn::Sub", Value::String(text))) => pieces.extend(placeholders(text)),
            _ => pieces.push(piece_of(item)?),
        }
    }
    Some(written(pieces))
}

fn select(index: &Value, items: &[Value]) -> Option<Value> {
    items.get(plain(index).parse::<usize>().ok()?).cloned()
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    match object.len() {
        1 => object.iter().next().map(|(key, value)| (key.as_str(), value)),
        _ => None,
    }
}

/// A scalar as CloudFormation sees parameter values: as text.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: &Value) -> Value {
        let root = json!({
            "Parameters": {"Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"}, "Name": {"Type": "String"}},
            "Mappings": {"Sizes": {"eu-west-1": {"small": 256}}},
        });
        let values = [("Name", "shop"), ("Subnets", "subnet-1, subnet-2"), ("AWS::Region", "eu-west-1")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Reader::new(root.as_object().unwrap(), &values).resolve(value).unwrap()
    }

    #[test]
    fn a_function_becomes_its_value_where_all_that_it_needs_is_known() {
        for (function, value) in [
            (json!({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 1]]}), json!("a-shop-1")),
            (json!({"Fn::Select": ["1", {"Ref": "Subnets"}]}), json!("subnet-2")),
            (json!({"Fn::Split": [",", "a,b"]}), json!(["a", "b"])),
            (json!({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}), json!(256)),
            (json!({"Fn::Sub": ["${Name}-${Local}", {"Local": {"Ref": "Name"}}]}), json!("shop-shop")),
            (json!({"Fn::Sub": "${!Literal} of ${Name}"}), json!("${Literal} of shop")),
        ] {
            assert_eq!(resolved(&function), value, "{function}");
        }
    }

    #[test]
    fn two_spellings_of_one_unknown_value_are_equal() {
        for (one, other) in [
            (json!({"Fn::Sub": "${Table}"}), json!({"Ref": "Table"})),
            (json!({"Fn::Sub": "${Table.Arn}"}), json!({"Fn::GetAtt": ["Table", "Arn"]})),
            (
                json!({"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/", {"Ref": "Name"}, "/*"]]}),
                json!({"Fn::Sub": "${Bucket.Arn}/shop/*"}),
            ),
            (json!({"Fn::Sub": ["${A}/x", {"A": {"Ref": "Table"}}]}), json!({"Fn::Sub": "${Table}/x"})),
        ] {
            assert_eq!(resolved(&one), resolved(&other), "{one}");
        }
    }

    #[test]
    fn what_only_aws_knows_stays() {
        for function in [
            json!({"Fn::Select": [9, ["a"]]}),
            json!({"Fn::FindInMap": ["Sizes", "us-east-1", "small"]}),
            json!({"Fn::GetAZs": "eu-west-1"}),
            json!({"Fn::Join": ["", [{"Fn::ImportValue": "x"}, "y"]]}),
            json!({"Fn::If": ["Unknown", 1, 2]}),
        ] {
            assert_eq!(resolved(&function), function);
        }
    }

    #[test]
    fn a_brace_that_never_closes_is_text() {
        assert_eq!(resolved(&json!({"Fn::Sub": "a ${b"})), json!("a ${b"));
    }
}
