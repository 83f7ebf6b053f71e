//! Exceptions with a reason: `Metadata: {dlt: {allow: {DLT303: "written once, read once"}}}` on a resource, or on the template
//! for what stands in no resource.

use dlt_model::{document::Node, problem::Place};

use super::{codes, finding::Findings, template::Template};

struct Exception<'a> {
    resource: Option<&'a str>,
    code: &'a str,
    place: Place,
    path: String,
    used: bool,
}

/// Takes out the findings that are excepted, and reports exceptions without effect.
pub fn apply(template: &Template<'_>, findings: &mut Findings) {
    let mut exceptions = collect(template, findings);
    findings.retain(|finding| {
        let exception = exceptions
            .iter_mut()
            .find(|exception| exception.resource == finding.resource() && exception.code == finding.code);
        exception.map(|exception| exception.used = true).is_none()
    });
    for exception in exceptions.into_iter().filter(|exception| !exception.used) {
        let message = format!("{} is allowed here, but there is nothing to allow", exception.code);
        findings.warning("DLT004", exception.place, exception.path, message).hint("take the exception out");
    }
}

fn collect<'a>(template: &Template<'a>, findings: &mut Findings) -> Vec<Exception<'a>> {
    let whole = [(None, String::new(), template.root)];
    let each = template
        .resources
        .iter()
        .map(|resource| (Some(resource.name), format!("Resources.{}.", resource.name), resource.body));
    let mut exceptions = Vec::new();
    for (resource, prefix, node) in whole.into_iter().chain(each) {
        let Some(allowed) = node.get("Metadata").and_then(|node| node.get("dlt")).and_then(|node| node.get("allow"))
        else {
            continue;
        };
        for (code, reason) in allowed.entries() {
            let path = format!("{prefix}Metadata.dlt.allow.{}", code.text);
            match objection(&code.text, reason) {
                Some(message) => drop(findings.error("DLT005", code.place, path, message)),
                None => exceptions.push(Exception { resource, code: &code.text, place: code.place, path, used: false }),
            }
        }
    }
    exceptions
}

fn objection(code: &str, reason: &Node) -> Option<String> {
    if codes::title(code).is_none() {
        return Some(format!("`{code}` is not a code of the checker"));
    }
    let reasoned = reason.text().is_some_and(|text| text.trim().chars().count() >= 10);
    (!reasoned).then(|| format!("the exception from {code} needs a reason, as a sentence"))
}
