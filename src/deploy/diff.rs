//! What is different between the template that is deployed and the one that we want, property by property.

mod compare;
mod firewall;
mod grants;
mod items;
mod policy;
mod powers;
mod ripple;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    compare::values,
    powers::{Power, Turn},
};
use super::{
    catalogue::{self, Recreation},
    changes::Act,
    stakes::Stake,
    template::Template,
};

/// A resource that differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResourceDiff {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS, where it is there already and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What a deployment would do to it.
    pub act: Act,
    /// True when data would be gone that nobody can make again.
    pub loses_data: bool,
    /// How much data that is, and what could bring it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stake: Option<Stake>,
    /// Who says that it differs.
    pub seen: Evidence,
    /// What differs in it.
    pub properties: Vec<PropertyChange>,
    /// Who may do what from now on, or no more, because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub powers: Vec<Power>,
    /// Where the two sources contradict each other, and what AWS will refuse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// A place in a resource that differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PropertyDiff {
    /// Where, as `Code.S3Key` or `Tags[team].Value`; attributes of the resource itself stand in parentheses, as
    /// `(DeletionPolicy)`.
    pub path: String,
    /// The value now.
    pub before: Option<Value>,
    /// The value then.
    pub after: Option<Value>,
    /// True when this makes the resource anew.
    pub recreates: bool,
}

/// A place that differs, what it does to its resource, and who says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PropertyChange {
    /// The place and its values.
    #[serde(flatten)]
    pub at: PropertyDiff,
    /// Whether it makes the resource anew.
    pub recreation: Recreation,
    /// Who says that it differs.
    pub seen: Evidence,
    /// The resource that is made anew and to which this place refers, where the template itself says the same as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

/// Who says that something differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The comparison of the templates.
    #[default]
    Local,
    /// CloudFormation's change set.
    Server,
    /// Both.
    Both,
}

/// A template and the values of its parameters.
#[derive(Clone, Debug)]
pub struct Side {
    /// The resources that exist under these values, with the values put in.
    pub resources: BTreeMap<String, Value>,
}

impl Side {
    /// A template under these values of its parameters and, where they are known, of pseudo-parameters.
    pub fn new(template: &Template, given: &BTreeMap<String, String>, pseudo: &[(String, String)]) -> Self {
        let mut values = template.values(given);
        values.extend(pseudo.iter().cloned());
        Self { resources: template.resources(&values) }
    }
}

/// Every resource that differs: what loses data first, then by how much happens to it, then by name.
pub fn resources(live: &Side, wanted: &Side) -> Vec<ResourceDiff> {
    let names: BTreeSet<&String> = live.resources.keys().chain(wanted.resources.keys()).collect();
    let mut diffs: BTreeMap<String, ResourceDiff> = names
        .into_iter()
        .filter_map(|name| resource(name, live.resources.get(name), wanted.resources.get(name)))
        .map(|diff| (diff.logical_id.clone(), diff))
        .collect();
    ripple::follow(&mut diffs, live, wanted);
    let mut diffs: Vec<ResourceDiff> = diffs.into_values().map(|diff| conclude(diff, live, wanted)).collect();
    sort(&mut diffs);
    diffs
}

/// The order in which a person should read them: what loses data first, then by how much happens, then by name.
pub fn sort(diffs: &mut [ResourceDiff]) {
    diffs.sort_by(|a, b| (!a.loses_data, a.act, &a.logical_id).cmp(&(!b.loses_data, b.act, &b.logical_id)));
}

fn resource(name: &str, live: Option<&Value>, wanted: Option<&Value>) -> Option<ResourceDiff> {
    let kind = kind_of(wanted.or(live)?);
    let diff = |act, properties| ResourceDiff {
        logical_id: name.to_owned(),
        kind: kind.clone(),
        act,
        properties,
        ..ResourceDiff::default()
    };
    match (live, wanted) {
        (None, None) => None,
        (None, Some(_)) => Some(diff(Act::Add, Vec::new())),
        (Some(_), None) => Some(diff(Act::Remove, Vec::new())),
        (Some(live), Some(wanted)) => {
            let properties = properties(&kind, live, wanted);
            (!properties.is_empty()).then(|| diff(Act::Modify, properties))
        }
    }
}

