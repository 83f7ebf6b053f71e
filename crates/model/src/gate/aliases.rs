//! The two variables of the pipelines that exist: `EXPECT_SUCCESS_RATE` and `SUCCESS_P95`.

use super::{
    clause::{Clause, Limit, Op, Percentile, Severity, Subject},
    parse::{latency_us, percent_number},
};
use crate::{
    problem::{Problem, Problems},
    scenario::Warning,
};

/// A bare number of seconds above this was probably meant as milliseconds, or as a percentage.
const QUESTIONABLE_US: u64 = 60_000_000;

/// What the two variables say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    /// At most one clause for each.
    pub clauses: Vec<Clause>,
    /// What was probably not meant.
    pub warnings: Vec<Warning>,
}

/// Reads `EXPECT_SUCCESS_RATE` (percent: `99.5` or `99.5%`, from 0 to 100) and `SUCCESS_P95` (`0.8` in seconds, `0.8s`,
/// `800ms`). Both are inclusive. An empty value is an absent one.
///
/// # Errors
/// What is not a percentage or not a latency, under the name of its variable.
pub fn from_aliases(expect_success_rate: Option<&str>, success_p95: Option<&str>) -> Result<Aliases, Problems> {
    let mut problems = Vec::new();
    let mut read = Aliases::default();
    if let Some(text) = given(expect_success_rate) {
        note(read_success_rate(text), &mut read.clauses, &mut problems);
    }
    if let Some(text) = given(success_p95) {
        note(read_p95(text, &mut read.warnings), &mut read.clauses, &mut problems);
    }
    Problems::unless_empty(problems, read)
}

fn read_success_rate(text: &str) -> Result<Clause, Problem> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let limit = percent_number(number)
        .map_err(|why| problem("EXPECT_SUCCESS_RATE", text, &why, "a percentage from 0 to 100, such as 99.5"))?;
    Ok(clause(Subject::SuccessRate, Op::AtLeast, Limit::Percent(limit)))
}

fn read_p95(text: &str, warnings: &mut Vec<Warning>) -> Result<Clause, Problem> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len()));
    let limit = latency_us(number.trim_end(), if unit.is_empty() { "s" } else { unit })
        .map_err(|why| problem("SUCCESS_P95", text, &why, "seconds such as 0.8, or a latency such as 800ms"))?;
    if unit.is_empty() && limit > QUESTIONABLE_US {
        let message = format!("`{text}` means {text} seconds, which hardly anything exceeds");
        let hint = format!("write `{text}ms` if milliseconds were meant");
        warnings.push(Problem::of("SUCCESS_P95", message).hint(hint));
    }
    Ok(clause(Subject::Percentile(Percentile::P95), Op::AtMost, Limit::Latency(limit)))
}

fn note(read: Result<Clause, Problem>, clauses: &mut Vec<Clause>, problems: &mut Vec<Problem>) {
    match read {
        Ok(clause) => clauses.push(clause),
        Err(problem) => problems.push(problem),
    }
}

fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

fn clause(subject: Subject, op: Op, value: Limit) -> Clause {
    Clause { severity: Severity::Require, subject, selector: None, op, value, window: None }
}

fn problem(variable: &str, text: &str, why: &str, expected: &str) -> Problem {
    Problem::of(variable, format!("`{text}` {why}")).hint(format!("expected {expected}"))
}
