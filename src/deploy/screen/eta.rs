//! What the screen says about time: how long it will take, how much of it is left, and what takes longer than it used to.

use super::stack::{Row, StackView};
use crate::{
    deploy::event::{Operation, StackRef},
    timing::{Estimate, remaining::Progress},
};

/// What is said of a resource that takes longer than it used to.
pub(super) const SLOW: &str = "slower than 95 % of past runs";

/// One line before anything begins.
pub(super) fn expected(estimate: &Estimate) -> String {
    let source = match estimate.learned_types {
        0 => "usual times by type".to_owned(),
        1 => "1 type from your own past".to_owned(),
        types => format!("{types} types from your own past"),
    };
    format!("· this takes {estimate} besides uploads ({source})")
}

/// How much longer a stack will take, as `, 2–4 min left`: by what is left of it where its course is known, else by the
/// clock. A stack that goes back says nothing.
pub(super) fn left(estimate: &Estimate, stack: &StackRef, view: &StackView, now_ms: i64) -> Option<String> {
    let known = estimate.stacks.iter().find(|known| known.stack == stack.name && known.region == stack.region)?;
    if view.resources.values().any(|row| row.status.ends_with("_FAILED")) {
        return None;
    }
    let by_clock = known.takes.left_after(seconds(now_ms - view.began_ms));
    let left = match known.course.is_unknown() {
        true => by_clock,
        false => Some(known.course.left(|name| progress(view.resources.get(name), now_ms))),
    };
    Some(match left.filter(|_| by_clock.is_some()) {
        Some(left) => format!(", {left} left"),
        None => format!(", longer than the {} that were expected", known.takes),
    })
}

/// How far a resource is. What is removed is done with what was waited for.
fn progress(row: Option<&Row>, now_ms: i64) -> Progress {
    match row {
        None => Progress::Waiting,
        Some(row) if ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"].contains(&&*row.status) => {
            Progress::Moving(seconds(now_ms - row.began_ms))
        }
        Some(_) => Progress::Done,
    }
}

/// Whether something has taken longer by now than 95 % of past runs.
pub(super) fn is_slow(estimate: &Estimate, stack: &StackRef, kind: &str, status: &str, elapsed_ms: i64) -> bool {
    let operation = match status {
        "CREATE_IN_PROGRESS" => Operation::Create,
        "UPDATE_IN_PROGRESS" => Operation::Update,
        "DELETE_IN_PROGRESS" => Operation::Delete,
        _ => return false,
    };
    let of_it = estimate
        .slow
        .iter()
        .find(|slow| slow.region == stack.region && slow.kind == kind && slow.operation == operation);
    of_it.is_some_and(|slow| seconds(elapsed_ms) > slow.after_secs)
}

#[expect(clippy::cast_precision_loss, reason = "operations end before 2^53 milliseconds")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