pub(super) fn kind_of(resource: &Value) -> String {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What follows from all that differs in a resource: what becomes of it, of its data, and of who may do what.
fn conclude(mut diff: ResourceDiff, live: &Side, wanted: &Side) -> ResourceDiff {
    let [old, new] = [live, wanted].map(|side| side.resources.get(&diff.logical_id));
    diff.act = act(&diff, old, new);
    // What goes is what was: of a type that changes, the old one.
    let kind = old.map(kind_of).unwrap_or_default();
    diff.loses_data = catalogue::holds_data(&kind) && !stays(diff.act, old, new);
    diff.powers = powers::between(&diff.logical_id, old, new);
    diff.findings.extend(old.zip(new).and_then(|(old, new)| clash(&diff, old, new)));
    diff
}

fn act(diff: &ResourceDiff, old: Option<&Value>, new: Option<&Value>) -> Act {
    let retyped = old.zip(new).is_some_and(|(old, new)| kind_of(old) != kind_of(new));
    let recreation = diff.properties.iter().map(|property| property.recreation).max().unwrap_or_default();
    match (diff.act, recreation) {
        (Act::Modify, _) if retyped => Act::Replace,
        (Act::Modify, Recreation::Always) => Act::Replace,
        (Act::Modify, Recreation::Perhaps) => Act::MayReplace,
        (act, _) => act,
    }
}

/// True when what was there stays, inside or outside of the stack. Of a replacement both templates have to say so, since
/// AWS does not write down which of the two decides.
fn stays(act: Act, old: Option<&Value>, new: Option<&Value>) -> bool {
    let keeps = |resource: Option<&Value>, policy| resource.is_some_and(|it| is_kept(it, policy));
    match act {
        Act::Remove => keeps(old, "DeletionPolicy"),
        Act::Replace | Act::MayReplace => keeps(old, "UpdateReplacePolicy") && keeps(new, "UpdateReplacePolicy"),
        Act::Modify | Act::Add | Act::Import => true,
    }
}

/// True when a policy of a resource says that what it stands for stays.
pub(super) fn is_kept(resource: &Value, policy: &str) -> bool {
    let policy = resource.get(policy).and_then(Value::as_str).unwrap_or("Delete");
    ["Retain", "RetainExceptOnCreate", "Snapshot"].contains(&policy)
}

/// CloudFormation makes the new one before it removes the old one, so both cannot have one name.
fn clash(diff: &ResourceDiff, old: &Value, new: &Value) -> Option<String> {
    if diff.act != Act::Replace || kind_of(old) != kind_of(new) {
        return None;
    }
    let properties = new.get("Properties")?.as_object()?;
    let is_name = |(property, _): &(&String, &Value)| catalogue::names_it(&diff.kind, property);
    let (property, name) = properties.iter().find(is_name)?;
    let is_same = old.get("Properties").and_then(|it| it.get(property)) == Some(name);
    let name = name.as_str().filter(|_| is_same)?;
    Some(format!(
        "CloudFormation will refuse: it makes the new one before it removes the old one, and both would be called `{name}`"
    ))
}

fn properties(kind: &str, live: &Value, wanted: &Value) -> Vec<PropertyChange> {
    let empty = Value::Object(Default::default());
    let inside = |resource: &Value| resource.get("Properties").unwrap_or(&empty).clone();
    let found = values("", Some(&inside(live)), Some(&inside(wanted)));
    let mut changes: Vec<PropertyChange> = found.into_iter().map(|at| PropertyChange::of(kind, at)).collect();
    let none = serde_json::Map::new();
    let [live, wanted] = [live, wanted].map(|resource| resource.as_object().unwrap_or(&none));
    let attributes: BTreeSet<&String> = live.keys().chain(wanted.keys()).filter(|key| *key != "Properties").collect();
    for attribute in attributes {
        let [before, after] = [live, wanted].map(|side| side.get(attribute).map(|it| attribute_value(attribute, it)));
        let found = values(&format!("({attribute})"), before.as_ref(), after.as_ref());
        changes.extend(found.into_iter().map(|at| PropertyChange { at, ..PropertyChange::default() }));
    }
    changes
}

/// `DependsOn` is a list without an order, and a single name is a list of one.
fn attribute_value(attribute: &str, value: &Value) -> Value {
    if attribute != "DependsOn" {
        return value.clone();
    }
    let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let names: BTreeSet<String> = list.iter().filter_map(|it| it.as_str().map(ToOwned::to_owned)).collect();
    json!(names)
}

impl PropertyChange {
    /// A place that differs in a resource of this type.
    pub fn of(kind: &str, mut at: PropertyDiff) -> Self {
        let recreation = catalogue::recreation(kind, &at.path);
        at.recreates = recreation == Recreation::Always;
        Self { at, recreation, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(live: &str, wanted: &str) -> Vec<ResourceDiff> {
        let side = |text: &str| Side::new(&Template::parse(text).unwrap(), &BTreeMap::new(), &[]);
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
        let property = &diff[0].properties[0].at;
        assert_eq!(property.path, "SSESpecification.SSEEnabled");
        assert_eq!((property.before.clone(), property.after.clone()), (Some(false.into()), Some(true.into())));
    }

    #[test]
    fn a_new_name_replaces_a_table_and_its_data_unless_the_old_one_is_kept() {
        let (open, kept) = ("", ", UpdateReplacePolicy: Retain");
        for (before, after, loses_data) in
            [(open, open, true), (kept, open, true), (open, kept, true), (kept, kept, false)]
        {
            let diff = between(&table("TableName: old", before), &table("TableName: new", after));
            assert_eq!((diff[0].act, diff[0].loses_data), (Act::Replace, loses_data), "{before} {after}");
        }
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
        assert_eq!(diff[0].properties[0].at.path, "Body.b");
    }

    #[test]
    fn additions_and_removals_of_properties_are_told() {
        let diff = between(&table("A: 1", ""), &table("B: { C: 2 }", ""));
        let paths: Vec<_> = diff[0].properties.iter().map(|it| (it.at.path.as_str(), it.at.after.is_some())).collect();
        assert_eq!(paths, [("A", false), ("B", true)]);
    }

    fn paths(diff: &[ResourceDiff]) -> Vec<String> {
        let of = |it: &ResourceDiff| {
            it.properties.iter().map(|at| format!("{}.{}", it.logical_id, at.at.path)).collect::<Vec<_>>()
        };
        diff.iter().flat_map(of).collect()
    }

    #[test]
    fn json_with_placeholders_in_it_is_compared_as_json_too() {
        let machine = |secs: u8| {
            format!(
                "Resources: {{M: {{Type: X, Properties: {{D: !Sub '{{\"Wait\": {secs}, \"Fn\": \"${{F.Arn}}\"}}'}}}}}}"
            )
        };
        assert_eq!(paths(&between(&machine(1), &machine(2))), ["M.D.Wait"]);
    }

    #[test]
    fn a_number_written_as_text_is_the_same_number() {
        assert_eq!(between(&table("A: 5, B: true", ""), &table("A: '5', B: 'true'", "")), []);
    }

    #[test]
    fn what_may_make_anew_is_kept_apart_from_what_does() {
        let diff = between(
            &table("AttributeDefinitions: [{AttributeName: id, AttributeType: S}]", ""),
            &table("AttributeDefinitions: [{AttributeName: id, AttributeType: N}]", ""),
        );
        assert_eq!((diff[0].act, diff[0].loses_data), (Act::MayReplace, true));
        let index =
            "AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: at, AttributeType: N}]";
        let diff =
            between(&table("AttributeDefinitions: [{AttributeName: id, AttributeType: S}]", ""), &table(index, ""));
        assert_eq!(diff[0].act, Act::Modify, "another attribute harms nobody");
    }

    #[test]
    fn a_table_that_is_made_anew_under_the_same_name_is_found_before_aws_refuses_it() {
        let with =
            |key: &str| table(&format!("TableName: t, KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]"), "");
        let diff = between(&with("a"), &with("b"));
        assert!(diff[0].findings[0].contains("both would be called `t`"), "{:?}", diff[0].findings);
        let renamed = between(&with("a"), &with("b").replace("TableName: t", "TableName: u"));
        assert_eq!(renamed[0].findings, [""; 0]);
    }

    #[test]
    fn the_order_of_dependencies_is_none() {
        let with = |depends: &str| format!("Resources: {{A: {{Type: X, DependsOn: {depends}}}}}");
        assert_eq!(between(&with("[B, C]"), &with("[C, B]")), []);
        assert_eq!(between(&with("B"), &with("[B]")), []);
        assert_eq!(paths(&between(&with("B"), &with("[B, C]"))), ["A.(DependsOn)[1]"]);
    }
}
