//! What is different between the template that is deployed and the one that we want, property by property.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{catalogue, changes::Act, template::Template};

/// A resource that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceDiff {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS, where it is there already and comes into the stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What a deployment would do to it.
    pub act: Act,
    /// True when data would be gone that nobody can make again.
    pub loses_data: bool,
    /// What differs in it.
    pub properties: Vec<PropertyDiff>,
}

/// A place in a resource that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertyDiff {
    /// Where, as `Code.S3Key`; attributes of the resource itself stand in parentheses, as `(DeletionPolicy)`.
    pub path: String,
    /// The value now.
    pub before: Option<Value>,
    /// The value then.
    pub after: Option<Value>,
    /// True when this makes the resource anew.
    pub recreates: bool,
}

/// A template and the values of its parameters.
#[derive(Clone, Debug)]
pub struct Side {
    /// The resources that exist under these values, with the values put in.
    pub resources: BTreeMap<String, Value>,
}

impl Side {
    /// A template under these parameter values.
    pub fn new(template: &Template, given: &BTreeMap<String, String>) -> Self {
        Self { resources: template.resources(&template.values(given)) }
    }
}

/// Every resource that differs: what loses data first, then by how much happens to it, then by name.
pub fn resources(live: &Side, wanted: &Side) -> Vec<ResourceDiff> {
    let names: BTreeSet<&String> = live.resources.keys().chain(wanted.resources.keys()).collect();
    let mut diffs: Vec<ResourceDiff> = names
        .into_iter()
        .filter_map(|name| resource(name, live.resources.get(name), wanted.resources.get(name)))
        .collect();
    diffs.sort_by(|a, b| (!a.loses_data, a.act, &a.logical_id).cmp(&(!b.loses_data, b.act, &b.logical_id)));
    diffs
}

fn resource(name: &str, live: Option<&Value>, wanted: Option<&Value>) -> Option<ResourceDiff> {
    let kind_of = |value: &Value| value.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let diff = |kind: String, act, loses_data, properties| ResourceDiff {
        logical_id: name.to_owned(),
        physical_id: None,
        kind,
        act,
        loses_data,
        properties,
    };
    match (live, wanted) {
        (None, None) => None,
        (None, Some(wanted)) => Some(diff(kind_of(wanted), Act::Add, false, Vec::new())),
        (Some(live), None) => {
            let kind = kind_of(live);
            let loses_data = catalogue::holds_data(&kind) && !is_kept(live, "DeletionPolicy");
            Some(diff(kind, Act::Remove, loses_data, Vec::new()))
        }
        (Some(live), Some(wanted)) => {
            let kind = kind_of(wanted);
            let properties = properties(&kind, live, wanted);
            if properties.is_empty() {
                return None;
            }
            let recreated = kind_of(live) != kind || properties.iter().any(|property| property.recreates);
            let act = if recreated { Act::Replace } else { Act::Modify };
            let loses_data =
                recreated && catalogue::holds_data(&kind_of(live)) && !is_kept(live, "UpdateReplacePolicy");
            Some(diff(kind, act, loses_data, properties))
        }
    }
}

/// True when a policy of a resource says that what it stands for stays.
pub(super) fn is_kept(resource: &Value, policy: &str) -> bool {
    let policy = resource.get(policy).and_then(Value::as_str).unwrap_or("Delete");
    ["Retain", "RetainExceptOnCreate", "Snapshot"].contains(&policy)
}

fn properties(kind: &str, live: &Value, wanted: &Value) -> Vec<PropertyDiff> {
    let mut found = Vec::new();
    let inside =
        |resource: &Value| resource.get("Properties").cloned().unwrap_or_else(|| Value::Object(Default::default()));
    compare("", &inside(live), &inside(wanted), &mut found);
    for property in &mut found {
        property.recreates = catalogue::recreates(kind, &property.path);
    }
    let empty = serde_json::Map::new();
    let [live, wanted] = [live, wanted].map(|resource| resource.as_object().unwrap_or(&empty));
    let attributes: BTreeSet<&String> = live.keys().chain(wanted.keys()).filter(|key| *key != "Properties").collect();
    for attribute in attributes {
        let (before, after) = (live.get(attribute).cloned(), wanted.get(attribute).cloned());
        if before != after {
            found.push(PropertyDiff { path: format!("({attribute})"), before, after, recreates: false });
        }
    }
    found
}

