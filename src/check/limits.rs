//! CloudFormation's sizes and counts.
//!
//! Numbers from the AWS CloudFormation quotas and the IAM quotas pages.

use dlt_model::{document::Node, problem::Place};

use super::{
    Scope, expression,
    finding::Findings,
    policies::{self, Use as PolicyUse},
    template::Section,
};

const INLINE_BYTES: usize = 51_200;
const TEMPLATE_BYTES: usize = 1_000_000;
const DESCRIPTION_BYTES: usize = 1_024;
const NAME_CHARACTERS: usize = 255;
const MAPPING_KEYS: usize = 200;
const OUTPUT_CHARACTERS: usize = 1_024;
const INLINE_CODE_BYTES: usize = 4_194_304;
const EDGE_CODE_BYTES: usize = 10_240;
const MANAGED_POLICY_CHARACTERS: usize = 6_144;
const ROLE_POLICIES_CHARACTERS: usize = 10_240;
const TRUST_POLICY_CHARACTERS: usize = 2_048;

/// Reports what is too long or too many.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    whole(scope, findings);
    let template = scope.template;
    for (title, section, most) in [
        ("Parameters", &template.parameters, 200),
        ("Mappings", &template.mappings, 200),
        ("Resources", &template.resources, 500),
        ("Outputs", &template.outputs, 200),
    ] {
        count(title, section, most, findings);
        names(title, section, findings);
    }
    tables(&template.mappings, findings);
    code(scope, findings);
    policy_sizes(scope, findings);
}

fn whole(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let start = Place { line: 1, column: 1 };
    let bytes = scope.text.len();
    if bytes > TEMPLATE_BYTES {
        findings.error(
            "DLT150",
            start,
            "",
            format!("the template has {bytes} bytes; CloudFormation takes {TEMPLATE_BYTES} from S3"),
        );
    } else if bytes > INLINE_BYTES {
        let message = format!(
            "the template has {bytes} bytes, more than the {INLINE_BYTES} that fit into a request: it goes by S3"
        );
        findings.note("DLT151", start, "", message);
    }
    let description = scope.template.root.get("Description");
    if let Some(node) = description.filter(|node| node.text().is_some_and(|text| text.len() > DESCRIPTION_BYTES)) {
        findings.error(
            "DLT154",
            node.place,
            "Description",
            format!("the description is longer than {DESCRIPTION_BYTES} bytes"),
        );
    }
    for output in scope.template.outputs.iter() {
        let description = output.body.get("Description");
        if let Some(node) =
            description.filter(|node| node.text().is_some_and(|text| text.chars().count() > OUTPUT_CHARACTERS))
        {
            let message = format!("the description is longer than {OUTPUT_CHARACTERS} characters");
            findings.error("DLT154", node.place, format!("Outputs.{}.Description", output.name), message);
        }
    }
}

fn count(title: &str, section: &Section<'_>, most: usize, findings: &mut Findings) {
    if let Some(first) = section.iter().nth(most) {
        let message = format!("{} {}; CloudFormation takes {most}", section.len(), title.to_lowercase());
        findings.error("DLT152", first.place, title, message);
    }
}

fn names(title: &str, section: &Section<'_>, findings: &mut Findings) {
    for entry in section.iter() {
        let odd = entry.name.chars().any(|letter| !letter.is_ascii_alphanumeric());
        if odd || entry.name.is_empty() || entry.name.len() > NAME_CHARACTERS {
            let message =
                format!("`{}` must be up to {NAME_CHARACTERS} letters and digits, and nothing else", entry.name);
            findings.error("DLT153", entry.place, format!("{title}.{}", entry.name), message);
        }
    }
}

fn tables(mappings: &Section<'_>, findings: &mut Findings) {
    for mapping in mappings.iter() {
        let largest = mapping.body.entries().iter().map(|(_, row)| row.entries().len()).max().unwrap_or(0);
        let keys = mapping.body.entries().len().max(largest);
        if keys > MAPPING_KEYS {
            let message =
                format!("mapping `{}` has {keys} keys on one level; CloudFormation takes {MAPPING_KEYS}", mapping.name);
            findings.error("DLT152", mapping.place, format!("Mappings.{}", mapping.name), message);
        }
    }
}

fn code(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for (kind, keys, most) in [
        ("AWS::Lambda::Function", &["Code", "ZipFile"][..], INLINE_CODE_BYTES),
        ("AWS::CloudFront::Function", &["FunctionCode"][..], EDGE_CODE_BYTES),
    ] {
        for resource in scope.template.of_type(kind) {
            let Some(node) = resource.property(keys) else { continue };
            let bytes = expression::shape(node).len();
            if bytes > most {
                let message = format!("the code has {bytes} bytes; {kind} takes {most} here");
                findings.error("DLT158", node.place, resource.path(keys), message);
            }
        }
    }
}

/// IAM counts the characters of a policy without white space. Names that are not known yet count as they are written, so this
/// is an estimate from below.
fn policy_sizes(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for resource in scope.template.resources.iter() {
        let mut inline = 0;
        for policy in policies::of(resource) {
            let characters = json_size(policy.document);
            let (most, what) = match policy.usage {
                PolicyUse::Trust => (TRUST_POLICY_CHARACTERS, "a trust policy"),
                PolicyUse::Managed => (MANAGED_POLICY_CHARACTERS, "a managed policy"),
                PolicyUse::Inline => {
                    inline += characters;
                    (ROLE_POLICIES_CHARACTERS, "the inline policies of a role")
                }
                PolicyUse::Resource => continue,
            };
            let characters = if policy.usage == PolicyUse::Inline { inline } else { characters };
            if characters > most {
                let message = format!("about {characters} characters; {what} may have {most}");
                findings.error("DLT156", policy.document.place, policy.path, message);
            }
        }
    }
}

fn json_size(node: &Node) -> usize {
    let function = expression::of(node).is_some();
    match &node.value {
        _ if function => expression::shape(node).chars().count() + 2,
        dlt_model::document::Value::Scalar { text, .. } => text.chars().count() + 2,
        dlt_model::document::Value::Sequence(items) => items.iter().map(|item| json_size(item) + 1).sum::<usize>() + 1,
        dlt_model::document::Value::Mapping(entries) => {
            entries.iter().map(|(key, value)| key.text.chars().count() + 3 + json_size(value) + 1).sum::<usize>() + 1
        }
    }
}
