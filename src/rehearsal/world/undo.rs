//! Going back: what an operation undoes when a resource fails or somebody cancels, and how a stack is deleted.

use super::{
    Change, Stack,
    operation::{Clockwork, Deed, Kind, Steps, order},
};
use crate::rehearsal::faults::When;

/// How long after a failure the others are stopped, in milliseconds.
const ECHO_MS: i64 = 1;

/// Forgets what was going to happen, and goes back.
pub(super) fn turn_back(stack: &mut Stack, why: String, mut now: Clockwork<'_>) {
    let Some(operation) = &mut stack.running else { return };
    operation.steps.clear();
    let kind = operation.kind;
    stop_siblings(stack, &now);
    let steps = match kind {
        Kind::Create => uncreate(stack, why + "Rollback requested by user.", &mut now),
        Kind::Update => unchange(stack, why, &mut now),
        Kind::Delete => return,
    };
    if let Some(operation) = &mut stack.running {
        operation.steps = steps.in_order();
    }
}

/// Whatever was on its way fails as well: the echoes of the first failure.
fn stop_siblings(stack: &mut Stack, now: &Clockwork<'_>) {
    let moving: Vec<_> = stack.resources.iter().filter(|(_, it)| it.status.ends_with("_IN_PROGRESS")).collect();
    let stopped: Vec<_> = moving
        .into_iter()
        .map(|(name, it)| {
            let (status, word) = if it.status.starts_with("UPDATE") {
                ("UPDATE_FAILED", "update")
            } else {
                ("CREATE_FAILED", "creation")
            };
            (name.clone(), it.clone(), status, format!("Resource {word} cancelled"))
        })
        .collect();
    for (name, resource, status, reason) in stopped {
        let names = (name.as_str(), resource.physical_id.as_str(), resource.kind.as_str());
        stack.tell(now.now_ms + ECHO_MS, names, status, Some(reason), now.faults.events_late_ms);
        if let Some(resource) = stack.resources.get_mut(&name) {
            resource.status = status;
        }
    }
}

fn uncreate(stack: &Stack, why: String, now: &mut Clockwork<'_>) -> Steps {
    let mut steps = Steps::default();
    let at_ms = now.now_ms + ECHO_MS + 1;
    steps.push(at_ms, Deed::Stack { status: "ROLLBACK_IN_PROGRESS", reason: Some(why) });
    let (at_ms, failed) = delete_all(stack, &mut steps, at_ms, When::Undo, now);
    let (status, reason) = match failed.as_slice() {
        [] => ("ROLLBACK_COMPLETE", None),
        failed => {
            ("ROLLBACK_FAILED", Some(format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "))))
        }
    };
    steps.push(at_ms + now.tempo.beat_ms(), Deed::Ends { status, reason });
    steps
}

/// Deletes what is there, the last first. Answers when that is over and what could not be deleted.
pub(super) fn delete_all(
    stack: &Stack,
    steps: &mut Steps,
    from_ms: i64,
    when: When,
    now: &mut Clockwork<'_>,
) -> (i64, Vec<String>) {
    let (mut at_ms, mut failed) = (from_ms, Vec::new());
    let there = order(&stack.facts().goal).into_iter().rev().filter(|name| stack.resources.contains_key(name));
    for name in there {
        at_ms += now.tempo.beat_ms();
        steps.resource(at_ms, &name, "DELETE_IN_PROGRESS", None);
        at_ms += now.tempo.beat_ms();
        match now.faults.failure(&name, when) {
            Some(reason) => {
                steps.resource(at_ms, &name, "DELETE_FAILED", Some(reason));
                failed.push(name);
            }
            None => steps.resource(at_ms, &name, "DELETE_COMPLETE", None),
        }
    }
    (at_ms, failed)
}

/// An update that goes back undoes its changes, and then removes what it had added.
pub(super) fn unchange(stack: &mut Stack, why: String, now: &mut Clockwork<'_>) -> Steps {
    let mut steps = Steps::default();
    let Some(operation) = &stack.running else { return steps };
    let (before, changes) = (operation.before.clone(), operation.changes.clone());
    let touched: Vec<String> = changes
        .iter()
        .filter(|(name, change)| {
            let status = stack.resources.get(*name).map(|resource| resource.status);
            matches!(change, Change::Modify | Change::Replace) && status.is_some_and(|it| it.starts_with("UPDATE"))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let mut at_ms = now.now_ms + ECHO_MS + 1;
    stack.become_(now.now_ms, |facts| {
        facts.goal = before;
        facts.changed_ms = Some(at_ms);
    });
    steps.push(at_ms, Deed::Stack { status: "UPDATE_ROLLBACK_IN_PROGRESS", reason: Some(why) });
    for name in touched {
        at_ms += now.tempo.beat_ms();
        steps.resource(at_ms, &name, "UPDATE_IN_PROGRESS", None);
        at_ms += now.tempo.beat_ms();
        if let Some(reason) = now.faults.failure(&name, When::Undo) {
            steps.resource(at_ms, &name, "UPDATE_FAILED", Some(reason));
            let reason = Some(format!("The following resource(s) failed to update: [{name}]. "));
            steps.push(at_ms + now.tempo.beat_ms(), Deed::Ends { status: "UPDATE_ROLLBACK_FAILED", reason });
            return steps;
        }
        steps.resource(at_ms, &name, "UPDATE_COMPLETE", None);
    }
    at_ms += now.tempo.beat_ms();
    steps.push(at_ms, Deed::Stack { status: "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", reason: None });
    for (name, _) in changes.iter().filter(|(_, change)| matches!(change, Change::Add | Change::Import)) {
        if stack.resources.contains_key(name) {
            steps.resource(at_ms + now.tempo.beat_ms(), name, "DELETE_IN_PROGRESS", None);
            at_ms += 2 * now.tempo.beat_ms();
            steps.resource(at_ms, name, "DELETE_COMPLETE", None);
        }
    }
    steps.push(at_ms + now.tempo.beat_ms(), Deed::Ends { status: "UPDATE_ROLLBACK_COMPLETE", reason: None });
    steps
}
