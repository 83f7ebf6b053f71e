//! The gate language: what must be true of a run, as clauses joined by `;` or line ends.
//!
//! ```text
//! clause = [ "require" | "warn" | "abort" ] subject [ "of" "label" ] op value [ "over" duration ]
//! ```
//!
//! | subject | aliases | value |
//! |---|---|---|
//! | `success_rate`, `error_rate` | | percent: `99.5%` |
//! | `samples`, `failures` | `requests` | a whole number |
//! | `throughput` | `rps` | samples a second: `50`, `50/s` |
//! | `avg`, `min`, `max`, `stdev`, `p95`, `p99.9` | `med` is `p50` | a latency with its unit: `800ms`, `0.8s`, `250us` |
//!
//! `require` (the default) fails the run, `warn` is only told, `abort` fails the run and stops it as soon as it breaks. A
//! window makes the clause hold for every stretch of that length instead of for the whole run.
//!
//! Rates are compared as integers. A latency without a unit is refused, because half of the field reads it as seconds and
//! the other half as milliseconds; only the two variables of [`from_aliases`] have a bare number, in seconds.

mod aliases;
mod clause;
mod judge;
mod measure;
mod parse;

pub use self::{
    aliases::{Aliases, from_aliases},
    clause::{Clause, Limit, Op, Percentile, Severity, Subject},
    judge::{ClauseVerdict, Judgement, Outcome, Verdict, broken_so_far, judge},
    measure::Observed,
    parse::parse,
};
