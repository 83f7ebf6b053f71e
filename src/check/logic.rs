//! Conditions as logic: which of them can hold together.
//!
//! Each thing that is compared with constants becomes a variable whose values are those constants and "anything else";
//! so two different constants exclude each other by construction, and `AllowedValues` narrow the choice. A search over the
//! variables that matter then either finds an assignment or proves that there is none.

use std::collections::HashMap;

use dlt_model::document::Node;

use super::{
    expression::{self, Expression},
    template::Template,
};

/// How many steps a search may take before we say that we do not know.
const MAX_STEPS: usize = 20_000;
/// How many parts a formula may have once the conditions it names are written out.
const MAX_PARTS: usize = 10_000;
/// How deep conditions may lie in each other.
const MAX_DEPTH: usize = 64;

/// A truth about the variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// A variable has a value.
    Is(usize, usize),
    /// Always or never.
    Truth(bool),
    /// Not decided by the variables; either is possible.
    Unknown,
    /// Too large to be written out.
    TooLarge,
    /// The opposite.
    Not(Box<Formula>),
    /// All of them.
    And(Vec<Formula>),
    /// Any of them.
    Or(Vec<Formula>),
}

/// Whether and how a formula can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It can; for example like this, in words.
    Possible(String),
    /// It cannot.
    Impossible,
    /// The search was given up.
    TooMany,
}

struct Variable {
    label: String,
    values: Vec<String>,
    /// The values it may have; the index after the last value stands for anything else.
    domain: Vec<usize>,
}

/// The conditions of a template and what they are about.
pub struct Logic {
    conditions: HashMap<String, Formula>,
    variables: Vec<Variable>,
    rules: Vec<Formula>,
}

impl Logic {
    /// Reads the conditions and rules of a template.
    pub fn of(template: &Template<'_>) -> Self {
        let mut reader = Reader { template, index: HashMap::new(), variables: Vec::new(), parts: 0 };
        let conditions =
            template.conditions.iter().map(|entry| (entry.name.to_owned(), reader.whole(entry.body))).collect();
        let rules = template.rules.iter().map(|entry| reader.rule(entry.body)).collect();
        reader.narrow();
        Self { conditions, variables: reader.variables, rules }
    }

    /// The formula of a condition; a condition that is not declared is never decided.
    pub fn condition(&self, name: &str) -> Formula {
        self.conditions.get(name).cloned().unwrap_or(Formula::Unknown)
    }

    /// The formula of being in a place: its condition and the branches around it.
    pub fn reached(&self, condition: Option<&str>, guards: &[(&str, bool)]) -> Formula {
        let own = condition.map(|name| self.condition(name));
        let around = guards.iter().map(|&(name, holds)| negate_unless(holds, self.condition(name)));
        Formula::And(own.into_iter().chain(around).collect())
    }

    /// Whether a formula can hold while every rule of the template is kept.
    pub fn possible(&self, goal: &Formula) -> Answer {
        if is_too_large(goal) {
            return Answer::TooMany;
        }
        let mut order = Vec::new();
        support(goal, &mut order);
        let shown = order.len();
        self.rules.iter().for_each(|rule| support(rule, &mut order));
        let mut search =
            Search { logic: self, goal, order: &order, assignment: vec![None; self.variables.len()], steps: 0 };
        match search.run(0) {
            Some(true) => Answer::Possible(self.words(&order[..shown], &search.assignment)),
            Some(false) => Answer::Impossible,
            None => Answer::TooMany,
        }
    }

    fn words(&self, shown: &[usize], assignment: &[Option<usize>]) -> String {
        let parts: Vec<_> =
            shown.iter().filter_map(|&variable| Some(self.variables[variable].word(assignment[variable]?))).collect();
        if parts.is_empty() { "always".to_owned() } else { format!("when {}", parts.join(" and ")) }
    }
}

/// The formula, or its opposite.
pub fn negate_unless(holds: bool, formula: Formula) -> Formula {
    if holds { formula } else { Formula::Not(Box::new(formula)) }
}

impl Variable {
    fn word(&self, value: usize) -> String {
        match self.values.get(value) {
            Some(text) => format!("{} is \"{text}\"", self.label),
            None => {
                let others: Vec<_> = self.values.iter().map(|text| format!("\"{text}\"")).collect();
                format!("{} is not {}", self.label, others.join(" or "))
            }
        }
    }
}

fn is_too_large(formula: &Formula) -> bool {
    match formula {
        Formula::TooLarge => true,
        Formula::Is(..) | Formula::Truth(_) | Formula::Unknown => false,
        Formula::Not(inner) => is_too_large(inner),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().any(is_too_large),
    }
}

fn support(formula: &Formula, out: &mut Vec<usize>) {
    match formula {
        Formula::Is(variable, _) if !out.contains(variable) => out.push(*variable),
        Formula::Is(..) | Formula::Truth(_) | Formula::Unknown | Formula::TooLarge => {}
        Formula::Not(inner) => support(inner, out),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().for_each(|part| support(part, out)),
    }
}

fn evaluate(formula: &Formula, assignment: &[Option<usize>]) -> Option<bool> {
    match formula {
        Formula::Is(variable, value) => assignment[*variable].map(|assigned| assigned == *value),
        Formula::Truth(truth) => Some(*truth),
        Formula::Unknown | Formula::TooLarge => None,
        Formula::Not(inner) => evaluate(inner, assignment).map(|truth| !truth),
        Formula::And(parts) => join(parts, assignment, false),
        Formula::Or(parts) => join(parts, assignment, true),
    }
}

