//! An operation on a stack: what is going to happen and when, planned when it begins and planned anew when it turns back.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{Change, Goal, Stack, Tempo, outputs, stack::Resource, undo};
use crate::rehearsal::faults::{Faults, When};

/// What is done to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
}

/// An operation that goes on.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub kind: Kind,
    pub token: Option<String>,
    /// What the stack was before.
    pub before: Arc<Goal>,
    /// What is done to which resource.
    pub changes: BTreeMap<String, Change>,
    /// What is going to happen, in order.
    pub steps: VecDeque<Step>,
}

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub at_ms: i64,
    pub deed: Deed,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// A resource takes a status.
    Resource { logical_id: String, status: &'static str, reason: Option<String> },
    /// A resource fails, and the operation turns back.
    Fails { logical_id: String, status: &'static str, reason: String },
    /// The stack takes a status on its way.
    Stack { status: &'static str, reason: Option<String> },
    /// The stack takes its last status.
    Ends { status: &'static str, reason: Option<String> },
}

/// The steps of making or changing everything, from this moment on.
pub(super) fn forward(kind: Kind, changes: &BTreeMap<String, Change>, goal: &Goal, start: Clockwork<'_>) -> Steps {
    let Clockwork { now_ms, faults, tempo } = start;
    let mut steps = Steps::default();
    let mut ready: BTreeMap<String, i64> = BTreeMap::new();
    for logical_id in order(goal) {
        let after = goal.needs(&logical_id).iter().filter_map(|need| ready.get(need)).max().copied().unwrap_or(now_ms);
        let Some(change) = changes.get(&logical_id) else {
            ready.insert(logical_id, after);
            continue;
        };
        let (begins, ends, when) = match change {
            Change::Modify => ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", When::Update),
            Change::Import => ("IMPORT_IN_PROGRESS", "IMPORT_COMPLETE", When::Create),
            Change::Replace => ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", When::Update),
            Change::Add | Change::Remove => ("CREATE_IN_PROGRESS", "CREATE_COMPLETE", When::Create),
        };
        let begin_ms = after + tempo.beat_ms();
        let end_ms = begin_ms + tempo.resource_ms(goal.kind(&logical_id), faults.slow.contains(&logical_id));
        steps.resource(begin_ms, &logical_id, begins, None);
        match faults.failure(&logical_id, when) {
            Some(reason) => {
                let status = if when == When::Update { "UPDATE_FAILED" } else { "CREATE_FAILED" };
                steps.push(end_ms, Deed::Fails { logical_id: logical_id.clone(), status, reason });
            }
            None => steps.resource(end_ms, &logical_id, ends, None),
        }
        ready.insert(logical_id, end_ms);
    }
    let done_ms = ready.values().max().copied().unwrap_or(now_ms) + tempo.beat_ms();
    steps.conclude(kind, changes, Clockwork { now_ms: done_ms, faults, tempo });
    steps
}

/// What planning needs of the world.
pub(super) struct Clockwork<'a> {
    pub now_ms: i64,
    pub faults: &'a mut Faults,
    pub tempo: &'a Tempo,
}

/// Steps that are being planned.
#[derive(Debug, Default)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    pub fn push(&mut self, at_ms: i64, deed: Deed) {
        self.0.push(Step { at_ms, deed });
    }

    pub fn resource(&mut self, at_ms: i64, logical_id: &str, status: &'static str, reason: Option<String>) {
        self.push(at_ms, Deed::Resource { logical_id: logical_id.to_owned(), status, reason });
    }

    /// The end of making or changing everything: an update also removes what is not wanted any more.
    fn conclude(&mut self, kind: Kind, changes: &BTreeMap<String, Change>, done: Clockwork<'_>) {
        let Clockwork { now_ms, faults, tempo } = done;
        if kind == Kind::Create {
            self.push(now_ms, Deed::Ends { status: "CREATE_COMPLETE", reason: None });
            return;
        }
        self.push(now_ms, Deed::Stack { status: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", reason: None });
        let gone = changes.iter().filter(|(_, change)| matches!(change, Change::Remove | Change::Replace));
        let mut at_ms = now_ms;
        for (logical_id, _) in gone {
            at_ms += tempo.beat_ms();
            self.resource(at_ms, logical_id, "DELETE_IN_PROGRESS", None);
            at_ms += tempo.beat_ms();
            // What cannot be cleaned up is left behind; the update has succeeded all the same.
            match faults.failure(logical_id, When::Delete) {
                Some(reason) => self.resource(at_ms, logical_id, "DELETE_FAILED", Some(reason)),
                None => self.resource(at_ms, logical_id, "DELETE_COMPLETE", None),
            }
        }
        self.push(at_ms + tempo.beat_ms(), Deed::Ends { status: "UPDATE_COMPLETE", reason: None });
    }

    /// In the order of time; what happens at the same time stays in the order of planning.
    pub fn in_order(mut self) -> VecDeque<Step> {
        self.0.sort_by_key(|step| step.at_ms);
        self.0.into()
    }
}

/// Resources so that each comes after those that it needs. A circle is broken somewhere.
pub(super) fn order(goal: &Goal) -> Vec<String> {
    fn visit(goal: &Goal, name: &str, seen: &mut std::collections::BTreeSet<String>, order: &mut Vec<String>) {
        if seen.insert(name.to_owned()) {
            goal.needs(name).iter().for_each(|need| visit(goal, need, seen, order));
            order.push(name.to_owned());
        }
    }
    let (mut seen, mut order) = (Default::default(), Vec::new());
    goal.resources.keys().for_each(|name| visit(goal, name, &mut seen, &mut order));
    order
}

/// Lets a step happen.
pub(super) fn perform(stack: &mut Stack, step: Step, faults: &mut Faults, tempo: &Tempo) {
    let (at_ms, late_ms) = (step.at_ms, faults.events_late_ms);
    match step.deed {
        Deed::Resource { logical_id, status, reason } => {
            move_resource(stack, at_ms, &logical_id, status, reason, late_ms);
        }
        Deed::Fails { logical_id, status, reason } => {
            move_resource(stack, at_ms, &logical_id, status, Some(reason), late_ms);
            let why = match status {
                "UPDATE_FAILED" => format!("The following resource(s) failed to update: [{logical_id}]. "),
                _ => format!("The following resource(s) failed to create: [{logical_id}]. "),
            };
            undo::turn_back(stack, why, Clockwork { now_ms: at_ms, faults, tempo });
        }
        Deed::Stack { status, reason } => stack.turn(at_ms, status, reason, late_ms),
        Deed::Ends { status, reason } => end(stack, at_ms, status, reason, late_ms),
    }
}

fn move_resource(
    stack: &mut Stack,
    at_ms: i64,
    logical_id: &str,
    status: &'static str,
    reason: Option<String>,
    late_ms: u32,
) {
    let goal = stack.facts().goal.clone();
    let before = stack.running.as_ref().map(|operation| operation.before.clone()).unwrap_or_default();
    let known = stack.resources.get(logical_id).cloned();
    let kind = [goal.kind(logical_id), before.kind(logical_id)].into_iter().find(|kind| !kind.is_empty());
    let kind = kind.map(ToOwned::to_owned).or(known.as_ref().map(|it| it.kind.clone())).unwrap_or_default();
    let physical_id = known.map_or_else(|| outputs::physical_id(stack, &goal, logical_id), |it| it.physical_id);
    stack.tell(at_ms, (logical_id, &physical_id, &kind), status, reason, late_ms);
    // A replaced resource keeps its place in the list when the old one goes.
    let is_replaced = stack.running.as_ref().and_then(|it| it.changes.get(logical_id)) == Some(&Change::Replace);
    if status == "DELETE_COMPLETE" && !is_replaced {
        stack.resources.remove(logical_id);
    } else {
        stack.resources.insert(logical_id.to_owned(), Resource { physical_id, kind, status });
    }
}

fn end(stack: &mut Stack, at_ms: i64, status: &'static str, reason: Option<String>, late_ms: u32) {
    if ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"].contains(&status) {
        let goal = stack.facts().goal.clone();
        let told = outputs::of(stack, &goal);
        stack.become_(at_ms, |facts| facts.outputs = told);
    }
    stack.turn(at_ms, status, reason, late_ms);
    stack.running = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_come_after_what_they_need_and_a_circle_ends() {
        let goal = |text: &str| Goal::read(text, &Default::default(), Default::default(), &[]).unwrap();
        let chain = goal("Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, DependsOn: C}, C: {Type: T}}");
        assert_eq!(order(&chain), ["C", "B", "A"]);
        let circle = goal("Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, DependsOn: A}}");
        assert_eq!(order(&circle).len(), 2);
    }
}
