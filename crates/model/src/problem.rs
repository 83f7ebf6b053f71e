//! What is wrong with something a person wrote: where, what, and what to write instead.
//!
//! Readers collect problems and go on, so that a person sees all of them at once.

use std::fmt;

use serde::Serialize;

/// A position in a text: 1-based line and column, counted in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong, where it stands, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the text; absent when the problem has no single place (a variable, a flag).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The path of keys to the value, as `network.vpc.cidr` or `requests[2].url`; empty for the whole document.
    pub path: String,
    /// What is wrong and what was expected, as a sentence fragment in lower case.
    pub message: String,
    /// What to try, when there is one obvious thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn at(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: Some(place), path: path.into(), message: message.into(), hint: None }
    }

    /// A problem that no line of a text holds.
    pub fn of(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: None, path: path.into(), message: message.into(), hint: None }
    }

    /// The same problem with a cure.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// All the problems of one document, in the order of their places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", Self::join(.0))]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok(value)` when nothing is wrong, else all that is, sorted by place.
    ///
    /// # Errors
    /// Returns the problems when there is at least one.
    pub fn unless_empty<T>(mut problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() {
            return Ok(value);
        }
        problems.sort_by_key(|problem| problem.place);
        Err(Self(problems))
    }

    /// The problems, at least one.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// The problems, by value.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    fn join(problems: &[Problem]) -> String {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The one of `known` that `word` was probably meant to be.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const CLOSE_ENOUGH: f64 = 0.75;
    let folded = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&folded, &candidate.to_lowercase().replace('-', "_")), candidate))
        .filter(|(score, _)| *score >= CLOSE_ENOUGH)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_a_stranger_finds_none() {
        assert_eq!(suggest("regoin", ["region", "regions", "stack"]), Some("region"));
        assert_eq!(suggest("zebra", ["region", "stack"]), None);
    }

    #[test]
    fn problems_come_in_the_order_of_the_text() {
        let later = Problem::at(Place { line: 9, column: 1 }, "b", "is wrong");
        let earlier = Problem::at(Place { line: 2, column: 3 }, "a", "is wrong").hint("write 1");
        let problems = Problems::unless_empty(vec![later, earlier], ()).unwrap_err();
        assert_eq!(problems.to_string(), "2:3: a: is wrong (write 1)\n9:1: b: is wrong");
    }
}
