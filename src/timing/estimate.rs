//! How long a plan takes, as a range: the longest chain of what moves in each stack, stacks side by side, foundations first.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::LazyLock,
};

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};

use super::{
    durations,
    graph::{Graph, Resource},
    past::Past,
    path::{self, Chain},
    remaining::Course,
    span::Span,
};
use crate::{
    config::{Config, Layers},
    deploy::{
        changes::Act,
        event::Operation,
        plan::{Action, Plan, StackPlan},
    },
    render::{self, Part},
};

/// What every stack costs besides its resources: the change set, its review by AWS, and tidying up at the end. Assumed.
const AROUND_A_STACK: Span = Span { p50_secs: 12.0, p90_secs: 30.0 };
/// Taking a resource into a stack as it is. Assumed.
const IMPORT: Span = Span { p50_secs: 3.0, p90_secs: 8.0 };

/// How long a plan takes once it is begun, besides what is uploaded and what a person thinks about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// All of it.
    pub takes: Span,
    /// Stack by stack; only those that move.
    pub stacks: Vec<StackEstimate>,
    /// How many of the types that move are known from this machine's own past.
    pub learned_types: usize,
    /// From when on something is slower than 95 % of past runs.
    #[serde(skip)]
    pub slow: Vec<Slow>,
}

/// How long one stack takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackEstimate {
    /// Its name.
    pub stack: String,
    /// Its region.
    pub region: Region,
    /// From its change set to its end.
    pub takes: Span,
    /// The chain that decides it, first to last.
    pub chain: Vec<String>,
    /// What it goes through, by which the rest is known when some of it is done.
    #[serde(skip)]
    pub course: Course,
}

/// From when on a resource of a type is slow.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Where.
    pub region: Region,
    /// Its type.
    pub kind: String,
    /// What is done to it.
    pub operation: Operation,
    /// After so many seconds.
    pub after_secs: f64,
}

impl fmt::Display for Estimate {
    /// `about 4–7 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {}", self.takes)
    }
}

/// How long a plan takes, by the table of durations alone.
pub fn estimate(plan: &Plan) -> Estimate {
    estimate_with(plan, &Past::default())
}

/// How long a plan takes, by what was learned where that is enough, else by the table.
pub fn estimate_with(plan: &Plan, past: &Past) -> Estimate {
    let mut estimate = Estimate::default();
    let (mut foundations, mut rest) = (Span::default(), Span::default());
    let mut learned = BTreeSet::new();
    for stack in plan.stacks.iter().filter(|stack| moves(stack)) {
        let clock = Clock { account: &plan.account, region: &stack.stack.region, past };
        let (chain, course) = of_stack(stack, &clock);
        let takes = chain.takes.then(AROUND_A_STACK);
        let slot = if stack.part == Part::Foundation { &mut foundations } else { &mut rest };
        *slot = slot.beside(takes);
        let chain = chain.steps.into_iter().map(|step| step.logical_id).collect();
        let (stack_name, region) = (stack.stack.name.clone(), stack.stack.region.clone());
        estimate.stacks.push(StackEstimate { stack: stack_name, region, takes, chain, course });
        for (kind, operation) in stack.resources.iter().filter_map(|it| Some((&it.kind, operation(it.act)?))) {
            if clock.learned(kind, operation).is_some() {
                learned.insert(kind);
            }
            clock.slow(kind, operation).into_iter().for_each(|slow| remember(&mut estimate.slow, slow));
        }
    }
    estimate.takes = foundations.then(rest);
    estimate.learned_types = learned.len();
    estimate
}

/// How long it takes to make stacks from nothing: foundations first, then all others side by side.
pub fn from_nothing<'g>(stacks: impl IntoIterator<Item = (Part, &'g Graph)>) -> Span {
    let (mut foundations, mut rest) = (Span::default(), Span::default());
    for (part, graph) in stacks {
        let takes = creation(graph).takes.then(AROUND_A_STACK);
        let slot = if part == Part::Foundation { &mut foundations } else { &mut rest };
        *slot = slot.beside(takes);
    }
    foundations.then(rest)
}

