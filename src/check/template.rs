//! A CloudFormation template as the checks see it: its sections, by name and in order.

use std::collections::HashMap;

use dlt_model::{
    document::{Node, Value},
    problem::Place,
};

use super::{
    expression::{self, Expression},
    finding::{Findings, did_you_mean},
};

/// One named thing of a section.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its logical name.
    pub name: &'a str,
    /// Where the name stands.
    pub place: Place,
    /// What is said about it.
    pub body: &'a Node,
}

impl<'a> Entry<'a> {
    /// The type of a resource or parameter; empty when it has none.
    pub fn kind(&self) -> &'a str {
        self.body.get("Type").and_then(Node::text).unwrap_or_default()
    }

    /// The condition under which it exists.
    pub fn condition(&self) -> Option<&'a str> {
        self.body.get("Condition").and_then(Node::text)
    }

    /// A value under `Properties`, by its keys.
    pub fn property(&self, keys: &[&str]) -> Option<&'a Node> {
        keys.iter().try_fold(self.body.get("Properties")?, |node, key| node.get(key))
    }

    /// Whether a property, in some branch of its `Fn::If`s, is one of the given literals.
    pub fn property_is(&self, keys: &[&str], wanted: &[&str]) -> bool {
        let values = self.property(keys).map(expression::branches).unwrap_or_default();
        !values.is_empty()
            && values.iter().all(|node| expression::literal(node).is_some_and(|text| wanted.contains(&text)))
    }

    /// The path of one of its properties, for findings.
    pub fn path(&self, keys: &[&str]) -> String {
        let mut path = format!("Resources.{}.Properties", self.name);
        for key in keys {
            path.push('.');
            path.push_str(key);
        }
        path
    }
}

/// A section: entries in the order of the text, and by name.
#[derive(Debug, Default)]
pub struct Section<'a> {
    entries: Vec<Entry<'a>>,
    index: HashMap<&'a str, usize>,
}

impl<'a> Section<'a> {
    fn of(root: &'a Node, name: &str) -> Self {
        let node = root.get(name);
        let entries: Vec<_> = node
            .map_or(&[][..], Node::entries)
            .iter()
            .filter(|(key, _)| !key.text.starts_with("Fn::"))
            .map(|(key, body)| Entry { name: &key.text, place: key.place, body })
            .collect();
        let index = entries.iter().enumerate().map(|(position, entry)| (entry.name, position)).collect();
        Self { entries, index }
    }

    /// The entry of a name.
    pub fn get(&self, name: &str) -> Option<&Entry<'a>> {
        self.index.get(name).map(|&position| &self.entries[position])
    }

    /// Whether there is an entry of this name.
    pub fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// All entries in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry<'a>> {
        self.entries.iter()
    }

    /// All names in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A template.
#[derive(Debug)]
pub struct Template<'a> {
    /// The whole document.
    pub root: &'a Node,
    /// What the person who deploys may choose.
    pub parameters: Section<'a>,
    /// Constant tables.
    pub mappings: Section<'a>,
    /// Assertions about parameters.
    pub rules: Section<'a>,
    /// Named truths about parameters.
    pub conditions: Section<'a>,
    /// What is made.
    pub resources: Section<'a>,
    /// What the stack tells.
    pub outputs: Section<'a>,
}

const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

const RESOURCE_KEYS: [&str; 9] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

impl<'a> Template<'a> {
    /// Sees a document as a template. What does not fit is left out here and reported by [`structure`].
    pub fn of(root: &'a Node) -> Self {
        Self {
            root,
            parameters: Section::of(root, "Parameters"),
            mappings: Section::of(root, "Mappings"),
            rules: Section::of(root, "Rules"),
            conditions: Section::of(root, "Conditions"),
            resources: Section::of(root, "Resources"),
            outputs: Section::of(root, "Outputs"),
        }
    }

    /// The resources of a type, in the order of the text.
    pub fn of_type<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Entry<'a>> {
        self.resources.iter().filter(move |resource| resource.kind() == kind)
    }

    /// The resource that a value names, by `Ref`, `GetAtt` or the only placeholder of a `Sub`.
    pub fn named_by(&self, node: &Node) -> Option<&Entry<'a>> {
        let name = match expression::of(node)? {
            Expression::Ref(name) | Expression::GetAtt(name, _) => name,
            Expression::Sub(text, _) => expression::placeholders(text).next()?.name.split('.').next()?,
            _ => return None,
        };
        self.resources.get(name)
    }
}

/// Reports what is not shaped like a template.
pub fn structure(template: &Template<'_>, findings: &mut Findings) {
    for (key, node) in template.root.entries() {
        if !SECTIONS.contains(&key.text.as_str()) {
            let hint = did_you_mean(&key.text, SECTIONS);
            findings
                .error("DLT002", key.place, &key.text, format!("`{}` is not a section of a template", key.text))
                .maybe(hint);
        } else if is_table(&key.text) && !matches!(node.value, Value::Mapping(_)) {
            findings.error(
                "DLT002",
                node.place,
                &key.text,
                format!("`{}` must be a mapping, not {}", key.text, node.kind()),
            );
        }
        report_uncovered(&key.text, node, key.place, findings);
    }
    if template.root.get("Resources").is_none() {
        findings.error("DLT002", template.root.place, "", "a template needs `Resources`");
    }
    for resource in template.resources.iter() {
        resource_shape(resource, findings);
    }
    for output in template.outputs.iter().filter(|output| output.body.get("Value").is_none()) {
        findings.error("DLT002", output.place, format!("Outputs.{}", output.name), "an output needs a `Value`");
    }
}

fn is_table(section: &str) -> bool {
    matches!(section, "Conditions" | "Mappings" | "Outputs" | "Parameters" | "Resources" | "Rules")
}

fn report_uncovered(section: &str, node: &Node, place: Place, findings: &mut Findings) {
    if section == "Transform" {
        findings.warning(
            "DLT003",
            place,
            "Transform",
            "transforms are not covered: what they make of the template is not checked",
        );
    }
    for (key, _) in node.entries().iter().filter(|(key, _)| is_table(section) && key.text.starts_with("Fn::")) {
        let message = format!("`{}` is not covered: what it makes of the template is not checked", key.text);
        findings.warning("DLT003", key.place, format!("{section}.{}", key.text), message);
    }
}

fn resource_shape(resource: &Entry<'_>, findings: &mut Findings) {
    let path = format!("Resources.{}", resource.name);
    if !matches!(resource.body.value, Value::Mapping(_)) {
        findings.error(
            "DLT002",
            resource.place,
            path,
            format!("a resource must be a mapping, not {}", resource.body.kind()),
        );
        return;
    }
    if resource.kind().is_empty() {
        findings.error("DLT002", resource.place, path.as_str(), "a resource needs a `Type`");
    }
    for (key, _) in resource.body.entries().iter().filter(|(key, _)| !RESOURCE_KEYS.contains(&key.text.as_str())) {
        let hint = did_you_mean(&key.text, RESOURCE_KEYS);
        let message = format!("a resource has no `{}`", key.text);
        findings.error("DLT002", key.place, format!("{path}.{}", key.text), message).maybe(hint);
    }
}
