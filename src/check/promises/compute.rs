//! What runs: every function with a role and a log group of its own, and nothing that runs inside a deployment.

use std::collections::HashMap;

use crate::check::{Scope, expression, finding::Findings, template::Entry};

/// Functions, and custom resources.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let mut roles: HashMap<String, &str> = HashMap::new();
    for function in scope.template.of_type("AWS::Lambda::Function") {
        let Some(node) = function.property(&["Role"]) else { continue };
        let role = scope.template.named_by(node).map_or_else(|| expression::shape(node), |role| role.name.to_owned());
        if let Some(first) = roles.get(&role) {
            let message = format!("function `{}` shares its role `{role}` with `{first}`", function.name);
            findings.error("DLT308", node.place, function.path(&["Role"]), message);
        }
        roles.entry(role).or_insert(function.name);
    }
    let groups: Vec<_> = scope.template.of_type("AWS::Logs::LogGroup").collect();
    for function in
        scope.template.of_type("AWS::Lambda::Function").filter(|function| !has_log_group(scope, function, &groups))
    {
        let message = format!(
            "function `{}` has no log group in this template, so Lambda makes one that is never deleted",
            function.name
        );
        findings
            .error("DLT309", function.place, function.path(&["LoggingConfig"]), message)
            .hint("add an AWS::Logs::LogGroup and name it in LoggingConfig.LogGroup");
    }
    for resource in scope.template.resources.iter() {
        if resource.kind().starts_with("Custom::") || resource.kind() == "AWS::CloudFormation::CustomResource" {
            let message =
                format!("`{}` is a custom resource, which drifts unseen and can hang a deployment", resource.name);
            findings.error("DLT310", resource.place, format!("Resources.{}", resource.name), message);
        }
    }
}

fn has_log_group(scope: &Scope<'_, '_>, function: &Entry<'_>, groups: &[&Entry<'_>]) -> bool {
    let named = function.property(&["LoggingConfig", "LogGroup"]);
    let names: Vec<_> =
        groups.iter().filter_map(|group| group.property(&["LogGroupName"])).map(expression::shape).collect();
    if let Some(node) = named {
        let resource = scope.template.named_by(node).is_some_and(|found| found.kind() == "AWS::Logs::LogGroup");
        return resource || names.contains(&expression::shape(node));
    }
    let own = function.property(&["FunctionName"]).map(|node| format!("/aws/lambda/{}", expression::shape(node)));
    names.iter().any(|name| *name == format!("/aws/lambda/${{{}}}", function.name) || own.as_ref() == Some(name))
}
