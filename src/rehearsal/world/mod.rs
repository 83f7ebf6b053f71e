//! What there is in an account that is not there: stacks, their change sets, their events, and what was uploaded.
//!
//! A world has no clock. Every question says what time it is, and the world first catches up with that time.

mod begin;
mod change_set;
mod goal;
mod operation;
mod outputs;
mod question;
mod stack;
mod tempo;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;

pub use self::{
    begin::FOREIGN_TOKEN,
    change_set::{ChangeSet, Execution, Request},
    goal::{Change, Goal},
    operation::Kind,
    question::Page,
    stack::{Facts, Resource, Stack, StackEvent},
    tempo::Tempo,
};
use super::faults::Faults;

/// How many entries CloudFormation's lists have in tests: few, so that nobody forgets to ask for the rest.
#[cfg(test)]
pub const SHORT_PAGE: usize = 5;
/// How many they have in AWS.
const PAGE: usize = 100;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service's code.
    pub code: &'static str,
    /// Why, in the service's words.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code of its own.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What CloudFormation answers to most that it does not like.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }
}

/// An operation that was begun: what tests count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The stack's id.
    pub stack_id: String,
    /// The token that it was begun with.
    pub token: Option<String>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct World {
    /// Twelve digits.
    pub account: String,
    /// What goes wrong with resources, change sets and lists of events.
    pub faults: Faults,
    /// How long things take.
    pub tempo: Tempo,
    /// How many entries a list has before the rest must be asked for.
    pub page: usize,
    /// Every operation that was begun, in order.
    pub begun: Vec<Begun>,
    /// Objects that were sent, by `bucket/key`.
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Types and names of things that are there and belong to no stack.
    pub outside: BTreeSet<(String, String)>,
    /// Parameters of Parameter Store, by region and name.
    pub parameters: BTreeMap<(Region, String), Vec<String>>,
    /// Roles, beside those of stacks.
    pub roles: BTreeSet<String>,
    stacks: Vec<Stack>,
    foreign: Vec<(i64, Region, String)>,
    ids: u64,
}

impl World {
    /// An empty account.
    pub fn new(account: &str, faults: Faults, tempo: Tempo) -> Self {
        Self {
            account: account.to_owned(),
            faults,
            tempo,
            page: PAGE,
            begun: Vec::new(),
            objects: BTreeMap::new(),
            outside: BTreeSet::new(),
            parameters: BTreeMap::new(),
            roles: BTreeSet::new(),
            stacks: Vec::new(),
            foreign: Vec::new(),
            ids: 0,
        }
    }

    /// Every stack that ever was, the deleted ones too.
    pub fn stacks(&self) -> &[Stack] {
        &self.stacks
    }

    /// The stack of a name, if one is there.
    pub fn stack(&self, region: &Region, name: &str) -> Option<&Stack> {
        self.stacks.iter().rev().find(|stack| stack.is(region, name) && stack.is_there())
    }

    /// Lets everything happen that was due, in the order in which it was: whoever asks late finds what he would have found by
    /// asking all the time.
    pub fn advance(&mut self, now_ms: i64) {
        let first = |foreign: &[(i64, Region, String)]| {
            foreign.iter().enumerate().map(|(index, (at_ms, ..))| (*at_ms, index)).min()
        };
        loop {
            let steps = self.stacks.iter().enumerate().filter_map(|(index, stack)| Some((stack.next_ms()?, index)));
            match (steps.min(), first(&self.foreign)) {
                (Some((at_ms, index)), other)
                    if at_ms <= now_ms && other.is_none_or(|(then_ms, _)| at_ms <= then_ms) =>
                {
                    self.stacks[index].step(&mut self.faults, &self.tempo);
                }
                (_, Some((at_ms, index))) if at_ms <= now_ms => {
                    let (_, region, name) = self.foreign.remove(index);
                    self.intrude(at_ms, &region, &name);
                }
                _ => return,
            }
        }
    }

    /// Whether something of a type is there under a name and belongs to no stack.
    pub fn is_outside(&self, kind: &str, name: &str) -> bool {
        self.outside.contains(&(kind.to_owned(), name.to_owned()))
    }

    /// Another number than ever before.
    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The place of a stack that is there, by name or by id; by id also one that is gone.
    fn find(&self, region: &Region, name: &str) -> Result<usize, Refusal> {
        let by_id = |stack: &Stack| stack.id == name && stack.region == *region;
        let found = self.stacks.iter().rposition(|stack| by_id(stack) || (stack.is(region, name) && stack.is_there()));
        found.ok_or_else(|| Refusal::validation(format!("Stack with id {name} does not exist")))
    }
}