/// The longest chain when everything in a template is made, by the table.
pub fn creation(graph: &Graph) -> Chain {
    path::longest(graph, |_, resource| durations::of(&resource.kind, Operation::Create))
}

fn remember(known: &mut Vec<Slow>, slow: Slow) {
    if !known.contains(&slow) {
        known.push(slow);
    }
}

fn moves(stack: &StackPlan) -> bool {
    matches!(stack.action, Action::Create | Action::Update | Action::Join)
}

/// What CloudFormation does to a resource before its stack is told to be done.
fn operation(act: Act) -> Option<Operation> {
    match act {
        Act::Add | Act::Replace | Act::MayReplace => Some(Operation::Create),
        Act::Modify => Some(Operation::Update),
        Act::Remove => Some(Operation::Delete),
        Act::Import => None,
    }
}

struct Clock<'a> {
    account: &'a str,
    region: &'a Region,
    past: &'a Past,
}

impl Clock<'_> {
    fn takes(&self, kind: &str, operation: Operation) -> Span {
        self.learned(kind, operation).unwrap_or_else(|| durations::of(kind, operation))
    }

    fn learned(&self, kind: &str, operation: Operation) -> Option<Span> {
        self.past.span(self.account, self.region, kind, operation)
    }

    fn slow(&self, kind: &str, operation: Operation) -> Option<Slow> {
        let after_secs = self.past.slow_after(self.account, self.region, kind, operation)?;
        Some(Slow { region: self.region.clone(), kind: kind.to_owned(), operation, after_secs })
    }

    fn act(&self, kind: &str, act: Act) -> Span {
        let span = |operation| self.takes(kind, operation);
        match act {
            Act::Add | Act::Replace => span(Operation::Create),
            // Nobody knows yet: at best it is changed, at worst it is made anew.
            Act::MayReplace => Span::new(span(Operation::Update).p50_secs, span(Operation::Create).p90_secs),
            Act::Modify => span(Operation::Update),
            Act::Import => IMPORT,
            Act::Remove => Span::default(),
        }
    }
}

/// First everything comes and changes, in the order of the graph; what is not wanted any more goes afterwards.
fn of_stack(stack: &StackPlan, clock: &Clock<'_>) -> (Chain, Course) {
    let acts: BTreeMap<&str, Act> = stack.resources.iter().map(|it| (it.logical_id.as_str(), it.act)).collect();
    let mut graph = FULL.get(&stack.part).cloned().unwrap_or_default();
    // What the templates of today do not have stands alone.
    for resource in &stack.resources {
        let alone = Resource { kind: resource.kind.clone(), needs: BTreeSet::new() };
        graph.resources.entry(resource.logical_id.clone()).or_insert(alone);
    }
    let takes =
        |name: &String, resource: &Resource| Some((name.clone(), clock.act(&resource.kind, *acts.get(&**name)?)));
    let takes: BTreeMap<String, Span> = graph.resources.iter().filter_map(|(name, it)| takes(name, it)).collect();
    let mut chain = path::longest(&graph, |name, _| takes.get(name).copied().unwrap_or_default());
    let leaving = stack.resources.iter().filter(|it| matches!(it.act, Act::Remove | Act::Replace));
    let leaving = leaving.map(|it| clock.takes(&it.kind, Operation::Delete)).fold(Span::default(), Span::beside);
    chain.takes = chain.takes.then(leaving);
    (chain, Course { graph, takes, leaving })
}

/// Our templates with everything in them. An environment leaves parts out; what is left waits for the same things.
static FULL: LazyLock<BTreeMap<Part, Graph>> = LazyLock::new(|| {
    const EVERYTHING: &str =
        "stack: all\nregion: us-east-1\nregions: [us-east-2]\nadmin: {name: admin, email: a@example.com}\n";
    let config = Config::read(EVERYTHING, &Layers::default()).expect("the text above is an environment");
    let graph = |part: Part| {
        let region = part.regions(&config).into_iter().next()?;
        let rendered = render::render(part, &config, &region).ok()?;
        Some((part, Graph::of(&rendered.text, &BTreeMap::new()).ok()?))
    };
    [Part::Foundation, Part::Main, Part::Regional, Part::Pipeline].into_iter().filter_map(graph).collect()
});
