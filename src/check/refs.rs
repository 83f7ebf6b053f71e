//! Names that lead nowhere: `Ref`, `GetAtt`, `Sub`, `DependsOn`, `Condition`, `FindInMap`.

use super::{
    Scope, attributes,
    finding::{Findings, did_you_mean},
    uses::{Kind, Owner, Use},
};

const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Reports every use of something that is not there.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for found in scope.uses {
        match found.kind {
            Kind::Ref => value(scope, found, "DLT101", "Ref", findings),
            Kind::Sub if found.attribute.is_none() => value(scope, found, "DLT103", "Sub", findings),
            Kind::Sub => attribute(scope, found, "DLT103", findings),
            Kind::GetAtt => attribute(scope, found, "DLT102", findings),
            Kind::DependsOn => resource(scope, found, "DLT104", "DependsOn", findings),
            Kind::Condition => condition(scope, found, findings),
            Kind::Map => mapping(scope, found, findings),
        }
    }
}

fn value(scope: &Scope<'_, '_>, found: &Use<'_>, code: &'static str, what: &str, findings: &mut Findings) {
    let name = found.target;
    if PSEUDO_PARAMETERS.contains(&name) || scope.template.parameters.has(name) {
        return;
    }
    if matches!(found.owner, Owner::Condition(_) | Owner::Rule(_)) && scope.template.resources.has(name) {
        let message =
            format!("{what} to resource `{name}`, but conditions and rules are decided before any resource exists");
        findings.error("DLT113", found.place, found.path.as_str(), message);
    } else if !scope.template.resources.has(name) {
        let known = scope.template.parameters.names().chain(scope.template.resources.names()).chain(PSEUDO_PARAMETERS);
        let message = format!("{what} to `{name}`, which is neither a parameter nor a resource");
        findings.error(code, found.place, found.path.as_str(), message).maybe(did_you_mean(name, known));
    }
}

fn resource(scope: &Scope<'_, '_>, found: &Use<'_>, code: &'static str, what: &str, findings: &mut Findings) {
    if !scope.template.resources.has(found.target) {
        let message = format!("{what} to `{}`, which is not a resource", found.target);
        let hint = did_you_mean(found.target, scope.template.resources.names());
        findings.error(code, found.place, found.path.as_str(), message).maybe(hint);
    }
}

fn attribute(scope: &Scope<'_, '_>, found: &Use<'_>, code: &'static str, findings: &mut Findings) {
    let what = if found.kind == Kind::Sub { "Sub" } else { "GetAtt" };
    resource(scope, found, code, what, findings);
    let (Some(target), Some(attribute)) = (scope.template.resources.get(found.target), found.attribute) else { return };
    match attributes::of(target.kind()) {
        attributes::Known::Any => {}
        attributes::Known::Only(known) if known.contains(&attribute) => {}
        attributes::Known::Only(known) => {
            let message = format!("`{}` of type {} has no attribute `{attribute}`", target.name, target.kind());
            let hint = did_you_mean(attribute, known.iter().copied()).or_else(|| attributes::listed(known));
            findings.error("DLT107", found.place, found.path.as_str(), message).maybe(hint);
        }
        attributes::Known::Nothing => {
            let message = format!("not covered: whether type {} has an attribute `{attribute}`", target.kind());
            findings.note("DLT108", found.place, found.path.as_str(), message);
        }
    }
}

fn condition(scope: &Scope<'_, '_>, found: &Use<'_>, findings: &mut Findings) {
    if !scope.template.conditions.has(found.target) {
        let message = format!("condition `{}` is not declared", found.target);
        let hint = did_you_mean(found.target, scope.template.conditions.names());
        findings.error("DLT105", found.place, found.path.as_str(), message).maybe(hint);
    }
}

fn mapping(scope: &Scope<'_, '_>, found: &Use<'_>, findings: &mut Findings) {
    let Some(table) = scope.template.mappings.get(found.target) else {
        let hint = did_you_mean(found.target, scope.template.mappings.names());
        let message = format!("mapping `{}` is not declared", found.target);
        findings.error("DLT106", found.place, found.path.as_str(), message).maybe(hint);
        return;
    };
    let mut node = table.body;
    for key in found.keys.iter().map_while(|key| *key) {
        let Some(next) = node.get(key) else {
            let hint = did_you_mean(key, node.entries().iter().map(|(key, _)| key.text.as_str()));
            let message = format!("mapping `{}` has no key `{key}`", found.target);
            findings.error("DLT106", found.place, found.path.as_str(), message).maybe(hint);
            return;
        };
        node = next;
    }
}
