//! Conditions, compiled: patterns that are known beforehand are compiled once.

use dlt_model::condition::Operator;
use regex::Regex;

use super::{
    patterns,
    value::{Scope, Value},
};

/// What holds or does not.
pub enum Logic {
    Any(Box<[Logic]>),
    All(Box<[Logic]>),
    Not(Box<Logic>),
    Holds(Value),
    Compare(Value, Operator, Value),
    Matches(Value, Regex),
}

impl Logic {
    /// Whether it holds now.
    pub fn holds(&self, scope: &mut Scope<'_>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(scope)),
            Self::All(parts) => parts.iter().all(|part| part.holds(scope)),
            Self::Not(part) => !part.holds(scope),
            Self::Holds(value) => !matches!(value.get(scope).as_str(), "" | "false" | "0"),
            Self::Matches(value, pattern) => pattern.is_match(&value.get(scope)),
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.get(scope), right.get(scope));
                // A pattern that is made while the run goes on and is none matches nothing.
                operator.compare(&left, &right, &|text, pattern| {
                    patterns::regex(pattern).is_ok_and(|pattern| pattern.is_match(text))
                })
            }
        }
    }
}
