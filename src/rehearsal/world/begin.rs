//! Beginning operations: executing a change set, deleting, cancelling, going on with going back, and somebody else's doings.

use std::{collections::BTreeMap, sync::Arc};

use dlt_model::id::Region;

use super::{
    Begun, Change, Execution, Goal, Kind, Refusal, Stack, World,
    change_set::{cannot_be_updated, is_updatable},
    operation::{self, Clockwork, Deed, Operation, Steps},
    undo,
};
use crate::rehearsal::faults::{Mishap, When};

/// The token of operations that somebody else begins.
pub const FOREIGN_TOKEN: &str = "Console-ExecuteChangeSet-somebody-else";
/// What somebody else's stack consists of.
const FOREIGN_TEMPLATE: &str = "Resources: {SomebodyElses: {Type: AWS::SNS::Topic}}";

impl World {
    /// Executes a change set. With the token that it was executed with before, that is no second time.
    pub fn execute_change_set(
        &mut self,
        now_ms: i64,
        region: &Region,
        stack: Option<&str>,
        name: &str,
        token: Option<String>,
    ) -> Result<(), Refusal> {
        let (index, place) = self.find_change_set(region, stack, name)?;
        let stack = &self.stacks[index];
        let set = &stack.change_sets[place];
        let same = |begun: &Begun| begun.stack_id == stack.id && begun.token.is_some() && begun.token == token;
        if set.execution == Execution::Executed && self.begun.iter().any(same) {
            return Ok(());
        }
        let status = match (set.status(now_ms), set.execution_status(now_ms, stack.running.is_some())) {
            ("CREATE_COMPLETE", "AVAILABLE") => stack.status(),
            (made, executed) => {
                let word = if made == "CREATE_COMPLETE" { executed } else { made };
                let message =
                    format!("ChangeSet [{}] cannot be executed in its current execution status of [{word}]", set.id);
                return Err(Refusal::new("InvalidChangeSetStatus", message));
            }
        };
        let kind = match status {
            "REVIEW_IN_PROGRESS" => Kind::Create,
            status if is_updatable(status) => Kind::Update,
            status => return Err(cannot_be_updated(stack, status)),
        };
        let (goal, id, changes) = (set.goal.clone(), set.id.clone(), set.changes.clone());
        let stack = &mut self.stacks[index];
        stack.change_sets.retain(|it| it.id == id);
        stack.change_sets.iter_mut().for_each(|it| it.execution = Execution::Executed);
        self.take_in(&goal, &changes);
        self.begin(now_ms, index, kind, (goal, changes), token);
        Ok(())
    }

    /// What is imported belongs to the stack; what is in the way of what is made makes it fail.
    fn take_in(&mut self, goal: &Goal, changes: &BTreeMap<String, Change>) {
        for (name, change) in changes {
            let kind = goal.kind(name);
            let Some(given) = goal.given_name(name).filter(|given| self.is_outside(kind, given)) else { continue };
            match change {
                Change::Import => drop(self.outside.remove(&(kind.to_owned(), given.to_owned()))),
                Change::Add | Change::Replace => self.faults.mishaps.push(Mishap {
                    logical_id: name.clone(),
                    when: if *change == Change::Add { When::Create } else { When::Update },
                    reason: format!("{given} already exists"),
                }),
                Change::Modify | Change::Remove => {}
            }
        }
    }

    fn begin(
        &mut self,
        now_ms: i64,
        index: usize,
        kind: Kind,
        (goal, changes): (Arc<Goal>, BTreeMap<String, Change>),
        token: Option<String>,
    ) {
        let late_ms = self.faults.events_late_ms;
        let stack = &mut self.stacks[index];
        self.begun.push(Begun { stack_id: stack.id.clone(), token: token.clone() });
        let before = stack.facts().goal.clone();
        let clock = Clockwork { now_ms, faults: &mut self.faults, tempo: &self.tempo };
        let steps = operation::forward(kind, &changes, &goal, clock).in_order();
        stack.running = Some(Operation { kind, token, before, changes, steps });
        stack.become_(now_ms, |facts| {
            facts.goal = goal;
            if kind == Kind::Update {
                facts.changed_ms = Some(now_ms);
            }
        });
        let status = if kind == Kind::Create { "CREATE_IN_PROGRESS" } else { "UPDATE_IN_PROGRESS" };
        stack.turn(now_ms, status, Some("User Initiated".to_owned()), late_ms);
    }

    /// Begins to delete a stack. One that is not there is deleted already.
    pub fn delete_stack(
        &mut self,
        now_ms: i64,
        region: &Region,
        name: &str,
        token: Option<String>,
    ) -> Result<(), Refusal> {
        let Ok(index) = self.find(region, name) else { return Ok(()) };
        let stack = &mut self.stacks[index];
        if stack.facts().protection {
            let message = format!("Stack [{name}] cannot be deleted while TerminationProtection is enabled");
            return Err(Refusal::validation(message));
        }
        let is_going = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"].contains(&stack.status());
        if is_going {
            return Ok(());
        }
        let late_ms = self.faults.events_late_ms;
        stack.change_sets.clear();
        if stack.status() == "REVIEW_IN_PROGRESS" {
            stack.turn(now_ms, "DELETE_COMPLETE", None, late_ms);
            return Ok(());
        }
        self.begun.push(Begun { stack_id: stack.id.clone(), token: token.clone() });
        let mut steps = Steps::default();
        let mut clock = Clockwork { now_ms, faults: &mut self.faults, tempo: &self.tempo };
        let (at_ms, failed) = undo::delete_all(stack, &mut steps, now_ms, When::Delete, &mut clock);
        let (status, reason) = match failed.as_slice() {
            [] => ("DELETE_COMPLETE", None),
            failed => {
                let names = failed.join(", ");
                ("DELETE_FAILED", Some(format!("The following resource(s) failed to delete: [{names}]. ")))
            }
        };
        steps.push(at_ms + self.tempo.beat_ms(), Deed::Ends { status, reason });
        let (before, steps) = (stack.facts().goal.clone(), steps.in_order());
        stack.running = Some(Operation { kind: Kind::Delete, token, before, changes: Default::default(), steps });
        stack.turn(now_ms, "DELETE_IN_PROGRESS", Some("User Initiated".to_owned()), late_ms);
        Ok(())
    }

