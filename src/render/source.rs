//! Which line of which template file each rendered line came from.

use std::fmt;

/// A line of a template file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Location {
    /// The file, as `templates/data.yaml.j2`.
    pub file: &'static str,
    /// Line, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The way back from a rendered line to the template line it was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMap {
    lines: Vec<Location>,
}

impl SourceMap {
    /// The template line of a rendered line, both counted from 1.
    pub fn locate(&self, rendered_line: usize) -> Option<Location> {
        self.lines.get(rendered_line.checked_sub(1)?).copied()
    }
}
