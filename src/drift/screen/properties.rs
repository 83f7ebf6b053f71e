//! The properties of what drifted: what the template describes, and what is deployed.

use super::{Page, fold};
use crate::{
    deploy::{
        diff::PropertyDiff,
        report::{View, values},
    },
    drift::answer::Property,
};

impl Page {
    /// As `plan` shows it: what the template describes, and what is deployed.
    pub(super) fn property(&mut self, property: &Property) {
        let diff = PropertyDiff {
            path: property.path.clone(),
            before: property.before.clone(),
            after: property.after.clone(),
            recreates: false,
        };
        let lines = values::lines(&diff, 8, View { width: None, paint: self.paint, full: true });
        let is_wide = |line: &String| console::measure_text_width(line) > self.width;
        match alone(&diff) {
            Some((sign, value)) if lines.iter().any(is_wide) => self.alone(&diff.path, sign, value),
            _ => lines.into_iter().for_each(|line| self.pair(line)),
        }
        self.ignored(property.ignored.as_ref(), "          ");
    }

    /// Two values in a line, or one below the other.
    fn pair(&mut self, line: String) {
        match line.split_once(" → ") {
            Some((before, after)) if console::measure_text_width(&line) > self.width => {
                self.lines.push(before.to_owned());
                self.lines.push(format!("          → {after}"));
            }
            _ => self.lines.push(line),
        }
    }

    /// A value that has nothing beside it and is wider than the page: below its place, broken at the edge.
    fn alone(&mut self, path: &str, sign: char, value: &serde_json::Value) {
        self.lines.push(format!("        {path}:"));
        let first = format!("          {sign} ");
        let indent = " ".repeat(first.len());
        let text = values::shown(Some(value));
        let lines = text.lines().flat_map(|line| fold::broken(line, self.width - first.len()));
        let lines: Vec<String> =
            lines.enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { &first } else { &indent })).collect();
        let paint = |line: &String| if sign == '+' { self.paint.good(line) } else { self.paint.bad(line) };
        let painted: Vec<String> = lines.iter().map(paint).collect();
        self.lines.extend(painted);
    }
}

/// What comes or goes as a whole, with its sign.
fn alone(diff: &PropertyDiff) -> Option<(char, &serde_json::Value)> {
    match (&diff.before, &diff.after) {
        (None, Some(value)) => Some(('+', value)),
        (Some(value), None) => Some(('-', value)),
        _ => None,
    }
}
