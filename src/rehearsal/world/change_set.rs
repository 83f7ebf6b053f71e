//! Change sets: made with a delay, refused where CloudFormation refuses them, executed once.

use std::{collections::BTreeMap, sync::Arc};

use dlt_model::id::Region;

use super::{Change, Goal, Refusal, Resource, Stack, World};

/// What CloudFormation says about a change set without changes.
const EMPTY: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";
/// What it says when early validation finds something; what that was is only told by the newer list of events.
const INVALID: &str =
    "The following validation(s) failed: [AWS::EarlyValidation::PropertyValidation]. Use DescribeEvents to see why.";

/// Where the execution of a change set stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It can be executed as soon as it is complete.
    Available,
    /// It is being executed, or was.
    Executed,
    /// The stack has changed since.
    Obsolete,
}

/// A change set.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    /// Its unique id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The token of the request that made it.
    pub token: Option<String>,
    /// When CloudFormation has thought about it.
    pub ready_ms: i64,
    /// What the stack would become.
    pub goal: Arc<Goal>,
    /// What would happen.
    pub changes: BTreeMap<String, Change>,
    /// What was in the stack when it was made.
    pub there: BTreeMap<String, Resource>,
    /// Why it cannot be made, if it cannot.
    pub failure: Option<&'static str>,
    /// What early validation refuses.
    pub invalid: Option<String>,
    /// Where its execution stands.
    pub execution: Execution,
}

impl ChangeSet {
    /// CloudFormation's word about its making.
    pub fn status(&self, now_ms: i64) -> &'static str {
        match self.failure {
            _ if now_ms < self.ready_ms => "CREATE_IN_PROGRESS",
            Some(_) => "FAILED",
            None => "CREATE_COMPLETE",
        }
    }

    /// CloudFormation's word about its execution, given how its stack stands.
    pub fn execution_status(&self, now_ms: i64, is_running: bool) -> &'static str {
        match self.execution {
            Execution::Available if self.status(now_ms) != "CREATE_COMPLETE" => "UNAVAILABLE",
            Execution::Available => "AVAILABLE",
            Execution::Executed if is_running => "EXECUTE_IN_PROGRESS",
            Execution::Executed => "EXECUTE_COMPLETE",
            Execution::Obsolete => "OBSOLETE",
        }
    }
}

/// A request to make a change set.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The stack's name.
    pub stack: String,
    /// The change set's name.
    pub name: String,
    /// The request's token.
    pub token: Option<String>,
    /// Whether it makes the stack.
    pub creates: bool,
    /// The template.
    pub template: String,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// What is consented to.
    pub capabilities: Vec<String>,
    /// Whether what is there under a name that the template gives is taken in.
    pub imports: bool,
}

impl World {
    /// Begins to make a change set. Answers its id and the stack's.
    pub fn create_change_set(
        &mut self,
        now_ms: i64,
        region: &Region,
        request: Request,
    ) -> Result<(String, String), Refusal> {
        let index = self.find(region, &request.stack).ok();
        if let Some(known) = index.and_then(|index| self.known(index, &request)) {
            return known;
        }
        let goal = Goal::read(&request.template, &request.parameters, request.tags, &request.capabilities)?;
        let index = self.place_for(now_ms, region, &request.stack, request.creates, index)?;
        let number = self.next_id();
        let (account, ready_ms) = (self.account.clone(), now_ms + self.tempo.change_set_ms());
        let stack = &self.stacks[index];
        let id = format!("arn:aws:cloudformation:{region}:{account}:changeSet/{}/{number:036x}", request.name);
        let mut changes = stack.facts().goal.changes(&goal);
        let is_there = |name: &str| goal.given_name(name).is_some_and(|given| self.is_outside(goal.kind(name), given));
        for (name, change) in changes.iter_mut().filter(|_| request.imports) {
            if *change == Change::Add && is_there(name) {
                *change = Change::Import;
            }
        }
        let invalid = self.faults.invalid.clone().filter(|name| changes.contains_key(name));
        let is_empty = changes.is_empty() || self.faults.empty_change_sets;
        let there = self.stacks[index].resources.clone();
        self.stacks[index].change_sets.push(ChangeSet {
            id: id.clone(),
            there,
            name: request.name,
            token: request.token,
            ready_ms,
            goal: Arc::new(goal),
            failure: if is_empty { Some(EMPTY) } else { invalid.as_ref().map(|_| INVALID) },
            changes,
            invalid,
            execution: Execution::Available,
        });
        if let Some(after_ms) = self.faults.intruder_after_ms.take() {
            self.foreign.push((ready_ms + i64::from(after_ms), region.clone(), request.stack));
        }
        Ok((id, self.stacks[index].id.clone()))
    }

