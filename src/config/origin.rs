//! Where a value came from.

use std::fmt;

use serde::Serialize;

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
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "line {line}"),
            Self::Variable { name } => f.write_str(name),
            Self::Flag => f.write_str("--set"),
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
