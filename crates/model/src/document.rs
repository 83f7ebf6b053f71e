//! YAML and JSON as a tree that remembers where everything stood.
//!
//! JSON is read by the same parser, since it is YAML. Scalars keep their text and whether they were quoted: what a plain
//! `1m` or `yes` means is for the reader to decide.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::problem::{Place, Problem};

/// How deeply a document may be nested. Deeper ones are refused, so that hostile input cannot exhaust the stack.
pub const MAX_DEPTH: usize = 64;
/// How many nodes a document may have once aliases are expanded, so that a small file cannot become a large tree.
pub const MAX_NODES: usize = 200_000;

/// A value and the place where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value starts.
    pub place: Place,
    /// The local tag without its exclamation mark, such as `Ref` of CloudFormation's `!Ref`.
    pub tag: Option<String>,
    /// What stands there.
    pub value: Value,
}

/// What can stand in a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, and whether it was plain (unquoted), in which case it may mean a number, a boolean or nothing.
    Scalar {
        /// The text, unescaped.
        text: String,
        /// Whether it stood there without quotes and not as a block.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the text; keys are unique.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where the key starts.
    pub place: Place,
    /// The key.
    pub text: String,
}

impl Node {
    /// What a person would call this kind of value.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { plain: true, text } if text == "true" || text == "false" => "a boolean",
            Value::Scalar { plain: true, text } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// Whether nothing stands here: an empty plain scalar, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }
}

/// Reads one YAML or JSON document.
///
/// # Errors
/// A text that is not YAML, has a second document or a repeated key, or is nested beyond [`MAX_DEPTH`] or larger than
/// [`MAX_NODES`] is a problem at its place.
pub fn parse(text: &str) -> Result<Node, Problem> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        let (event, span) =
            next.map_err(|error| Problem::at(place(error.marker()), "", format!("not valid YAML: {}", error.info())))?;
        builder.take(event, place(&span.start))?;
    }
    builder.root.ok_or_else(|| Problem::at(Place { line: 1, column: 1 }, "", "the document is empty"))
}

fn place(marker: &saphyr_parser::Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// Turns the parser's events into a tree, with a stack of what is still open.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

struct Open {
    anchor: usize,
    node: Node,
    key: Option<Key>,
    nodes_before: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                let before = self.nodes;
                self.put(Node { place, tag: tag.and_then(|tag| local(&tag)), value }, anchor, before)
            }
            Event::SequenceStart(anchor, tag) => self
                .open(anchor, Node { place, tag: tag.and_then(|tag| local(&tag)), value: Value::Sequence(Vec::new()) }),
            Event::MappingStart(anchor, tag) => self
                .open(anchor, Node { place, tag: tag.and_then(|tag| local(&tag)), value: Value::Mapping(Vec::new()) }),
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { anchor, node, nodes_before, .. } =
                    self.open.pop().expect("the parser balances starts and ends");
                self.put(node, anchor, nodes_before)
            }
            Event::Alias(anchor) => {
                let (node, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| Problem::at(place, "", "an alias stands inside the value it names"))?;
                let before = self.nodes;
                self.nodes += size;
                self.put(Node { place, ..node }, 0, before)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Problem::at(place, "", "a second document starts here; one file holds one document"))
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::at(node.place, "", format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push(Open { anchor, node, key: None, nodes_before: self.nodes });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, nodes_before: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Problem::at(node.place, "", format!("more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - nodes_before));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match parent.key.take() {
                None => parent.key = Some(key_of(node, entries)?),
                Some(key) => entries.push((key, node)),
            },
            Value::Scalar { .. } => unreachable!("only lists and mappings are opened"),
        }
        Ok(())
    }
}

fn key_of(node: Node, entries: &[(Key, Node)]) -> Result<Key, Problem> {
    let Value::Scalar { text, .. } = node.value else {
        return Err(Problem::at(node.place, "", "a key must be text"));
    };
    match entries.iter().find(|(key, _)| key.text == text) {
        Some((first, _)) => Err(Problem::at(
            node.place,
            text.clone(),
            format!("`{text}` is given twice; the first is on line {}", first.place.line),
        )),
        None => Ok(Key { place: node.place, text }),
    }
}

fn local(tag: &saphyr_parser::Tag) -> Option<String> {
    (tag.handle == "!" && !tag.suffix.is_empty()).then(|| tag.suffix.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line_and_column() {
        let root = parse("a: 1\nb:\n  - x\n  - !Ref Y\n").expect("valid");
        let list = root.get("b").expect("b is there");
        assert_eq!(list.items()[1].place, Place { line: 4, column: 5 });
        assert_eq!(list.items()[1].tag.as_deref(), Some("Ref"));
    }

    #[test]
    fn json_is_read_by_the_same_parser() {
        let root = parse("{\"a\": {\"b\": \"1\"}, \"c\": []}").expect("valid");
        assert_eq!(root.get("a").and_then(|a| a.get("b")).and_then(Node::text), Some("1"));
    }

    #[test]
    fn a_repeated_key_names_the_first_one() {
        let problem = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(problem.to_string(), "3:1: a: `a` is given twice; the first is on line 1");
    }

    #[test]
    fn a_small_file_cannot_become_a_large_tree() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
        }
        assert!(parse(&text).unwrap_err().message.contains("more than"));
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_overflowing() {
        assert!(parse(&"[".repeat(10_000)).is_err());
    }
}
