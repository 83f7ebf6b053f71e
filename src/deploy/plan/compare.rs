//! What differs between a stack as we want it and the stack as it is: resources, parameters, tags, other sections. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Live, ValueDiff, Wanted};
use crate::deploy::{
    area::Area,
    diff::{self, PropertyDiff, ResourceDiff, Side},
    status::{Standing, standing},
    template::{Template, pseudo},
};

/// What differs between a stack as we want it and the stack as it is.
pub(super) struct Compared {
    pub resources: Vec<ResourceDiff>,
    pub parameters: Vec<ValueDiff>,
    pub tags: Vec<ValueDiff>,
    pub sections: Vec<PropertyDiff>,
    pub unchanged: BTreeMap<Area, usize>,
    pub unreadable: bool,
}

impl Compared {
    /// Compares what is wanted with what is there.
    pub fn new(wanted: &Wanted, live: &Live) -> Self {
        let is_there = !matches!(standing(live.status.as_deref()), Standing::Absent | Standing::Review);
        let old = live.template.as_deref().filter(|_| is_there).unwrap_or("Resources: {}");
        let same_text = old.trim_end() == wanted.template.trim_end();
        let (Ok(old), Ok(new)) = (Template::parse(old), Template::parse(&wanted.template)) else {
            let (resources, parameters, tags, sections) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            return Self { resources, parameters, tags, sections, unchanged: BTreeMap::new(), unreadable: !same_text };
        };
        let pseudo = pseudo(&live.stack_id);
        let (given, wish) = (hidden(&new, &live.parameters), hidden(&new, &wanted.parameters));
        let (before, after) = (Side::new(&old, &given, &pseudo), Side::new(&new, &wish, &pseudo));
        let resources = diff::resources(&before, &after);
        let unchanged = unchanged(&after, &resources);
        Self {
            resources,
            parameters: values_diff(&given, &new.values(&wish)),
            tags: values_diff(&live.tags, &wanted.tags),
            sections: sections((&old, &given), (&new, &wish), &pseudo),
            unchanged,
            unreadable: false,
        }
    }

    /// Whether there is anything to do.
    pub fn differs(&self) -> bool {
        self.unreadable
            || !(self.resources.is_empty()
                && self.parameters.is_empty()
                && self.tags.is_empty()
                && self.sections.iter().all(|it| it.path.starts_with("Parameters")))
    }
}

/// What AWS shows instead of a value that is a secret.
const HIDDEN: &str = "****";

/// The values as AWS shows them: those that are secret are neither compared nor shown.
fn hidden(template: &Template, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut shown = values.clone();
    for name in template.unseen() {
        shown.entry(name.clone()).and_modify(|value| HIDDEN.clone_into(value));
    }
    shown
}

fn unchanged(after: &Side, resources: &[ResourceDiff]) -> BTreeMap<Area, usize> {
    let differs = |name: &String| resources.iter().any(|it| it.logical_id == *name);
    let mut unchanged = BTreeMap::new();
    for (name, resource) in after.resources.iter().filter(|(name, _)| !differs(name)) {
        *unchanged.entry(Area::of(&diff::kind_of(resource), name)).or_default() += 1;
    }
    unchanged
}

type Given<'a> = (&'a Template, &'a BTreeMap<String, String>);

/// Outputs are compared with the values put in; the other sections matter by what they do to resources, and are compared
/// as they are written.
fn sections(old: Given<'_>, new: Given<'_>, pseudo: &[(String, String)]) -> Vec<PropertyDiff> {
    let outputs = |(template, given): Given<'_>| {
        let mut values = template.values(given);
        values.extend(pseudo.iter().cloned());
        json!(template.existing("Outputs", &values))
    };
    let mut found = diff::values("Outputs", Some(&outputs(old)), Some(&outputs(new)));
    for name in ["Parameters", "Conditions", "Mappings", "Rules", "Transform", "Metadata", "Description"] {
        found.extend(diff::values(name, old.0.section(name), new.0.section(name)));
    }
    found
}

fn values_diff(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<ValueDiff> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| ValueDiff { name: name.clone(), before: old.get(name).cloned(), after: new.get(name).cloned() })
        .collect()
}
