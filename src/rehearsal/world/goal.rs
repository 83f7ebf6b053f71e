//! What a stack is to be: a template with its values, and what lies between two of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Refusal;
use crate::deploy::template::Template;

/// A template with the values of its parameters and the tags of its stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goal {
    /// The template, verbatim.
    pub template: String,
    /// The values of its parameters, defaults filled in.
    pub parameters: BTreeMap<String, String>,
    /// The stack's tags.
    pub tags: BTreeMap<String, String>,
    /// What is to be there, with parameters put in.
    pub resources: BTreeMap<String, Value>,
    /// What is to be told.
    pub outputs: Value,
}

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It comes.
    Add,
    /// It comes into the stack as it is.
    Import,
    /// It changes.
    Modify,
    /// It is made anew, and the old one goes.
    Replace,
    /// It goes.
    Remove,
}

impl Goal {
    /// Reads a template and refuses what CloudFormation refuses about its parameters and the capabilities that it needs.
    pub fn read(
        template: &str,
        given: &BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
        capabilities: &[String],
    ) -> Result<Self, Refusal> {
        let parsed = Template::parse(template)
            .map_err(|error| Refusal::validation(format!("Template format error: {error}")))?;
        let declared = parsed.section("Parameters").and_then(Value::as_object);
        let unknown: Vec<&str> = given
            .keys()
            .filter(|name| declared.is_none_or(|all| !all.contains_key(*name)))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let message = format!("Parameters: [{}] do not exist in the template", unknown.join(", "));
            return Err(Refusal::validation(message));
        }
        let lacks =
            |(name, parameter): &(&String, &Value)| !given.contains_key(*name) && parameter.get("Default").is_none();
        let missing: Vec<&str> = declared.into_iter().flatten().filter(lacks).map(|(name, _)| name.as_str()).collect();
        if !missing.is_empty() {
            return Err(Refusal::validation(format!("Parameters: [{}] must have values", missing.join(", "))));
        }
        let parameters = parsed.values(given);
        let resources = parsed.resources(&parameters);
        if resources.is_empty() {
            return Err(Refusal::validation("Template format error: At least one Resources member must be defined."));
        }
        permitted(&resources, capabilities)?;
        let outputs = parsed.section("Outputs").cloned().unwrap_or_default();
        Ok(Self { template: template.to_owned(), parameters, tags, resources, outputs })
    }

    /// What has to happen to get from here to there, by resource.
    pub fn changes(&self, there: &Self) -> BTreeMap<String, Change> {
        let names: BTreeSet<&String> = self.resources.keys().chain(there.resources.keys()).collect();
        let change = |name: &String| match (self.resources.get(name), there.resources.get(name)) {
            (None, Some(_)) => Some(Change::Add),
            (Some(_), None) => Some(Change::Remove),
            (Some(old), Some(new)) if is_renamed(old, new) => Some(Change::Replace),
            (Some(old), Some(new)) if old != new || self.tags != there.tags => Some(Change::Modify),
            _ => None,
        };
        names.into_iter().filter_map(|name| Some((name.clone(), change(name)?))).collect()
    }

    /// Resources that a resource waits for.
    pub fn needs(&self, name: &str) -> BTreeSet<String> {
        let mut needs = BTreeSet::new();
        if let Some(resource) = self.resources.get(name) {
            collect(resource, &mut needs);
        }
        needs.retain(|other| other != name && self.resources.contains_key(other));
        needs
    }

    /// The name that a resource is given, if it is given one as plain text.
    pub fn given_name(&self, name: &str) -> Option<&str> {
        self.resources.get(name).and_then(given).and_then(Value::as_str)
    }

    /// The type of a resource.
    pub fn kind(&self, name: &str) -> &str {
        self.resources.get(name).and_then(|resource| resource.get("Type")).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Roles and policies need a word of consent, and those with names a stronger one.
fn permitted(resources: &BTreeMap<String, Value>, capabilities: &[String]) -> Result<(), Refusal> {
    let has = |word: &str| capabilities.iter().any(|it| it == word);
    let mut identities = resources.values().filter(|resource| {
        resource.get("Type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("AWS::IAM::"))
    });
    let is_named = |resource: &Value| {
        let properties = resource.get("Properties").and_then(Value::as_object);
        properties.is_some_and(|all| all.keys().any(|key| is_name(resource, key)))
    };
    let named = identities.clone().any(is_named);
    if named && !has("CAPABILITY_NAMED_IAM") {
        return Err(lacking("CAPABILITY_NAMED_IAM"));
    }
    if identities.next().is_some() && !has("CAPABILITY_IAM") && !has("CAPABILITY_NAMED_IAM") {
        return Err(lacking("CAPABILITY_IAM"));
    }
    Ok(())
}

fn lacking(capability: &str) -> Refusal {
    Refusal::new("InsufficientCapabilitiesException", format!("Requires capabilities : [{capability}]"))
}

/// A thing with a name of our choosing is another thing under another name.
fn is_renamed(old: &Value, new: &Value) -> bool {
    old.get("Type") != new.get("Type") || given(old) != given(new)
}

fn given(resource: &Value) -> Option<&Value> {
    let properties = resource.get("Properties")?.as_object()?;
    properties.iter().find(|(key, _)| is_name(resource, key)).map(|(_, name)| name)
}

/// `TableName` names an `AWS::DynamoDB::Table`.
fn is_name(resource: &Value, key: &str) -> bool {
    let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
    kind.rsplit("::").next().is_some_and(|last| key.strip_suffix("Name") == Some(last))
}

fn collect(value: &Value, needs: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match (key.as_str(), inner) {
                    ("Ref" | "DependsOn", Value::String(name)) => drop(needs.insert(name.clone())),
                    ("DependsOn", Value::Array(names)) => {
                        needs.extend(names.iter().filter_map(Value::as_str).map(ToOwned::to_owned));
                    }
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        needs.extend(parts.first().and_then(Value::as_str).map(ToOwned::to_owned));
                    }
                    ("Fn::Sub", Value::String(text)) => needs.extend(placeholders(text)),
                    ("Fn::Sub", Value::Array(parts)) => {
                        needs.extend(parts.first().and_then(Value::as_str).into_iter().flat_map(placeholders));
                        parts.iter().for_each(|part| collect(part, needs));
                    }
                    _ => collect(inner, needs),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, needs)),
        _ => {}
    }
}

