//! JSON inside the template: dashboards, state machines and other documents that CloudFormation passes on as text.

use std::collections::HashMap;

use dlt_model::{
    document::{self, Node, Value},
    problem::Place,
};

use super::{
    Scope,
    block::Block,
    expression::{self, Expression},
    finding::Findings,
    states,
    template::Entry,
};

/// Properties that hold JSON as text.
const TEXTS: [(&str, &[&str]); 6] = [
    ("AWS::CloudWatch::Dashboard", &["DashboardBody"]),
    ("AWS::ECR::Repository", &["LifecyclePolicy", "LifecyclePolicyText"]),
    ("AWS::Logs::ResourcePolicy", &["PolicyDocument"]),
    ("AWS::SSM::Parameter", &["Value"]),
    ("AWS::Scheduler::Schedule", &["Target", "Input"]),
    ("AWS::StepFunctions::StateMachine", &["DefinitionString"]),
];

/// Reports text that should be JSON and is not, and state machines that cannot run.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let texts: HashMap<_, _> = TEXTS.into_iter().collect();
    for resource in scope.template.resources.iter() {
        if let Some(keys) = texts.get(resource.kind()) {
            let nodes = resource.property(keys).map(expression::branches).unwrap_or_default();
            nodes.into_iter().for_each(|node| json(scope, resource, keys, node, findings));
        }
        if let Some(node) =
            resource.property(&["Definition"]).filter(|_| resource.kind() == "AWS::StepFunctions::StateMachine")
        {
            states::check(node, &resource.path(&["Definition"]), &|place| place, findings);
        }
    }
}

fn json(scope: &Scope<'_, '_>, resource: &Entry<'_>, keys: &[&str], node: &Node, findings: &mut Findings) {
    let Some(shape) = text_of(node) else { return };
    // A parameter's value is JSON only if it looks like it.
    if resource.kind() == "AWS::SSM::Parameter" && !shape.trim_start().starts_with(['{', '[']) {
        return;
    }
    let path = resource.path(keys);
    let text = expression::substituted(&shape, |_| "0".to_owned()).replace("${", "");
    let begin = Block::of(scope.lines, node);
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        let place = begin.then(Place { line: error.line().max(1), column: error.column().max(1) });
        let told = error.to_string();
        // The place that the error names is counted in this text; ours is counted in the template.
        let reason = told.rsplit_once(" at line ").map_or(told.as_str(), |(reason, _)| reason);
        findings.error("DLT180", place, path, format!("this text is not JSON: {reason}"));
        return;
    }
    match document::parse(&text) {
        Ok(inner) if resource.kind() == "AWS::StepFunctions::StateMachine" => {
            states::check(&inner, &path, &|place| begin.then(place), findings);
        }
        Ok(inner) if resource.kind() == "AWS::CloudWatch::Dashboard" => dashboard(&inner, &path, begin, findings),
        Ok(_) => {}
        Err(problem) => {
            let place = begin.then(problem.place.unwrap_or_default());
            findings.error("DLT180", place, path, format!("in this JSON text: {}", problem.message));
        }
    }
    if resource.kind() == "AWS::StepFunctions::StateMachine" {
        substitutions(resource, node, findings);
    }
}

fn text_of(node: &Node) -> Option<String> {
    match expression::of(node) {
        None => node.text().map(str::to_owned),
        Some(Expression::Sub(..) | Expression::Join(..)) => Some(expression::shape(node)),
        Some(_) => None,
    }
}

/// Placeholders of a definition that is no `Sub` come from `DefinitionSubstitutions`.
fn substitutions(resource: &Entry<'_>, node: &Node, findings: &mut Findings) {
    let Some(text) = expression::literal(node) else { return };
    let given = resource.property(&["DefinitionSubstitutions"]);
    for found in expression::placeholders(text).filter(|found| given.and_then(|given| given.get(found.name)).is_none())
    {
        let message = format!("`${{{}}}` is not among the DefinitionSubstitutions", found.name);
        findings.error("DLT188", node.place, resource.path(&["DefinitionString"]), message);
    }
    for (key, _) in given.map(Node::entries).unwrap_or_default() {
        if !expression::placeholders(text).any(|found| found.name == key.text) {
            let path = resource.path(&["DefinitionSubstitutions", &key.text]);
            findings.warning("DLT189", key.place, path, format!("the definition does not use `${{{}}}`", key.text));
        }
    }
}

fn dashboard(body: &Node, path: &str, begin: Block, findings: &mut Findings) {
    let Some(Value::Sequence(widgets)) = body.get("widgets").map(|node| &node.value) else {
        findings.error("DLT187", begin.then(body.place), path, "a dashboard needs a list of `widgets`");
        return;
    };
    for widget in widgets {
        for key in ["type", "properties"].into_iter().filter(|key| widget.get(key).is_none()) {
            findings.error("DLT187", begin.then(widget.place), path, format!("this widget has no `{key}`"));
        }
        let right = number(widget, "x").unwrap_or(0.0) + number(widget, "width").unwrap_or(6.0);
        if right > 24.0 {
            let message = format!("this widget ends at column {right}; a dashboard has 24");
            findings.error("DLT187", begin.then(widget.place), path, message);
        }
    }
}

fn number(node: &Node, key: &str) -> Option<f64> {
    node.get(key)?.text()?.parse().ok()
}
