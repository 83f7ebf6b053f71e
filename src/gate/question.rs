//! What is asked of a run: the clauses of flags, variables and the scenario itself, and no doubt about any of them.

use dlt_model::{
    gate::{self, Clause},
    problem::{Problem, Problems},
};

use crate::{exit::Exit, failure::Failure, run::Asked};

/// Every clause that was asked for outside of the scenario.
///
/// A flag replaces its variable; `--gate`, the success rate and the 95th percentile add up.
///
/// # Errors
/// Everything that is no clause, no percentage or no latency, and a bare `SUCCESS_P95` that was hardly meant as seconds.
pub fn asked(asked: &Asked) -> Result<Vec<Clause>, Failure> {
    let doubts =
        gate::from_aliases(None, asked.success_p95.as_deref()).map_or_else(|_| Vec::new(), |read| read.warnings);
    let mut problems: Vec<Problem> = doubts.iter().map(|doubt| sure(doubt, asked)).collect();
    match asked.clauses() {
        Ok((clauses, _)) if problems.is_empty() => Ok(clauses),
        read => {
            problems.extend(read.map_or_else(Problems::into_vec, |_| Vec::new()));
            let problems = Problems::unless_empty(problems, ()).expect_err("there is at least one problem");
            Err(Failure { exit: Exit::Usage, ..Failure::invalid("gate", problems) })
        }
    }
}

/// All clauses, the scenario's first; what is asked twice is asked once.
///
/// # Errors
/// When nothing is asked, not even to be as good as a baseline: a gate that cannot fail is not one.
pub fn all(thresholds: &[Clause], asked: Vec<Clause>, has_baseline: bool) -> Result<Vec<Clause>, Failure> {
    let mut clauses: Vec<Clause> = Vec::new();
    for clause in thresholds.iter().cloned().chain(asked) {
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    if clauses.is_empty() && !has_baseline {
        let failure = Failure::new(Exit::Usage, "nothing is asked of the run, so it could not fail");
        return Err(failure.hint(
            "set EXPECT_SUCCESS_RATE and SUCCESS_P95, write `--gate 'success_rate >= 99.5%'`, or give the scenario `thresholds`",
        ));
    }
    Ok(clauses)
}

/// A doubt with a cure for whichever was meant.
fn sure(doubt: &Problem, asked: &Asked) -> Problem {
    let text = asked.success_p95.as_deref().unwrap_or_default().trim();
    Problem {
        hint: Some(format!("write `{text}ms` if milliseconds were meant, `{text}s` if seconds were")),
        ..doubt.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(gate: &str, rate: &str, p95: &str) -> Asked {
        Asked {
            gate: Some(gate.to_owned()),
            expect_success_rate: Some(rate.to_owned()),
            success_p95: Some(p95.to_owned()),
        }
    }

    fn told(asked_for: &Asked) -> (Exit, String) {
        let failure = asked(asked_for).unwrap_err();
        (failure.exit, failure.to_string())
    }

    #[test]
    fn all_spellings_add_up_and_what_is_empty_is_not_asked() {
        let clauses = asked(&given("p99 <= 1s", "99.5", "0.8")).unwrap();
        let texts: Vec<String> = clauses.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["p99 <= 1s", "success_rate >= 99.5%", "p95 <= 800ms"]);
        assert_eq!(asked(&given("", " ", "")).unwrap(), []);
        let twice = all(&clauses[2..], clauses.clone(), false).unwrap();
        assert_eq!(twice.len(), 3);
    }

    #[test]
    fn seconds_that_hardly_anything_exceeds_are_questioned_with_everything_else_that_is_wrong() {
        let (exit, text) = told(&given("p95 < fast", "101", "99"));
        assert_eq!(exit, Exit::Usage);
        for part in ["`99ms`", "`99s`", "more than 100%", "fast"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(asked(&given("", "", "61s")).is_ok() && asked(&given("", "", "60")).is_ok());
    }

    #[test]
    fn a_gate_that_asks_nothing_is_refused() {
        assert_eq!(all(&[], Vec::new(), false).unwrap_err().exit, Exit::Usage);
        assert_eq!(all(&[], Vec::new(), true).unwrap(), [], "a baseline is a question");
    }
}
