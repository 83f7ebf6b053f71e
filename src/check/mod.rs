//! The native checker: what CloudFormation, IAM or a person at night would complain about, before anything is deployed.
//!
//! Pure: text in, findings out.

pub mod actions;
mod allow;
pub mod attributes;
mod block;
pub mod codes;
mod conditions;
mod cycles;
mod embedded;
pub mod expression;
pub mod finding;
mod iam;
mod limits;
pub mod logic;
mod names;
mod parameters;
mod policies;
mod promises;
mod refs;
pub mod report;
mod states;
pub mod template;
#[cfg(test)]
mod tests;
mod traps;
mod unused;
mod uses;

use dlt_model::{document, problem::Place};

use self::{finding::Findings, logic::Logic, template::Template, uses::Use};
pub use self::{
    finding::{Finding, Severity},
    promises::Promises,
    report::{Located, Part, Report, check_rendered},
};

/// What every check looks at.
struct Scope<'s, 'a> {
    text: &'s str,
    lines: &'s [&'s str],
    template: &'s Template<'a>,
    uses: &'s [Use<'a>],
    logic: &'s Logic,
    promises: &'s Promises,
}

/// Everything that is wrong with a template, in the order of its text.
pub fn check(text: &str, promises: &Promises) -> Vec<Finding> {
    let mut findings = Findings::default();
    match document::parse(text) {
        Ok(root) => judge(text, &Template::of(&root), promises, &mut findings),
        Err(problem) => {
            let place = problem.place.unwrap_or(Place { line: 1, column: 1 });
            findings.error("DLT001", place, problem.path, problem.message);
        }
    }
    findings.into_vec()
}

fn judge(text: &str, template: &Template<'_>, promises: &Promises, findings: &mut Findings) {
    template::structure(template, findings);
    let lines: Vec<_> = text.lines().collect();
    let uses = uses::collect(template, &lines, findings);
    let logic = Logic::of(template);
    let scope = Scope { text, lines: &lines, template, uses: &uses, logic: &logic, promises };
    for check in CHECKS {
        check(&scope, findings);
    }
    allow::apply(template, findings);
}

const CHECKS: [fn(&Scope<'_, '_>, &mut Findings); 11] = [
    refs::check,
    cycles::check,
    conditions::check,
    unused::check,
    parameters::check,
    limits::check,
    names::check,
    traps::check,
    embedded::check,
    iam::check,
    promises::check,
];