    /// The answer to a request about a change set that is there already.
    fn known(&self, index: usize, request: &Request) -> Option<Result<(String, String), Refusal>> {
        let stack = &self.stacks[index];
        let known = stack.change_sets.iter().find(|it| it.name == request.name)?;
        let is_same = known.token.is_some() && known.token == request.token && !self.faults.forgetful;
        Some(if is_same {
            Ok((known.id.clone(), stack.id.clone()))
        } else {
            let message = format!("ChangeSet {} already exists", request.name);
            Err(Refusal::new("AlreadyExistsException", message))
        })
    }

    /// The stack that a change set is for, made if it makes one.
    fn place_for(
        &mut self,
        now_ms: i64,
        region: &Region,
        name: &str,
        creates: bool,
        index: Option<usize>,
    ) -> Result<usize, Refusal> {
        let Some(index) = index else {
            if !creates {
                return Err(Refusal::validation(format!("Stack [{name}] does not exist")));
            }
            return Ok(self.review(now_ms, region, name));
        };
        let stack = &self.stacks[index];
        match (stack.status(), creates) {
            ("REVIEW_IN_PROGRESS", true) => Ok(index),
            (_, true) => Err(Refusal::validation(format!(
                "Stack [{name}] already exists and cannot be created again with the changeSet."
            ))),
            (status, false) if is_updatable(status) => Ok(index),
            (status, false) => Err(cannot_be_updated(stack, status)),
        }
    }

    /// Where a change set is, by its id, or by its name and its stack's.
    pub(super) fn find_change_set(
        &self,
        region: &Region,
        stack: Option<&str>,
        name: &str,
    ) -> Result<(usize, usize), Refusal> {
        let of = |(index, it): (usize, &Stack)| {
            let place =
                it.change_sets.iter().position(|set| set.id == name || (stack.is_some() && set.name == name))?;
            Some((index, place))
        };
        let absent = || Refusal::new("ChangeSetNotFound", format!("ChangeSet [{name}] does not exist"));
        if let Some(stack) = stack {
            let index = self.find(region, stack)?;
            return of((index, &self.stacks[index])).ok_or_else(absent);
        }
        let mut there = self.stacks.iter().enumerate().filter(|(_, stack)| stack.region == *region);
        there.find_map(of).ok_or_else(absent)
    }

    /// Removes a change set. One that is not there is removed already; one that is being executed stays.
    pub fn delete_change_set(&mut self, region: &Region, stack: Option<&str>, name: &str) -> Result<(), Refusal> {
        let Ok((index, place)) = self.find_change_set(region, stack, name) else { return Ok(()) };
        let stack = &mut self.stacks[index];
        if stack.change_sets[place].execution == Execution::Executed && stack.running.is_some() {
            let message = format!("ChangeSet [{name}] is currently in EXECUTE_IN_PROGRESS and cannot be deleted");
            return Err(Refusal::new("InvalidChangeSetStatus", message));
        }
        stack.change_sets.remove(place);
        Ok(())
    }
}

/// Whether a stack of this status can be changed.
pub(super) fn is_updatable(status: &str) -> bool {
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"]
        .contains(&status)
}

pub(super) fn cannot_be_updated(stack: &Stack, status: &str) -> Refusal {
    Refusal::validation(format!("Stack:{} is in {status} state and can not be updated.", stack.id))
}
