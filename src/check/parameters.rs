//! Parameters whose own rules refuse their default.

use dlt_model::document::Node;
use regex_lite::Regex;

use super::{
    Scope,
    finding::{Findings, did_you_mean},
    template::Entry,
};

const KEYS: [&str; 10] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
];

/// How long a parameter's value may be, in bytes.
const MAX_VALUE_BYTES: usize = 4_096;

/// Reports defaults that are not allowed, and declarations that CloudFormation refuses.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for parameter in scope.template.parameters.iter() {
        declaration(parameter, findings);
        if let Some(default) = parameter.body.get("Default") {
            Default { parameter, node: default, text: default.text().unwrap_or_default() }.check(findings);
        }
    }
}

fn declaration(parameter: &Entry<'_>, findings: &mut Findings) {
    let path = format!("Parameters.{}", parameter.name);
    for (key, _) in
        parameter.body.entries().iter().filter(|(key, _)| key.text != "Type" && !KEYS.contains(&key.text.as_str()))
    {
        let hint = did_you_mean(&key.text, KEYS);
        let message = format!("a parameter has no `{}`", key.text);
        findings.error("DLT143", key.place, format!("{path}.{}", key.text), message).maybe(hint);
    }
    let kind = parameter.kind();
    let known = matches!(kind, "String" | "Number" | "CommaDelimitedList" | "List<Number>" | "List<String>")
        || kind.starts_with("AWS::SSM::Parameter::")
        || kind.trim_start_matches("List<").starts_with("AWS::");
    if !known {
        let message = if kind.is_empty() {
            "a parameter needs a `Type`".to_owned()
        } else {
            format!("`{kind}` is not a type of parameters")
        };
        findings
            .error("DLT143", parameter.place, path, message)
            .maybe(did_you_mean(kind, ["String", "Number", "CommaDelimitedList"]));
    }
}

struct Default<'e, 'a> {
    parameter: &'e Entry<'a>,
    node: &'a Node,
    text: &'a str,
}

impl Default<'_, '_> {
    fn check(&self, findings: &mut Findings) {
        if self.node.text().is_none() {
            return self.refuse(
                "DLT144",
                "a default must be text, also of a list: write its items with commas between",
                findings,
            );
        }
        self.allowed_values(findings);
        self.allowed_pattern(findings);
        self.bounds(findings);
        if self.text.len() > MAX_VALUE_BYTES {
            self.refuse(
                "DLT155",
                &format!("the default has {} bytes; CloudFormation takes {MAX_VALUE_BYTES}", self.text.len()),
                findings,
            );
        }
    }

    fn refuse(&self, code: &'static str, message: &str, findings: &mut Findings) {
        findings.error(code, self.node.place, format!("Parameters.{}.Default", self.parameter.name), message);
    }

    /// The values that are judged: each item of a list on its own.
    fn values(&self) -> Vec<&str> {
        let list = self.parameter.kind().contains("List");
        if list { self.text.split(',').map(str::trim).collect() } else { vec![self.text] }
    }

    fn allowed_values(&self, findings: &mut Findings) {
        let Some(node) = self.parameter.body.get("AllowedValues") else { return };
        let allowed: Vec<_> = node.items().iter().filter_map(Node::text).collect();
        for value in self.values().into_iter().filter(|value| !allowed.contains(value)) {
            self.refuse(
                "DLT140",
                &format!("the default `{value}` is not one of the allowed values: {}", allowed.join(", ")),
                findings,
            );
        }
    }

    fn allowed_pattern(&self, findings: &mut Findings) {
        let Some(node) = self.parameter.body.get("AllowedPattern") else { return };
        let pattern = node.text().unwrap_or_default();
        let path = format!("Parameters.{}.AllowedPattern", self.parameter.name);
        // CloudFormation wants the whole value to match.
        let Ok(regex) = Regex::new(&format!("^(?:{pattern})$")) else {
            findings.note(
                "DLT145",
                node.place,
                path,
                "not covered: a pattern that our regular expressions do not know",
            );
            return;
        };
        for value in self.values().into_iter().filter(|value| !regex.is_match(value)) {
            self.refuse(
                "DLT141",
                &format!("the default `{value}` does not match the allowed pattern `{pattern}`"),
                findings,
            );
        }
    }

    fn bounds(&self, findings: &mut Findings) {
        let numeric = self.parameter.kind().contains("Number");
        if numeric && self.values().iter().any(|value| value.parse::<f64>().is_err()) {
            return self.refuse("DLT144", &format!("the default `{}` is not a number", self.text), findings);
        }
        let length = self.text.chars().count() as f64;
        let measured = self.text.parse().unwrap_or(0.0);
        let bounds = [
            ("MinLength", length, true, !numeric),
            ("MaxLength", length, false, !numeric),
            ("MinValue", measured, true, numeric),
            ("MaxValue", measured, false, numeric),
        ];
        for (key, value, least, _) in bounds.into_iter().filter(|bound| bound.3) {
            let Some(bound) =
                self.parameter.body.get(key).and_then(Node::text).and_then(|text| text.parse::<f64>().ok())
            else {
                continue;
            };
            if (least && value < bound) || (!least && value > bound) {
                let what = if numeric { "value" } else { "length" };
                let side = if least { "below" } else { "above" };
                self.refuse(
                    "DLT142",
                    &format!("the {what} {value} of the default is {side} `{key}` {bound}"),
                    findings,
                );
            }
        }
    }
}
