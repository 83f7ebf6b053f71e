//! What the screen says about time: how long it will take, how much of it is left, and what takes longer than it used to.

use crate::{
    deploy::event::{Operation, StackRef},
    timing::Estimate,
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

/// How much longer a stack will take, as `, about 2–4 min left`.
pub(super) fn left(estimate: &Estimate, stack: &StackRef, elapsed_ms: i64) -> Option<String> {
    let known = estimate.stacks.iter().find(|known| known.stack == stack.name && known.region == stack.region)?;
    Some(match known.takes.left_after(seconds(elapsed_ms)) {
        Some(left) => format!(", {left} left"),
        None => format!(", longer than the {} that were expected", known.takes),
    })
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
