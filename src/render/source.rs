//! Which line of which template file each rendered line came from.
//!
//! Before rendering, every line of a template gets a mark at its end that names it. Loops and includes carry the marks
//! along, and afterwards they are cut off again and kept.

use std::fmt;

/// A private-use character of Unicode, which no template and no configuration holds.
const MARK: char = '\u{E000}';

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

    /// Cuts the marks off a rendered text and remembers what they said. A line without a mark belongs to the one above.
    pub(super) fn unmark(marked: &str, files: &[(&'static str, &'static str)]) -> (String, Self) {
        let mut text = String::with_capacity(marked.len());
        let mut lines: Vec<Location> = Vec::new();
        for line in marked.lines() {
            let (rest, mark) = line.split_once(MARK).unwrap_or((line, ""));
            let found = mark.split_once(':').and_then(|(file, line)| {
                Some(Location { file: files.get(file.parse::<usize>().ok()?)?.0, line: line.parse().ok()? })
            });
            text.push_str(rest);
            text.push('\n');
            lines.extend(found.or_else(|| lines.last().copied()));
        }
        (text, Self { lines })
    }
}

/// A template whose lines name themselves, except those that only steer and leave nothing behind.
pub(super) fn mark(file: usize, text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    for (index, line) in text.lines().enumerate() {
        marked.push_str(line);
        if !line.trim_end().ends_with("%#") {
            marked.push_str(&format!("{MARK}{file}:{}", index + 1));
        }
        marked.push('\n');
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lead_back_and_are_gone_from_the_text() {
        let files = [("a.j2", ""), ("b.j2", "")];
        let marked = format!("{}{}", mark(1, "one\n#% if x %#\nthree"), mark(0, "first"));
        let (text, map) = SourceMap::unmark(&marked.replace("#% if x %#\n", ""), &files);
        assert_eq!(text, "one\nthree\nfirst\n");
        assert_eq!(map.locate(2), Some(Location { file: "b.j2", line: 3 }));
        assert_eq!(map.locate(3), Some(Location { file: "a.j2", line: 1 }));
        assert_eq!((map.locate(0), map.locate(4)), (None, None));
    }
}
