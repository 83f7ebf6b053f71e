//! What every part of reading Taurus's and AWS DLT's words shares: problems, warnings, and leniency about what is absent.

use std::collections::BTreeMap;

use super::names::Names;
use crate::{
    document::{Node, Value},
    id::Region,
    problem::{Place, Problem, suggest},
    scenario::{
        Warning, limits,
        sources::{Files, Sources},
    },
    template::Template,
};

/// What is being found out about a document.
pub(in crate::scenario) struct Reader<'a> {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
    pub default_region: Option<&'a Region>,
    pub names: Names,
    files: Files<'a>,
    read: BTreeMap<String, Result<Vec<u8>, String>>,
}

impl<'a> Reader<'a> {
    pub fn new(sources: &'a Sources<'a>, default_region: Option<&'a Region>) -> Self {
        let (problems, warnings) = (Vec::new(), Vec::new());
        let (names, files) = (Names::default(), Files::new(sources));
        Self { problems, warnings, default_region, names, files, read: BTreeMap::new() }
    }

    pub fn reject(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(node.place, path, message));
    }

    pub fn refuse(&mut self, node: &Node, path: &str, message: impl Into<String>, instead: &str) {
        self.problems.push(Problem::at(node.place, path, message).hint(instead));
    }

    pub fn warn(&mut self, place: Place, path: &str, message: impl Into<String>) {
        let warning = Problem::at(place, path, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Text whose variables are known before the run, read and checked.
    pub fn check<T>(&mut self, node: &Node, path: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = node.text().ok_or_else(|| format!("expected text, found {}", node.kind()));
        let result = text.and_then(|text| self.names.constant(text)).and_then(|text| read(&text));
        result.map_err(|why| self.reject(node, path, why)).ok()
    }

    pub fn optional<T>(
        &mut self,
        parent: &Node,
        path: &str,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        present(parent, key).and_then(|node| self.check(node, &join(path, key), read))
    }

    pub fn required<T>(
        &mut self,
        parent: &Node,
        path: &str,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match present(parent, key) {
            Some(node) => self.check(node, &join(path, key), read),
            None => {
                self.missing(parent, path, key);
                None
            }
        }
    }

    pub fn missing(&mut self, parent: &Node, path: &str, key: &str) {
        self.reject(parent, &join(path, key), format!("`{key}` is required"));
    }

    /// A key that is true or false, if it is there.
    pub fn switch(&mut self, parent: &Node, path: &str, key: &str) -> Option<bool> {
        self.optional(parent, path, key, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(format!("expected true or false, found `{text}`")),
        })
    }

    /// A pause, a timeout or a length of time, if it is there.
    pub fn span(&mut self, parent: &Node, path: &str, key: &str) -> Option<u64> {
        self.optional(parent, path, key, limits::stage).map(|span| span.as_millis())
    }

    /// Text with JMeter's holes, which become ours.
    pub fn template(&mut self, node: &Node, path: &str) -> Option<Template> {
        let Some(text) = node.text() else {
            self.reject(node, path, format!("expected text, found {}", node.kind()));
            return None;
        };
        let text = if node.is_null() { "" } else { text };
        match super::holes::translate(text, &self.names) {
            Ok((template, warnings)) => {
                warnings.into_iter().for_each(|warning| self.warn(node.place, path, warning));
                Some(template)
            }
            Err((why, instead)) => {
                self.refuse(node, path, why, instead);
                None
            }
        }
    }

    /// The items of a list; a single value counts as a list of itself.
    pub fn items<'n>(&self, node: &'n Node) -> &'n [Node] {
        if matches!(node.value, Value::Sequence(_)) { node.items() } else { std::slice::from_ref(node) }
    }

    pub fn list<'n>(&mut self, node: &'n Node, path: &str) -> &'n [Node] {
        if !matches!(node.value, Value::Sequence(_)) {
            self.reject(node, path, format!("expected a list, found {}", node.kind()));
        }
        node.items()
    }

    /// Whether a node is an object; a problem is noted when it is not.
    pub fn is_object(&mut self, node: &Node, path: &str) -> bool {
        let is = matches!(node.value, Value::Mapping(_));
        if !is {
            self.reject(node, path, format!("expected an object, found {}", node.kind()));
        }
        is
    }

    /// Refuses every one of these keys that says something, each with what to do instead.
    pub fn refuse_keys(&mut self, node: &Node, path: &str, refused: &[(&str, &str)]) {
        for (key, instead) in refused {
            if let Some(value) = present(node, key).filter(|value| value.text() != Some("false")) {
                let message = format!("`{key}` is not supported by this release");
                self.refuse(value, &join(path, key), message, instead);
            }
        }
    }

    /// Warns of every one of these keys that is there and changes nothing.
    pub fn warn_keys(&mut self, node: &Node, path: &str, ignored: &[(&str, &str)]) {
        for (key, why) in ignored {
            if let Some(value) = present(node, key) {
                self.warn(value.place, &join(path, key), format!("`{key}` is ignored: {why}"));
            }
        }
    }

    /// Warns of every key that nobody asks for.
    pub fn warn_unknown_keys(&mut self, node: &Node, path: &str, known: &[&str]) {
        for (key, _) in node.entries().iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            self.warn_unknown(key.place, path, &key.text, known);
        }
    }

    pub fn warn_unknown(&mut self, place: Place, path: &str, key: &str, known: &[&str]) {
        let warning = Problem::at(place, join(path, key), format!("`{key}` has no effect here"));
        self.warnings.push(match suggest(key, known.iter().copied()) {
            Some(known) => warning.hint(format!("did you mean `{known}`?")),
            None => warning,
        });
    }

    /// The bytes of a file beside the scenario; each is read once.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, String> {
        self.read.entry(name.to_owned()).or_insert_with(|| self.files.read(name)).clone()
    }

    /// Whether the document is more than its own text.
    pub fn has_read_files(&self) -> bool {
        !self.read.is_empty()
    }

    /// The text of a file beside the scenario.
    pub fn file_text(&mut self, name: &str) -> Result<String, String> {
        let text = String::from_utf8(self.file(name)?).map_err(|_| format!("`{name}` is not UTF-8 text"))?;
        Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
    }
}

/// The value of a key, unless it is absent, null or empty: old clients send `""`, `{}` and `[]` for nothing.
pub(in crate::scenario) fn present<'n>(parent: &'n Node, key: &str) -> Option<&'n Node> {
    parent.get(key).filter(|node| match &node.value {
        Value::Scalar { text, .. } => !text.is_empty() && !node.is_null(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Mapping(entries) => !entries.is_empty(),
    })
}

pub(in crate::scenario) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