/// Collects the smallest places that differ. Text that holds JSON is compared as JSON.
fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<PropertyDiff>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(old), Value::Object(new)) if !is_function(old) && !is_function(new) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                maybe(&below, old.get(key), new.get(key), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{index}]"), old, new, found);
            }
        }
        (Value::String(old), Value::String(new)) => match (json_inside(old), json_inside(new)) {
            (Some(old), Some(new)) if old != new => compare(path, &old, &new, found),
            (Some(_), Some(_)) => {}
            _ => maybe(path, Some(before), Some(after), found),
        },
        _ => found.push(leaf(path, Some(before), Some(after))),
    }
}

fn maybe(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<PropertyDiff>) {
    match (before, after) {
        (Some(before @ (Value::Object(_) | Value::Array(_))), Some(after)) => compare(path, before, after, found),
        (Some(Value::String(old)), Some(Value::String(new)))
            if json_inside(old).is_some() && json_inside(new).is_some() =>
        {
            compare(path, &Value::String(old.clone()), &Value::String(new.clone()), found);
        }
        (before, after) if before == after => {}
        (before, after) => found.push(leaf(path, before, after)),
    }
}

fn leaf(path: &str, before: Option<&Value>, after: Option<&Value>) -> PropertyDiff {
    PropertyDiff { path: path.to_owned(), before: before.cloned(), after: after.cloned(), recreates: false }
}

/// `Fn::Sub` and its kind are one value, not a mapping to look into.
fn is_function(object: &serde_json::Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|key| key.starts_with("Fn::") || key == "Ref")
}

fn json_inside(text: &str) -> Option<Value> {
    let looks_like_it = text.trim_start().starts_with(['{', '[']);
    looks_like_it.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(live: &str, wanted: &str) -> Vec<ResourceDiff> {
        let side = |text: &str| Side::new(&Template::parse(text).unwrap(), &BTreeMap::new());
        resources(&side(live), &side(wanted))
    }

    fn table(properties: &str, attributes: &str) -> String {
        format!("Resources:\n  Table: {{ Type: AWS::DynamoDB::Table, Properties: {{ {properties} }} {attributes} }}")
    }

    #[test]
    fn equal_templates_have_no_difference() {
        let text = table("TableName: t", "");
        assert_eq!(between(&text, &text), []);
    }

    #[test]
    fn a_property_is_found_where_it_is_with_both_values() {
        let diff = between(
            &table("SSESpecification: { SSEEnabled: false }", ""),
            &table("SSESpecification: { SSEEnabled: true }", ""),
        );
        assert_eq!((diff[0].act, diff[0].loses_data), (Act::Modify, false));
        let property = &diff[0].properties[0];
        assert_eq!(property.path, "SSESpecification.SSEEnabled");
        assert_eq!((property.before.clone(), property.after.clone()), (Some(false.into()), Some(true.into())));
    }

    #[test]
    fn a_new_name_replaces_a_table_and_its_data_unless_the_old_one_is_kept() {
        let wanted = table("TableName: new", "");
        let diff = between(&table("TableName: old", ""), &wanted);
        assert_eq!((diff[0].act, diff[0].loses_data), (Act::Replace, true));
        let kept = between(&table("TableName: old", ", UpdateReplacePolicy: Retain"), &wanted);
        assert_eq!((kept[0].act, kept[0].loses_data), (Act::Replace, false));
    }

    #[test]
    fn a_table_that_goes_is_a_loss_unless_it_is_kept() {
        let gone = "Resources: {}";
        assert!(between(&table("TableName: t", ""), gone)[0].loses_data);
        assert!(!between(&table("TableName: t", ", DeletionPolicy: Retain"), gone)[0].loses_data);
    }

    #[test]
    fn another_type_under_the_same_name_is_a_replacement() {
        let diff = between("Resources: {A: {Type: AWS::S3::Bucket}}", "Resources: {A: {Type: AWS::SNS::Topic}}");
        assert_eq!((diff[0].act, diff[0].loses_data), (Act::Replace, true));
    }

    #[test]
    fn json_in_text_is_compared_as_json() {
        let dashboard = |text: &str| format!("Resources:\n  D: {{ Type: X, Properties: {{ Body: '{text}' }} }}");
        assert_eq!(between(&dashboard(r#"{"a":1,"b":2}"#), &dashboard(r#"{ "b": 2, "a": 1 }"#)), []);
        let diff = between(&dashboard(r#"{"a":1,"b":2}"#), &dashboard(r#"{"a":1,"b":3}"#));
        assert_eq!(diff[0].properties[0].path, "Body.b");
    }

    #[test]
    fn additions_and_removals_of_properties_are_told() {
        let diff = between(&table("A: 1", ""), &table("B: { C: 2 }", ""));
        let paths: Vec<_> = diff[0].properties.iter().map(|it| (it.path.as_str(), it.after.is_some())).collect();
        assert_eq!(paths, [("A", false), ("B", true)]);
    }
}
