//! Findings of several texts, each with the file and line that a person edits.

use dlt_model::problem::Place;
use serde::Serialize;

use super::{
    Promises,
    finding::{Finding, Severity},
};

/// A rendered template and the way back to the files it came from.
pub struct Part<'a> {
    /// What it is called, such as `main`, or the path of a file.
    pub name: String,
    /// The text that would be deployed.
    pub text: &'a str,
    /// What it must keep beyond CloudFormation's own rules.
    pub promises: Promises,
    /// The template file and its line for a line of the text, both counted from 1.
    pub locate: &'a dyn Fn(usize) -> Option<(String, usize)>,
}

/// A finding and where a person finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The part in which it was found.
    pub part: String,
    /// The file to edit.
    pub file: String,
    /// The line in that file.
    pub line: usize,
    /// The column in that file; absent where the line was rendered, since what is filled in moves the rest of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The line of the checked text, for a caret under it.
    pub excerpt: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What was found in all parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, by file and line.
    pub findings: Vec<Located>,
    /// How many of them are errors.
    pub errors: usize,
    /// How many of them are warnings.
    pub warnings: usize,
}

/// Checks every part, and finds the way back for every finding. The same finding in the same line of the same file, seen in
/// several parts, is told once.
pub fn check_rendered(parts: &[Part<'_>]) -> Report {
    let mut findings: Vec<Located> = Vec::new();
    for part in parts {
        let lines: Vec<_> = part.text.lines().collect();
        for finding in super::check(part.text, &part.promises) {
            let located = locate(part, &lines, finding);
            if !findings.iter().any(|known| known.is_same(&located)) {
                findings.push(located);
            }
        }
    }
    Report::of(findings)
}

impl Report {
    /// A report of findings, sorted and counted.
    pub fn of(mut findings: Vec<Located>) -> Self {
        findings.sort_by(|a, b| (&a.file, a.line, a.finding.place).cmp(&(&b.file, b.line, b.finding.place)));
        let count = |severity| findings.iter().filter(|located| located.finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        Self { findings, errors, warnings }
    }

    /// Adds the findings of another report that are not here yet.
    pub fn join(&mut self, other: Self) {
        let mut findings = std::mem::take(&mut self.findings);
        for located in other.findings {
            if !findings.iter().any(|known| known.is_same(&located)) {
                findings.push(located);
            }
        }
        *self = Self::of(findings);
    }
}

impl Located {
    fn is_same(&self, other: &Self) -> bool {
        (&self.file, self.line, self.finding.code, &self.finding.message)
            == (&other.file, other.line, other.finding.code, &other.finding.message)
    }
}

fn locate(part: &Part<'_>, lines: &[&str], finding: Finding) -> Located {
    let Place { line, column } = finding.place;
    let origin = (part.locate)(line);
    let column = if origin.is_some() { None } else { Some(column) };
    let (file, line_there) = origin.unwrap_or_else(|| (part.name.clone(), line));
    let excerpt = lines.get(line.saturating_sub(1)).copied().unwrap_or_default().to_owned();
    Located { part: part.name.clone(), file, line: line_there, column, excerpt, finding }
}