    /// Makes a running update go back.
    pub fn cancel_update(&mut self, now_ms: i64, region: &Region, name: &str) -> Result<(), Refusal> {
        let index = self.find(region, name)?;
        let stack = &mut self.stacks[index];
        if stack.status() != "UPDATE_IN_PROGRESS" {
            let message = format!("CancelUpdateStack cannot be called from current stack status: {}", stack.status());
            return Err(Refusal::validation(message));
        }
        let clock = Clockwork { now_ms, faults: &mut self.faults, tempo: &self.tempo };
        undo::turn_back(stack, "User Initiated".to_owned(), clock);
        Ok(())
    }

    /// Goes on with going back. What is skipped counts as undone.
    pub fn continue_rollback(
        &mut self,
        now_ms: i64,
        region: &Region,
        name: &str,
        token: Option<String>,
        skipped: &[String],
    ) -> Result<(), Refusal> {
        let index = self.find(region, name)?;
        let stack = &mut self.stacks[index];
        if stack.status() != "UPDATE_ROLLBACK_FAILED" {
            let message = format!(
                "Stack:{} is in {} state and can not continue rollback. Only UPDATE_ROLLBACK_FAILED can.",
                stack.id,
                stack.status()
            );
            return Err(Refusal::validation(message));
        }
        self.faults.mishaps.retain(|it| it.when != When::Undo || !skipped.contains(&it.logical_id));
        self.begun.push(Begun { stack_id: stack.id.clone(), token: token.clone() });
        let before = stack.facts().goal.clone();
        let changes = stack.resources.keys().filter(|name| before.resources.contains_key(*name));
        let changes = changes.map(|name| (name.clone(), Change::Modify)).collect();
        stack.running = Some(Operation { kind: Kind::Update, token, before, changes, steps: Default::default() });
        let mut clock = Clockwork { now_ms, faults: &mut self.faults, tempo: &self.tempo };
        let steps = undo::unchange(stack, "User Initiated".to_owned(), &mut clock).in_order();
        if let Some(operation) = &mut stack.running {
            operation.steps = steps;
        }
        Ok(())
    }

    /// Switches the protection against deletion.
    pub fn protect(&mut self, now_ms: i64, region: &Region, name: &str, on: bool) -> Result<String, Refusal> {
        let index = self.find(region, name)?;
        let stack = &mut self.stacks[index];
        stack.become_(now_ms, |facts| facts.protection = on);
        Ok(stack.id.clone())
    }

    /// Somebody else makes or changes a stack, if it stands still.
    pub(super) fn intrude(&mut self, now_ms: i64, region: &Region, name: &str) {
        let Ok(index) = self.find(region, name) else { return };
        let stack = &mut self.stacks[index];
        let kind = match stack.status() {
            "REVIEW_IN_PROGRESS" => Kind::Create,
            status if is_updatable(status) => Kind::Update,
            _ => return,
        };
        let open = stack.change_sets.iter_mut().filter(|it| it.execution == Execution::Available);
        open.for_each(|it| it.execution = Execution::Obsolete);
        let goal = Goal::read(FOREIGN_TEMPLATE, &Default::default(), Default::default(), &[]);
        let goal = Arc::new(goal.expect("the template is ours and valid"));
        let changes = stack.facts().goal.changes(&goal);
        self.begin(now_ms, index, kind, (goal, changes), Some(FOREIGN_TOKEN.to_owned()));
    }

    /// Puts a stack without resources there, as the first change set makes it, and answers its place.
    pub fn review(&mut self, now_ms: i64, region: &Region, name: &str) -> usize {
        let number = self.next_id();
        let id = format!("arn:aws:cloudformation:{region}:{}:stack/{name}/{number:036x}", self.account);
        self.stacks.push(Stack::in_review(id, name, region, now_ms));
        self.stacks.len() - 1
    }

    /// Puts a stack there that was made long ago, with everything that it says.
    pub fn found(&mut self, now_ms: i64, region: &Region, name: &str, goal: Goal) {
        let faults = std::mem::take(&mut self.faults);
        let index = self.review(now_ms, region, name);
        let changes = Goal::default().changes(&goal);
        self.begin(now_ms, index, Kind::Create, (Arc::new(goal), changes), None);
        self.begun.pop();
        while self.stacks[index].next_ms().is_some() {
            let (faults, tempo) = (&mut self.faults, self.tempo);
            self.stacks[index].step(faults, &tempo);
        }
        self.faults = faults;
    }
}
