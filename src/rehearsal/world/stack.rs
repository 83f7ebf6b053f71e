//! A stack: what it was at every moment, what it has, and what happened to it.

use std::{collections::BTreeMap, sync::Arc};

use dlt_model::id::Region;

use super::{ChangeSet, Goal, Tempo, operation::Operation};
use crate::rehearsal::faults::Faults;

/// The type of a stack itself in its events.
const STACK: &str = "AWS::CloudFormation::Stack";

/// What DescribeStacks tells from some moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// CloudFormation's word.
    pub status: &'static str,
    /// Why.
    pub reason: Option<String>,
    /// When the last operation began, in milliseconds since 1970; none before the first update.
    pub changed_ms: Option<i64>,
    /// What the stack is, or is becoming.
    pub goal: Arc<Goal>,
    /// The values that it tells.
    pub outputs: BTreeMap<String, String>,
    /// Whether its deletion is refused.
    pub protection: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEvent {
    /// Its own id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// When it can be read.
    pub seen_ms: i64,
    /// The resource's name in the template, or the stack's.
    pub logical_id: String,
    /// Its name in AWS.
    pub physical_id: String,
    /// Its type.
    pub kind: String,
    /// CloudFormation's word.
    pub status: &'static str,
    /// Why.
    pub reason: Option<String>,
    /// The token of the operation.
    pub token: Option<String>,
}

/// A resource that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name in AWS.
    pub physical_id: String,
    /// Its type.
    pub kind: String,
    /// CloudFormation's word.
    pub status: &'static str,
}

/// A stack, also when it is gone.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its unique id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its change sets.
    pub change_sets: Vec<ChangeSet>,
    /// What is in it.
    pub resources: BTreeMap<String, Resource>,
    /// What happened, oldest first.
    pub events: Vec<StackEvent>,
    /// What it was from when on; the last entry is what it is.
    pub(super) history: Vec<(i64, Facts)>,
    pub(super) running: Option<Operation>,
}

impl Stack {
    /// A stack without anything in it, as a change set makes one.
    pub(super) fn in_review(id: String, name: &str, region: &Region, now_ms: i64) -> Self {
        let facts = Facts {
            status: "REVIEW_IN_PROGRESS",
            reason: Some("User Initiated".to_owned()),
            changed_ms: None,
            goal: Arc::default(),
            outputs: BTreeMap::new(),
            protection: false,
        };
        let mut stack = Self {
            id,
            name: name.to_owned(),
            region: region.clone(),
            created_ms: now_ms,
            change_sets: Vec::new(),
            resources: BTreeMap::new(),
            events: Vec::new(),
            history: vec![(now_ms, facts)],
            running: None,
        };
        stack.tell_of_itself(now_ms, "REVIEW_IN_PROGRESS", Some("User Initiated".to_owned()), 0);
        stack
    }

    /// What it is now.
    pub fn facts(&self) -> &Facts {
        &self.history.last().expect("a stack begins with facts: see in_review").1
    }

    /// What it was then; nothing before it was made.
    pub fn facts_at(&self, ms: i64) -> Option<&Facts> {
        self.history.iter().rfind(|(from, _)| *from <= ms).map(|(_, facts)| facts)
    }

    /// Its status.
    pub fn status(&self) -> &'static str {
        self.facts().status
    }

    /// Whether this is its name and place.
    pub fn is(&self, region: &Region, name: &str) -> bool {
        self.name == name && self.region == *region
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.status() != "DELETE_COMPLETE"
    }

    /// The kind and token of the operation that goes on.
    pub fn running(&self) -> Option<(super::Kind, Option<&str>)> {
        self.running.as_ref().map(|operation| (operation.kind, operation.token.as_deref()))
    }

    /// When something is going to happen next.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.running.as_ref().and_then(|operation| operation.steps.front()).map(|step| step.at_ms)
    }

    /// Becomes something else.
    pub(super) fn become_(&mut self, at_ms: i64, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.facts().clone();
        change(&mut facts);
        self.history.push((at_ms, facts));
    }

    /// Takes a new status, and tells it.
    pub(super) fn turn(&mut self, at_ms: i64, status: &'static str, reason: Option<String>, late_ms: u32) {
        self.become_(at_ms, |facts| {
            facts.status = status;
            facts.reason.clone_from(&reason);
        });
        self.tell_of_itself(at_ms, status, reason, late_ms);
    }

    fn tell_of_itself(&mut self, at_ms: i64, status: &'static str, reason: Option<String>, late_ms: u32) {
        let (name, id) = (self.name.clone(), self.id.clone());
        self.tell(at_ms, (&name, &id, STACK), status, reason, late_ms);
    }

    /// Tells what happened to a resource, given by its two names and its type.
    pub(super) fn tell(
        &mut self,
        at_ms: i64,
        (logical_id, physical_id, kind): (&str, &str, &str),
        status: &'static str,
        reason: Option<String>,
        late_ms: u32,
    ) {
        let number = self.events.len();
        // Some events come late and some do not, so that they also come in another order.
        let late = if late_ms == 0 { 0 } else { (number as i64 * 7919) % (i64::from(late_ms) + 1) };
        self.events.push(StackEvent {
            id: format!("{logical_id}-{status}-{number}"),
            at_ms,
            seen_ms: at_ms + late,
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            kind: kind.to_owned(),
            status,
            reason,
            token: self.running.as_ref().and_then(|operation| operation.token.clone()),
        });
    }

    /// Lets the next thing of its operation happen.
    pub(super) fn step(&mut self, faults: &mut Faults, tempo: &Tempo) {
        let step = self.running.as_mut().and_then(|operation| operation.steps.pop_front());
        if let Some(step) = step {
            super::operation::perform(self, step, faults, tempo);
        }
    }
}
