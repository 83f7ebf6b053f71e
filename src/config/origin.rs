//! Where a value came from.

use std::fmt;

use dlt_model::document::{Key, Node};
use serde::Serialize;

use super::{
    layers::Layers,
    table::{self, Kind},
};

/// The layer that decided a value; a later one wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "layer")]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The environment file.
    File {
        /// Line, from 1.
        line: usize,
    },
    /// A `DLT_*` variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// `--set`.
    Flag,
    /// The profile of AWS's own tools.
    Profile {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "line {line}"),
            Self::Variable { name } => f.write_str(name),
            Self::Flag => f.write_str("--set"),
            Self::Profile { name } => write!(f, "the profile {name}"),
        }
    }
}

/// One effective value and its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The path of keys, as `admin.email`.
    pub key: String,
    /// The value as it would stand in the file.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Every value of a document that has been read without problems, and every default that holds beside it.
pub(super) fn settings(root: &Node, layers: &Layers) -> Vec<Setting> {
    let existing = root.get("network").and_then(|network| network.get("existing")).is_some_and(|node| !node.is_null());
    let mut settings = Vec::new();
    for field in table::FIELDS {
        let node = field.key.split('.').try_fold(root, |node, key| node.get(key)).filter(|node| !node.is_null());
        match (node, field.default) {
            (Some(node), _) => leaves(field.key, node, layers, &mut settings),
            (None, Some(default)) if applies(field.key, existing) => {
                let value = if matches!(field.kind, Kind::List(..)) { "[]" } else { default };
                settings.push(Setting { key: field.key.to_owned(), value: value.to_owned(), origin: Origin::Default });
            }
            (None, _) => {}
        }
    }
    settings
}

/// Addresses belong to a new network, `public` to one that exists.
fn applies(key: &str, existing: bool) -> bool {
    match key.strip_prefix("network.") {
        Some(rest) => rest.starts_with("existing") == existing,
        None => true,
    }
}

/// An item of a list, as it would stand in the file.
fn item(node: &Node) -> String {
    let entry = |(key, value): &(Key, Node)| format!("{}: {}", key.text, value.text().unwrap_or_default());
    let entries: Vec<String> = node.entries().iter().map(entry).collect();
    node.text().map_or_else(|| format!("{{{}}}", entries.join(", ")), ToOwned::to_owned)
}

fn leaves(key: &str, node: &Node, layers: &Layers, settings: &mut Vec<Setting>) {
    if !node.entries().is_empty() {
        for (name, node) in node.entries() {
            leaves(&format!("{key}.{}", name.text), node, layers, settings);
        }
        return;
    }
    let texts: Vec<String> = node.items().iter().map(item).collect();
    let value = node.text().map_or_else(|| format!("[{}]", texts.join(", ")), ToOwned::to_owned);
    settings.push(Setting { key: key.to_owned(), value, origin: layers.origin(node.place) });
}
