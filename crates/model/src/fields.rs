//! Reading a mapping key by key: what is missing, misspelt or of the wrong kind is noted, and reading goes on.
//!
//! ```
//! use dlt_model::{document, fields::Fields};
//! let node = document::parse("name: shop\nregoin: eu-west-1\n")?;
//! let mut problems = Vec::new();
//! let mut fields = Fields::of(&node, "", &mut problems).expect("a mapping");
//! let name = fields.required_text("name");
//! let region = fields.optional_text("region");
//! fields.finish();
//! assert_eq!(name.as_deref(), Some("shop"));
//! assert_eq!(region, None);
//! assert_eq!(problems[0].to_string(), "2:1: regoin: unknown key `regoin` (did you mean `region`?)");
//! # Ok::<(), dlt_model::problem::Problem>(())
//! ```

use std::{fmt::Display, str::FromStr};

use crate::{
    document::{Key, Node, Value},
    problem::{Place, Problem, suggest},
};

/// A mapping being read. Every key asked for counts as known; [`Fields::finish`] reports the rest.
pub struct Fields<'a> {
    node: &'a Node,
    path: String,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Starts reading; `None`, with a problem noted, when the node is not a mapping.
    pub fn of(node: &'a Node, path: impl Into<String>, problems: &'a mut Vec<Problem>) -> Option<Self> {
        let path = path.into();
        if !matches!(node.value, Value::Mapping(_)) {
            problems.push(Problem::at(node.place, path, format!("expected a mapping, found {}", node.kind())));
            return None;
        }
        Some(Self { node, path, known: Vec::new(), problems })
    }

    /// Where the mapping starts.
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// The path of this mapping.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path of a key below this mapping.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where problems go, for readers of nested values.
    pub fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// The value of a key, unless absent or null.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.node.get(key).filter(|node| !node.is_null())
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str) -> Option<&'a Node> {
        let found = self.optional(key);
        if found.is_none() {
            let problem = Problem::at(self.node.place, self.path_of(key), format!("`{key}` is required"));
            self.problems.push(problem);
        }
        found
    }

    /// Notes a problem with the value of a key, at that value.
    pub fn reject(&mut self, key: &str, node: &Node, message: impl Into<String>) {
        let problem = Problem::at(node.place, self.path_of(key), message);
        self.problems.push(problem);
    }

    /// Text of a key that must be there.
    pub fn required_text(&mut self, key: &'static str) -> Option<String> {
        let node = self.required(key)?;
        self.text_of(key, node)
    }

    /// Text of a key that may be absent.
    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let node = self.optional(key)?;
        self.text_of(key, node)
    }

    /// A value that parses from text: a number, a duration, an enumeration.
    pub fn optional_parsed<T>(&mut self, key: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let node = self.optional(key)?;
        let text = self.text_of(key, node)?;
        text.parse().map_err(|error: T::Err| self.reject(key, node, error.to_string())).ok()
    }

    /// As [`Fields::optional_parsed`], for a key that must be there.
    pub fn required_parsed<T>(&mut self, key: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.required(key)?;
        self.optional_parsed(key)
    }

    /// A plain `true` or `false`.
    pub fn optional_bool(&mut self, key: &'static str) -> Option<bool> {
        let node = self.optional(key)?;
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                let found = node.text().map_or_else(|| node.kind().to_owned(), |text| format!("`{text}`"));
                self.reject(key, node, format!("expected true or false, found {found}"));
                None
            }
        }
    }

    /// The items of a list, each with its path; empty when the key is absent.
    pub fn optional_list(&mut self, key: &'static str) -> Vec<(String, &'a Node)> {
        let Some(node) = self.optional(key) else { return Vec::new() };
        match &node.value {
            Value::Sequence(items) => {
                let path = self.path_of(key);
                items.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
            }
            _ => {
                self.reject(key, node, format!("expected a list, found {}", node.kind()));
                Vec::new()
            }
        }
    }

    /// The entries of a mapping of text to values; empty when the key is absent.
    pub fn optional_map(&mut self, key: &'static str) -> &'a [(Key, Node)] {
        let Some(node) = self.optional(key) else { return &[] };
        match &node.value {
            Value::Mapping(entries) => entries,
            _ => {
                self.reject(key, node, format!("expected a mapping, found {}", node.kind()));
                &[]
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        self.finish_knowing(&[]);
    }

    /// As [`Fields::finish`], with what the words of other tools are called here.
    pub fn finish_knowing(self, synonyms: &[(&str, &str)]) {
        for (key, _) in self.node.entries().iter().filter(|(key, _)| !self.known.contains(&key.text.as_str())) {
            let path = self.path_of(&key.text);
            let problem = Problem::at(key.place, path, format!("unknown key `{}`", key.text));
            let synonym = synonyms.iter().find(|(word, _)| *word == key.text);
            self.problems.push(match (synonym, suggest(&key.text, self.known.iter().copied())) {
                (Some((_, here)), _) => problem.hint(*here),
                (None, Some(known)) => problem.hint(format!("did you mean `{known}`?")),
                (None, None) => problem.hint(format!("known here: {}", self.known.join(", "))),
            });
        }
    }

    fn text_of(&mut self, key: &str, node: &Node) -> Option<String> {
        let text = node.text().map(ToOwned::to_owned);
        if text.is_none() {
            self.reject(key, node, format!("expected text, found {}", node.kind()));
        }
        text
    }
}