/// The resources in `${Table.Arn} and ${Topic}`.
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let pieces = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    pieces.map(|piece| piece.split('.').next().unwrap_or(piece).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(text: &str) -> Goal {
        Goal::read(text, &BTreeMap::new(), BTreeMap::new(), &["CAPABILITY_NAMED_IAM".to_owned()]).unwrap()
    }

    fn refused(text: &str, given: &[(&str, &str)], capabilities: &[&str]) -> Refusal {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let capabilities: Vec<String> = capabilities.iter().map(ToString::to_string).collect();
        Goal::read(text, &given, BTreeMap::new(), &capabilities).unwrap_err()
    }

    const ROLE: &str = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {RoleName: r}}}";

    #[test]
    fn what_aws_refuses_about_a_template_is_refused() {
        let topic = "Parameters: {A: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}";
        for (refusal, code, word) in [
            (refused("a: [", &[], &[]), "ValidationError", "format error"),
            (refused("Resources: {}", &[], &[]), "ValidationError", "At least one"),
            (refused(topic, &[], &[]), "ValidationError", "[A] must have values"),
            (refused(topic, &[("A", "1"), ("B", "1")], &[]), "ValidationError", "[B] do not exist"),
            (refused(ROLE, &[], &["CAPABILITY_IAM"]), "InsufficientCapabilitiesException", "NAMED_IAM"),
            (
                refused(&ROLE.replace("RoleName", "Path"), &[], &[]),
                "InsufficientCapabilitiesException",
                "[CAPABILITY_IAM]",
            ),
        ] {
            assert!(refusal.code == code && refusal.message.contains(word), "{refusal:?}");
        }
    }

    #[test]
    fn between_two_goals_lie_additions_changes_replacements_and_removals() {
        let old = goal(
            "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, Properties: {TopicName: x}}, C: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}}, D: {Type: AWS::SQS::Queue}}",
        );
        let new = goal(
            "Resources: {B: {Type: AWS::SNS::Topic, Properties: {TopicName: y}}, C: {Type: AWS::SNS::Topic, Properties: {DisplayName: y}}, D: {Type: AWS::SQS::Queue}, E: {Type: AWS::SQS::Queue}}",
        );
        let changes: Vec<_> = old.changes(&new).into_iter().collect();
        let expected = [("A", Change::Remove), ("B", Change::Replace), ("C", Change::Modify), ("E", Change::Add)];
        assert_eq!(changes, expected.map(|(name, change)| (name.to_owned(), change)));
    }

    #[test]
    fn a_resource_waits_for_everything_that_it_names() {
        let goal = goal(
            "Resources: {A: {Type: T}, B: {Type: T}, C: {Type: T}, D: {Type: T}, E: {Type: T, DependsOn: [A], Properties: {X: !Ref B, Y: !GetAtt C.Arn, Z: !Sub '${D.Arn}/${AWS::Region}'}}}",
        );
        assert_eq!(goal.needs("E").into_iter().collect::<String>(), "ABCD");
    }
}
