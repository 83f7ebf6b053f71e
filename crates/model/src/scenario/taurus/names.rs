//! Which names a document itself gives a meaning to, and what `${NAME}` stands for before anything else is read.
//!
//! A name that `variables`, an extractor, a feed or a loop defines is JMeter's and stays a hole. Any other is looked up in
//! `settings.env` and then in the environment. What is put in can never become a hole: its `${` is written `\${`, which is
//! how JMeter writes two plain characters.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    holes,
    reader::{Reader, present},
};
use crate::{
    document::Node,
    problem::{Place, Problem},
    scenario::substitute::{Lookup, Reference, each_text},
    template::Part,
};

/// The names of a document.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Names {
    defined: BTreeSet<String>,
    /// Those that hold all matches of an extractor.
    pub lists: BTreeSet<String>,
    /// Scenarios that others include.
    pub included: BTreeSet<String>,
    changed: BTreeSet<String>,
    /// Those whose value is written in `variables` and known.
    pub constants: BTreeMap<String, String>,
    /// JMeter's properties, for `${__P(name)}`.
    pub properties: BTreeMap<String, String>,
}

impl Names {
    pub fn is_defined(&self, name: &str) -> bool {
        self.defined.contains(name)
    }

    /// The list whose item JMeter would keep under this name: `ids_1`, or their number as `ids_matchNr`.
    pub fn list_of(&self, name: &str) -> Option<&str> {
        let (list, item) = name.rsplit_once('_')?;
        let is_item = item == "matchNr" || !item.is_empty() && item.bytes().all(|byte| byte.is_ascii_digit());
        self.lists.get(list).filter(|_| is_item).map(String::as_str)
    }

    /// Text that must be known before the run: variables whose values are written, properties and their defaults.
    pub fn constant(&self, text: &str) -> Result<String, String> {
        if !text.contains("${") {
            return Ok(text.to_owned());
        }
        let (template, _) = holes::translate(text, self).map_err(|(why, instead)| format!("{why}; {instead}"))?;
        let mut known = String::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => known.push_str(text),
                Part::Hole(hole) => match self.constants.get(&hole.to_string()) {
                    Some(value) => known.push_str(value),
                    None => return Err(format!("`{text}` must be known before the run; write the value itself")),
                },
            }
        }
        Ok(known)
    }

    fn define(&mut self, name: &str) {
        self.defined.insert(name.trim().to_owned());
    }
}

impl Reader<'_> {
    /// Collects every name that a document defines, wherever it does.
    pub fn collect_names(&mut self, root: &Node) {
        for jmeter in [root.get("modules").and_then(|modules| modules.get("jmeter")), Some(root)] {
            self.properties_of(jmeter);
        }
        self.walk(root);
        // A variable that something else sets too is not known before the run.
        let Names { constants, changed, .. } = &mut self.names;
        constants.retain(|name, _| !changed.contains(name));
    }

    fn properties_of(&mut self, node: Option<&Node>) {
        let properties = node.and_then(|node| present(node, "properties"));
        for (key, value) in properties.map(Node::entries).unwrap_or_default() {
            if let Some(text) = value.text() {
                self.names.properties.insert(key.text.clone(), text.to_owned());
            }
        }
    }

    fn walk(&mut self, node: &Node) {
        node.items().iter().for_each(|item| self.walk(item));
        for (key, value) in node.entries() {
            match key.text.as_str() {
                // What is sent is no part of the plan, whatever its keys.
                "body" | "headers" => continue,
                "variables" | "set-variables" => {
                    for (name, value) in value.entries() {
                        self.names.define(&name.text);
                        match value.text().filter(|text| key.text == "variables" && !text.contains("${")) {
                            Some(text) => drop(self.names.constants.insert(name.text.clone(), text.to_owned())),
                            None => drop(self.names.changed.insert(name.text.clone())),
                        }
                    }
                }
                "foreach" => {
                    if let Some((item, _)) = value.text().and_then(|text| text.split_once(" in ")) {
                        self.names.define(item);
                    }
                }
                "properties" => self.properties_of(Some(node)),
                "include-scenario" => {
                    self.names.included.extend(value.text().map(ToOwned::to_owned));
                }
                "data-sources" => self.columns_of(value),
                extract if extract.starts_with("extract-") => {
                    for (name, value) in value.entries() {
                        self.names.define(&name.text);
                        self.names.changed.insert(name.text.clone());
                        if present(value, "match-no").and_then(Node::text) == Some("-1") {
                            self.names.lists.insert(name.text.clone());
                        }
                    }
                }
                _ => {}
            }
            self.walk(value);
        }
    }

    fn columns_of(&mut self, sources: &Node) {
        for item in self.items(sources) {
            for column in self.columns(item).unwrap_or_default() {
                self.names.define(&column);
                self.names.changed.insert(column);
            }
        }
    }
}

/// Replaces every `${NAME}` that the document does not define; the answer is a problem for each that is not set.
pub(in crate::scenario) fn put_in(root: &mut Node, names: &Names, lookup: Lookup<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    each_text(root, "", &mut |text, place, path| {
        *text = replaced(text, names, lookup, &mut |name| problems.push(unset(place, path, name)));
    });
    problems
}

fn unset(place: Place, path: &str, name: &str) -> Problem {
    Problem::at(place, path, format!("the variable `{name}` is not set"))
        .hint(format!("set it, give a default: ${{{name}:-…}}, or define it below `variables`"))
}

fn replaced(text: &str, names: &Names, lookup: Lookup<'_>, unset: &mut dyn FnMut(&str)) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let own = |name: &str| names.is_defined(name) || names.list_of(name).is_some();
        let reference = Reference::read(after).filter(|reference| !own(reference.name));
        let length = reference.as_ref().map_or(0, |reference| reference.length);
        match reference {
            Some(_) if before.ends_with('\\') => {
                result.push_str(before);
                result.push_str(&rest[at..at + 2 + length]);
            }
            // `$${` has always stood for `${` in our files.
            Some(_) if before.ends_with('$') => {
                result.push_str(&before[..before.len() - 1]);
                result.push('\\');
                result.push_str(&rest[at..at + 2 + length]);
            }
            Some(reference) => {
                result.push_str(before);
                match reference.value(lookup) {
                    Some(value) => result.push_str(&value.replace("${", "\\${")),
                    None => {
                        unset(reference.name);
                        result.push_str(&rest[at..at + 2 + length]);
                    }
                }
            }
            None => {
                result.push_str(before);
                result.push_str("${");
            }
        }
        rest = &after[length..];
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_document_stays_and_any_other_is_looked_up_and_never_becomes_a_hole() {
        let mut names = Names::default();
        names.define("id");
        let lookup = |name: &str| (name == "HOST").then(|| "a${__UUID()}".to_owned());
        for (text, expected) in [
            ("/x/${id}?h=${HOST}", "/x/${id}?h=a\\${__UUID()}"),
            ("$${id} $${HOST} \\${HOST}", "$${id} \\${HOST} \\${HOST}"),
            ("${NONE:-7}", "7"),
            ("${__UUID()} ${a b}", "${__UUID()} ${a b}"),
        ] {
            let mut missing = Vec::new();
            assert_eq!(replaced(text, &names, &lookup, &mut |name| missing.push(name.to_owned())), expected);
            assert_eq!(missing, Vec::<String>::new(), "{text}");
        }
        let mut missing = Vec::new();
        assert_eq!(replaced("${NONE}", &names, &lookup, &mut |name| missing.push(name.to_owned())), "${NONE}");
        assert_eq!(missing, ["NONE"]);
    }
}
