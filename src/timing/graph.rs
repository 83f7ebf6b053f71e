//! What waits for what in a template, once its parameters are known and its conditions decided.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{check::expression, deploy::template::Template};

/// The resources of a template and what each waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// By name in the template.
    pub resources: BTreeMap<String, Resource>,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its type.
    pub kind: String,
    /// The names of what must be there before it.
    pub needs: BTreeSet<String>,
}

impl Graph {
    /// The graph of a template under these parameters.
    ///
    /// # Errors
    /// A text that is no template.
    pub fn of(template: &str, parameters: &BTreeMap<String, String>) -> Result<Self, String> {
        let template = Template::parse(template)?;
        let declared = template.resources(&template.values(parameters));
        let resources = declared.iter().map(|(name, body)| {
            let kind = body.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut needs = BTreeSet::new();
            mentions(body, &mut needs);
            needs.retain(|needed| needed != name && declared.contains_key(needed));
            (name.clone(), Resource { kind, needs })
        });
        Ok(Self { resources: resources.collect() })
    }
}

/// Every name that a part of a template speaks of.
fn mentions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match (key.as_str(), inner) {
                    ("Ref" | "DependsOn", Value::String(name)) => drop(found.insert(name.clone())),
                    ("DependsOn", Value::Array(names)) => {
                        found.extend(names.iter().filter_map(Value::as_str).map(ToOwned::to_owned));
                    }
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        found.extend(parts.first().and_then(Value::as_str).map(ToOwned::to_owned));
                    }
                    ("Fn::Sub", Value::String(text)) => placeholders(text, found),
                    ("Fn::Sub", Value::Array(parts)) => {
                        parts.iter().filter_map(Value::as_str).for_each(|text| placeholders(text, found));
                        parts.iter().for_each(|part| mentions(part, found));
                    }
                    (_, inner) => mentions(inner, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| mentions(item, found)),
        _ => {}
    }
}

fn placeholders(text: &str, found: &mut BTreeSet<String>) {
    let names = expression::placeholders(text).filter_map(|placeholder| placeholder.name.split('.').next());
    found.extend(names.map(ToOwned::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
Parameters: {Vpc: {Type: String, Default: ""}}
Conditions: {New: !Equals [!Ref Vpc, ""]}
Resources:
  Network: {Type: AWS::EC2::VPC, Condition: New, Properties: {CidrBlock: 10.0.0.0/16}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !If [New, !Ref Network, !Ref Vpc]}}
  Role: {Type: AWS::IAM::Role}
  Function:
    Type: AWS::Lambda::Function
    DependsOn: [Group]
    Properties: {Role: !GetAtt Role.Arn, Name: !Sub "${Topic.TopicName}-${AWS::Region}-${Own}", Self: !Ref Function}
  Topic: {Type: AWS::SNS::Topic, Properties: {Name: !Sub ["${A}-${Group}", {A: !Ref Role}]}}
"#;

    fn needs(parameters: &[(&str, &str)], name: &str) -> Vec<String> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Graph::of(TEXT, &parameters).unwrap().resources[name].needs.iter().cloned().collect()
    }

    #[test]
    fn references_of_every_kind_are_seen_and_nothing_waits_for_itself() {
        assert_eq!(needs(&[], "Function"), ["Group", "Role", "Topic"]);
        assert_eq!(needs(&[], "Topic"), ["Group", "Role"]);
    }

    #[test]
    fn what_a_condition_leaves_out_is_waited_for_by_nobody() {
        assert_eq!(needs(&[], "Group"), ["Network"]);
        assert_eq!(needs(&[("Vpc", "vpc-1")], "Group"), Vec::<String>::new());
    }
}
