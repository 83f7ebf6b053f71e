//! What follows from a replacement: whatever refers to a resource that is made anew will refer to the new one, and may itself
//! be made anew by that.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Evidence, PropertyChange, PropertyDiff, ResourceDiff, Side, act, kind_of};
use crate::deploy::{
    catalogue::{self, Recreation},
    changes::Act,
};

/// Adds to the differences those that only follow from others, until nothing more follows.
pub(super) fn follow(diffs: &mut BTreeMap<String, ResourceDiff>, live: &Side, wanted: &Side) {
    let references: Vec<(&String, Vec<Reference>)> = wanted
        .resources
        .iter()
        .filter(|(name, _)| live.resources.contains_key(*name))
        .map(|(name, resource)| (name, references(resource.get("Properties").unwrap_or(&Value::Null))))
        .collect();
    // Every round makes at least one more resource anew, so there are no more rounds than resources.
    for _ in 0..=wanted.resources.len() {
        let anew = made_anew(diffs, live, wanted);
        let mut grown = false;
        for (name, references) in &references {
            for reference in references {
                if let Some(recreation) = anew.get(&reference.to).filter(|_| reference.to != **name) {
                    grown |= refer(diffs, name, &wanted.resources[*name], reference, *recreation);
                }
            }
        }
        if !grown {
            return;
        }
    }
}

/// The resources that are, or may be, made anew, as far as is known.
fn made_anew(diffs: &BTreeMap<String, ResourceDiff>, live: &Side, wanted: &Side) -> BTreeMap<String, Recreation> {
    let recreation =
        |name: &String, diff: &ResourceDiff| match act(diff, live.resources.get(name), wanted.resources.get(name)) {
            Act::Replace => Some(Recreation::Always),
            Act::MayReplace => Some(Recreation::Perhaps),
            _ => None,
        };
    diffs.iter().filter_map(|(name, diff)| Some((name.clone(), recreation(name, diff)?))).collect()
}

/// Writes down that a place refers to something made anew. False when that was known.
fn refer(
    diffs: &mut BTreeMap<String, ResourceDiff>,
    name: &str,
    resource: &Value,
    reference: &Reference,
    certainty: Recreation,
) -> bool {
    let kind = kind_of(resource);
    let recreation = catalogue::recreation(&kind, &reference.path).min(certainty);
    let diff = diffs.entry(name.to_owned()).or_insert_with(|| ResourceDiff {
        logical_id: name.to_owned(),
        kind,
        act: Act::Modify,
        ..ResourceDiff::default()
    });
    if let Some(known) = diff.properties.iter_mut().find(|it| it.at.path == reference.path) {
        let grew = recreation > known.recreation;
        known.recreation = known.recreation.max(recreation);
        known.at.recreates = known.recreation == Recreation::Always;
        return grew;
    }
    let value = Some(reference.value.clone());
    diff.properties.push(PropertyChange {
        at: PropertyDiff {
            path: reference.path.clone(),
            before: value.clone(),
            after: value,
            recreates: recreation == Recreation::Always,
        },
        recreation,
        seen: Evidence::Local,
        follows: Some(reference.to.clone()),
    });
    true
}

/// A place that refers to a resource.
struct Reference {
    path: String,
    to: String,
    value: Value,
}

fn references(properties: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    collect("", properties, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut Vec<Reference>) {
    let mut refer = |to: &str| found.push(Reference { path: path.to_owned(), to: to.to_owned(), value: value.clone() });
    match value {
        Value::Object(object) => match (object.len(), object.iter().next()) {
            (1, Some((key, Value::String(name)))) if key == "Ref" => refer(name),
            (1, Some((key, Value::Array(parts)))) if key == "Fn::GetAtt" => {
                parts.first().and_then(Value::as_str).into_iter().for_each(refer);
            }
            (1, Some((key, argument))) if key == "Fn::Sub" => {
                let text = argument.as_str().or_else(|| argument.get(0)?.as_str()).unwrap_or_default();
                text.split("${").skip(1).filter_map(|rest| rest.split(['.', '}']).next()).for_each(refer);
            }
            (1, Some((key, argument))) if key.starts_with("Fn::") => collect(path, argument, found),
            _ => object.iter().for_each(|(key, inner)| {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(&below, inner, found);
            }),
        },
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| {
            collect(&format!("{path}[{index}]"), inner, found);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::template::Template, *};

    fn between(live: &str, wanted: &str) -> Vec<ResourceDiff> {
        let side = |text: &str| Side::new(&Template::parse(text).unwrap(), &BTreeMap::new(), &[]);
        super::super::resources(&side(live), &side(wanted))
    }

    const NETWORK: &str = r"
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  Cluster: { Type: AWS::ECS::Service, Properties: { LaunchType: FARGATE, NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [ !GetAtt Subnet.SubnetId ] } } } }
  Note: { Type: AWS::SSM::Parameter, Properties: { Name: n, Value: !Sub 'in ${Subnet}' } }
  Other: { Type: AWS::SNS::Topic }
";

    #[test]
    fn a_new_network_makes_its_subnets_anew_and_changes_what_lies_in_them() {
        let diff = between(NETWORK, &NETWORK.replace("10.0.0.0/16", "10.1.0.0/16"));
        let told: Vec<_> = diff
            .iter()
            .map(|it| (it.logical_id.as_str(), it.act, it.properties.iter().find_map(|it| it.follows.as_deref())))
            .collect();
        assert_eq!(
            told,
            [
                ("Subnet", Act::Replace, Some("Vpc")),
                ("Vpc", Act::Replace, None),
                ("Cluster", Act::Modify, Some("Subnet")),
                ("Note", Act::Modify, Some("Subnet")),
            ]
        );
    }

    #[test]
    fn what_follows_from_a_perhaps_is_a_perhaps() {
        let text = "Resources: {R: {Type: AWS::Events::Rule, Properties: {EventBusName: one}}, P: {Type: AWS::SSM::Parameter, Properties: {Name: !GetAtt R.Name, Value: x}}}";
        let diff = between(text, &text.replace("one", "two"));
        assert_eq!(diff.iter().map(|it| it.act).collect::<Vec<_>>(), [Act::MayReplace, Act::MayReplace]);
    }

    #[test]
    fn two_that_refer_to_each_other_end() {
        let text = "Resources: {A: {Type: AWS::S3::Bucket, Properties: {BucketName: a, X: !Ref B}}, B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref A}}}";
        let diff = between(text, &text.replace("BucketName: a", "BucketName: c"));
        assert!(diff.iter().all(|it| it.act == Act::Replace && it.properties.len() <= 2), "{diff:#?}");
    }
}