/// The truth of a list of which one part with the deciding truth is enough.
fn join(parts: &[Formula], assignment: &[Option<usize>], deciding: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match evaluate(part, assignment) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!deciding)
}

struct Search<'s> {
    logic: &'s Logic,
    goal: &'s Formula,
    order: &'s [usize],
    assignment: Vec<Option<usize>>,
    steps: usize,
}

impl Search<'_> {
    /// Whether the rest of the variables can be assigned; nothing when the search takes too long.
    fn run(&mut self, position: usize) -> Option<bool> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return None;
        }
        if evaluate(self.goal, &self.assignment) == Some(false) || self.breaks_a_rule() {
            return Some(false);
        }
        let Some(&variable) = self.order.get(position) else { return Some(true) };
        for &value in &self.logic.variables[variable].domain {
            self.assignment[variable] = Some(value);
            if self.run(position + 1)? {
                return Some(true);
            }
        }
        self.assignment[variable] = None;
        Some(false)
    }

    fn breaks_a_rule(&self) -> bool {
        self.logic.rules.iter().any(|rule| evaluate(rule, &self.assignment) == Some(false))
    }
}

struct Reader<'r, 'a> {
    template: &'r Template<'a>,
    index: HashMap<String, usize>,
    variables: Vec<Variable>,
    parts: usize,
}

impl Reader<'_, '_> {
    fn whole(&mut self, node: &Node) -> Formula {
        self.parts = 0;
        self.formula(node, 0)
    }

    fn formula(&mut self, node: &Node, depth: usize) -> Formula {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Formula::TooLarge;
        }
        match expression::of(node) {
            Some(Expression::Condition(name)) => match self.template.conditions.get(name) {
                Some(entry) => self.formula(entry.body, depth + 1),
                None => Formula::Unknown,
            },
            Some(Expression::Equals(left, right)) => self.equals(left, right),
            Some(Expression::Not(inner)) => Formula::Not(Box::new(self.formula(inner, depth + 1))),
            Some(Expression::And(items)) => {
                Formula::And(items.iter().map(|item| self.formula(item, depth + 1)).collect())
            }
            Some(Expression::Or(items)) => {
                Formula::Or(items.iter().map(|item| self.formula(item, depth + 1)).collect())
            }
            Some(Expression::Other("Fn::Contains", argument, _)) => self.contains(argument),
            _ => Formula::Unknown,
        }
    }

    /// `RuleCondition` implies every `Assert`.
    fn rule(&mut self, body: &Node) -> Formula {
        let assertions = body.get("Assertions").map(Node::items).unwrap_or_default();
        let parts = assertions.iter().filter_map(|item| item.get("Assert")).map(|node| self.whole(node)).collect();
        let applies = body.get("RuleCondition").map_or(Formula::Truth(true), |node| self.whole(node));
        Formula::Or(vec![Formula::Not(Box::new(applies)), Formula::And(parts)])
    }

    fn equals(&mut self, left: &Node, right: &Node) -> Formula {
        match (expression::literal(left), expression::literal(right)) {
            (Some(left), Some(right)) => Formula::Truth(left == right),
            (None, Some(constant)) => self.is(left, constant),
            (Some(constant), None) => self.is(right, constant),
            (None, None) => {
                let (left, right) = (expression::shape(left), expression::shape(right));
                if left == right { Formula::Truth(true) } else { self.same(left, right) }
            }
        }
    }

    fn contains(&mut self, argument: &Node) -> Formula {
        let [constants, subject] = argument.items() else { return Formula::Unknown };
        let parts: Option<Vec<_>> = constants.items().iter().map(expression::literal).collect();
        parts.map_or(Formula::Unknown, |parts| {
            Formula::Or(parts.iter().map(|constant| self.is(subject, constant)).collect())
        })
    }

    fn is(&mut self, subject: &Node, constant: &str) -> Formula {
        let label = match expression::of(subject) {
            Some(Expression::Ref(name)) => name.to_owned(),
            _ => expression::shape(subject),
        };
        let variable = self.variable(label);
        let values = &mut self.variables[variable].values;
        let value = values.iter().position(|known| known == constant).unwrap_or_else(|| {
            values.push(constant.to_owned());
            values.len() - 1
        });
        Formula::Is(variable, value)
    }

    /// Whether two computed values are the same: a variable with the values "true" and anything else.
    fn same(&mut self, left: String, right: String) -> Formula {
        let (first, second) = if left < right { (left, right) } else { (right, left) };
        let variable = self.variable(format!("whether {first} equals {second}"));
        let values = &mut self.variables[variable].values;
        if values.is_empty() {
            values.push("true".to_owned());
        }
        Formula::Is(variable, 0)
    }

    fn variable(&mut self, label: String) -> usize {
        *self.index.entry(label).or_insert_with_key(|label| {
            self.variables.push(Variable { label: label.clone(), values: Vec::new(), domain: Vec::new() });
            self.variables.len() - 1
        })
    }

    /// Leaves out the values that a parameter's `AllowedValues` exclude.
    fn narrow(&mut self) {
        for variable in &mut self.variables {
            let allowed =
                self.template.parameters.get(&variable.label).and_then(|entry| entry.body.get("AllowedValues"));
            let Some(allowed) = allowed.map(|node| node.items().iter().filter_map(Node::text).collect::<Vec<_>>())
            else {
                variable.domain = (0..=variable.values.len()).collect();
                continue;
            };
            let listed = |value: &String| allowed.contains(&value.as_str());
            variable.domain = (0..variable.values.len()).filter(|&value| listed(&variable.values[value])).collect();
            if allowed.iter().any(|text| !variable.values.iter().any(|value| value == text)) {
                variable.domain.push(variable.values.len());
            }
        }
    }
}
