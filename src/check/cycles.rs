//! Circles: resources that wait for each other, and conditions that are defined by each other.

use std::collections::HashMap;

use super::{
    Scope,
    finding::Findings,
    logic::{Answer, Formula},
    uses::{Kind, Owner, Use},
};

/// Reports one circle for every group of resources or conditions that has one.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for circle in circles(scope, |found| resource_edge(scope, found)) {
        if can_happen(scope, &circle) {
            report(&circle, "DLT110", "circular dependency", findings);
        }
    }
    for circle in circles(scope, |found| condition_edge(scope, found)) {
        report(&circle, "DLT111", "circular condition", findings);
    }
}

fn resource_edge<'a>(scope: &Scope<'_, 'a>, found: &Use<'a>) -> Option<&'a str> {
    let Owner::Resource(part) = found.owner else { return None };
    let waits = !matches!(found.kind, Kind::Condition | Kind::Map) && scope.template.resources.has(found.target);
    waits.then_some(part.name)
}

fn condition_edge<'a>(scope: &Scope<'_, 'a>, found: &Use<'a>) -> Option<&'a str> {
    let Owner::Condition(name) = found.owner else { return None };
    (found.kind == Kind::Condition && scope.template.conditions.has(found.target)).then_some(name)
}

fn circles<'s, 'a>(scope: &Scope<'s, 'a>, edge: impl Fn(&Use<'a>) -> Option<&'a str>) -> Vec<Vec<&'s Use<'a>>> {
    let mut search = Search::default();
    for found in scope.uses {
        if let Some(from) = edge(found) {
            search.edges.entry(from).or_default().push(found);
        }
    }
    let starts: Vec<_> = scope.uses.iter().filter_map(edge).collect();
    starts.into_iter().for_each(|start| search.visit(start));
    search.circles
}

/// A depth-first search that remembers the uses on its way.
#[derive(Default)]
struct Search<'s, 'a> {
    edges: HashMap<&'a str, Vec<&'s Use<'a>>>,
    /// Whether a node is still open (true) or done (false).
    open: HashMap<&'a str, bool>,
    trail: Vec<&'s Use<'a>>,
    circles: Vec<Vec<&'s Use<'a>>>,
}

impl<'a> Search<'_, 'a> {
    /// Walks with a stack of its own, since a template may chain thousands of names.
    fn visit(&mut self, start: &'a str) {
        if self.open.contains_key(start) {
            return;
        }
        self.open.insert(start, true);
        let mut stack = vec![(start, 0)];
        while let Some((name, next)) = stack.pop() {
            let Some(&found) = self.edges.get(name).and_then(|edges| edges.get(next)) else {
                self.open.insert(name, false);
                self.trail.pop();
                continue;
            };
            stack.push((name, next + 1));
            match self.open.get(found.target) {
                Some(true) => self.close(found, &stack),
                Some(false) => {}
                None => {
                    self.open.insert(found.target, true);
                    self.trail.push(found);
                    stack.push((found.target, 0));
                }
            }
        }
    }

    fn close(&mut self, last: &Use<'a>, stack: &[(&'a str, usize)]) {
        let Some(from) = stack.iter().position(|(name, _)| *name == last.target) else { return };
        let Some(&closing) = stack.last().and_then(|(name, next)| self.edges.get(name)?.get(next - 1)) else { return };
        let mut circle = self.trail[from..].to_vec();
        circle.push(closing);
        self.circles.push(circle);
    }
}

/// Whether every step of a circle can be there at the same time.
fn can_happen(scope: &Scope<'_, '_>, circle: &[&Use<'_>]) -> bool {
    let steps = circle.iter().map(|step| match step.owner {
        Owner::Resource(part) => scope.logic.reached(part.condition, &step.guards),
        _ => Formula::Truth(true),
    });
    scope.logic.possible(&Formula::And(steps.collect())) != Answer::Impossible
}

fn report(circle: &[&Use<'_>], code: &'static str, what: &str, findings: &mut Findings) {
    let Some(first) = circle.first() else { return };
    let mut names: Vec<_> = circle.iter().map(|step| step.target).collect();
    names.insert(0, names[names.len() - 1]);
    let message = format!("{what}: {}", names.join(" → "));
    findings.error(code, first.place, first.path.as_str(), message);
}
